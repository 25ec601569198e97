//! How long a call may take: so much processor time of its thread, so that a call which a busy machine merely starved is not
//! blamed; and an outer bound by the clock, since a lane waits for it all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;
use wasmtime::UpdateDeadline;

use crate::engine::TICK;

/// The outer bound, as a multiple of the limit. On a machine this busy nothing else works either.
const PATIENCE: u32 = 20;

/// Armed before each call, looked at by the engine's callback, which must not touch the store.
#[derive(Clone)]
pub(crate) struct Deadline {
    inner: Arc<Inner>,
}

struct Inner {
    origin: Instant,
    /// Processor time of the thread and the clock since `origin`, in nanoseconds, at which the call is over.
    cpu_end: AtomicU64,
    clock_end: AtomicU64,
}

impl Deadline {
    pub(crate) fn new() -> Self {
        let origin = now();
        Self { inner: Arc::new(Inner { origin, cpu_end: AtomicU64::new(0), clock_end: AtomicU64::new(0) }) }
    }

    /// For a call that begins now, on this thread. Returns the ticks after which to look first.
    pub(crate) fn arm(&self, limit: Duration) -> u64 {
        let cpu_end = ThreadTime::now().as_duration().saturating_add(limit);
        let clock_end = self.inner.origin.elapsed().saturating_add(limit.saturating_mul(PATIENCE));
        self.inner.cpu_end.store(nanos(cpu_end), Ordering::Relaxed);
        self.inner.clock_end.store(nanos(clock_end), Ordering::Relaxed);
        ticks(limit)
    }

    /// The ticks have passed: is the time up?
    pub(crate) fn look(&self) -> UpdateDeadline {
        let used = nanos(ThreadTime::now().as_duration());
        let elapsed = nanos(self.inner.origin.elapsed());
        let left = self.inner.cpu_end.load(Ordering::Relaxed).saturating_sub(used);
        if left == 0 || elapsed >= self.inner.clock_end.load(Ordering::Relaxed) {
            return UpdateDeadline::Interrupt;
        }
        UpdateDeadline::Continue(ticks(Duration::from_nanos(left)))
    }
}

#[expect(clippy::disallowed_methods, reason = "a deadline is the machine's time")]
fn now() -> Instant {
    Instant::now()
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// One tick more: the first may come at once. The engine adds the present epoch; half of the range never overflows.
fn ticks(time: Duration) -> u64 {
    let ticks = time.as_nanos().div_ceil(TICK.as_nanos()) + 1;
    u64::try_from(ticks).unwrap_or(u64::MAX).min(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_sleeps_uses_none_of_its_time() {
        let deadline = Deadline::new();
        deadline.arm(Duration::from_millis(20));
        std::thread::sleep(Duration::from_millis(100));
        assert!(matches!(deadline.look(), UpdateDeadline::Continue(_)));
    }

    #[test]
    fn but_the_clock_ends_it_at_last() {
        let deadline = Deadline::new();
        deadline.arm(Duration::from_millis(2));
        std::thread::sleep(Duration::from_millis(60));
        assert!(matches!(deadline.look(), UpdateDeadline::Interrupt));
    }
}
