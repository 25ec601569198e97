//! How many lines a plugin may write to the log: so many a second, and as many at once.

use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

pub(crate) struct LogLines {
    limit: u32,
    left: u32,
    filled: Instant,
    dropped: u64,
    /// When it was last said how many were dropped.
    told: Option<Instant>,
}

impl LogLines {
    pub(crate) fn new(limit: u32) -> Self {
        Self { limit, left: limit, filled: now(), dropped: 0, told: None }
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

    /// Lines dropped since this was last told, where there were any; told once a second.
    pub(crate) fn take_dropped(&mut self) -> Option<u64> {
        let is_due = self.dropped > 0 && self.told.is_none_or(|told| told.elapsed() >= SECOND);
        is_due.then(|| {
            self.told = Some(now());
            std::mem::take(&mut self.dropped)
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "a flood is measured by the machine's time")]
fn now() -> Instant {
    Instant::now()
}
