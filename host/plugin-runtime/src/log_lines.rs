//! How many lines a plugin may write to the log: so many a second, and as many at once.

use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

pub(crate) struct LogLines {
    limit: u32,
    left: u32,
    filled: Instant,
    dropped: u64,
}

impl LogLines {
    pub(crate) fn new(limit: u32) -> Self {
        Self { limit, left: limit, filled: now(), dropped: 0 }
    }

    /// May a line be written? One that may not is counted.
    pub(crate) fn take_one(&mut self) -> bool {
        if self.filled.elapsed() >= SECOND {
            (self.left, self.filled) = (self.limit, now());
        }
        let allowed = self.left > 0;
        if allowed {
            self.left -= 1;
        } else {
            self.dropped += 1;
        }
        allowed
    }

    /// Lines dropped since this was last asked, where there were any.
    pub(crate) fn take_dropped(&mut self) -> Option<u64> {
        Some(std::mem::take(&mut self.dropped)).filter(|dropped| *dropped > 0)
    }
}

#[expect(clippy::disallowed_methods, reason = "a flood is measured by the machine's time")]
fn now() -> Instant {
    Instant::now()
}
