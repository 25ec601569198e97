//! How a plugin fares in all lanes together, and when it has failed too often.
//!
//! Each failed row and each moment lost in calls that failed is paid from an allowance, which good rows and time fill up again. A
//! plugin that has used it up is **exhausted**: lanes stop calling it. What follows is decided by the keeper: the version before
//! takes over, or the plugin is **quarantined** and tried again after a while.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock;

/// Good rows that pay for a failed one: a plugin that fails on one reading in a hundred goes on.
const ROWS_FOR_A_FAILURE: f64 = 20.0;
/// Failed rows in a row that are borne.
const MOST_FAILURES: f64 = 50.0;
/// Processor time in calls that failed which is borne, and the share of all time that it may go on to take.
const MOST_LOST: Duration = Duration::from_secs(2);
const LOST_SHARE: f64 = 0.1;
/// A version that fails before it has taken so many rows makes place for the one before.
const PROBATION_ROWS: u64 = 100_000;
/// The first wait before a quarantined plugin is tried again; doubled each time, up to an hour.
const FIRST_WAIT: Duration = Duration::from_secs(60);
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// Shared by all lanes and the keeper.
#[derive(Debug)]
pub struct Health {
    scored: AtomicU64,
    failed: AtomicU64,
    lost_states: AtomicU64,
    /// Processor time of calls, in nanoseconds.
    busy_ns: AtomicU64,
    /// Neither exhausted nor quarantined: the common case, without a lock.
    well: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    failures_left: f64,
    lost_left: Duration,
    filled: Instant,
    condition: Condition,
    strikes: u32,
}

/// What the lanes do about a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It is called.
    Well,
    /// It is not called, and nobody has decided what follows.
    Exhausted,
    /// It is not called before that moment.
    Quarantined {
        /// When it is tried again.
        until: Instant,
    },
}

impl Health {
    pub(super) fn new() -> Self {
        let inner = Inner {
            failures_left: MOST_FAILURES,
            lost_left: MOST_LOST,
            filled: clock::monotonic(),
            condition: Condition::Well,
            strikes: 0,
        };
        Self {
            scored: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            lost_states: AtomicU64::new(0),
            busy_ns: AtomicU64::new(0),
            well: AtomicBool::new(true),
            inner: Mutex::new(inner),
        }
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// May a lane call it now? After a quarantine one lane at a time is told to try.
    pub fn may_run(&self) -> bool {
        if self.well.load(Ordering::Relaxed) {
            return true;
        }
        let mut inner = self.inner();
        match inner.condition {
            Condition::Well => true,
            Condition::Exhausted => false,
            Condition::Quarantined { until } => {
                let now = clock::monotonic();
                let tries = now >= until;
                if tries {
                    inner.condition = Condition::Quarantined { until: now + wait(inner.strikes) };
                }
                tries
            }
        }
    }

    /// Rows that it has taken.
    pub fn scored(&self, rows: usize) {
        self.scored.fetch_add(rows as u64, Ordering::Relaxed);
        let mut inner = self.inner();
        inner.failures_left = (inner.failures_left + rows as f64 / ROWS_FOR_A_FAILURE).min(MOST_FAILURES);
        if matches!(inner.condition, Condition::Quarantined { .. }) {
            inner.condition = Condition::Well;
            self.well.store(true, Ordering::Relaxed);
        }
    }

    /// A row that it could not take.
    pub fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        let mut inner = self.inner();
        inner.failures_left -= 1.0;
        if inner.failures_left < 0.0 {
            self.exhaust(&mut inner);
        }
    }

    /// Processor time of a call that failed.
    pub fn lost(&self, time: Duration) {
        let mut inner = self.inner();
        let now = clock::monotonic();
        let refill = now.duration_since(inner.filled).mul_f64(LOST_SHARE);
        inner.filled = now;
        inner.lost_left = (inner.lost_left + refill).min(MOST_LOST);
        match inner.lost_left.checked_sub(time) {
            Some(left) => inner.lost_left = left,
            None => {
                inner.lost_left = Duration::ZERO;
                self.exhaust(&mut inner);
            }
        }
    }

    fn exhaust(&self, inner: &mut Inner) {
        inner.failures_left = 0.0;
        inner.condition = match inner.condition {
            Condition::Well | Condition::Exhausted => Condition::Exhausted,
            // It was tried again, in vain.
            Condition::Quarantined { .. } => {
                inner.strikes += 1;
                Condition::Quarantined { until: clock::monotonic() + wait(inner.strikes) }
            }
        };
        self.well.store(false, Ordering::Relaxed);
    }

    /// Processor time that its calls took.
    pub fn spent(&self, time: Duration) {
        self.busy_ns.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Processor time of its calls for each reading, in nanoseconds; none before the first.
    #[must_use]
    pub fn ns_per_reading(&self) -> Option<f64> {
        let (scored, failed) = self.counts();
        (scored + failed > 0).then(|| self.busy_ns.load(Ordering::Relaxed) as f64 / (scored + failed) as f64)
    }

    /// Meters whose state could not be written or read.
    pub fn lost_states(&self, meters: usize) {
        self.lost_states.fetch_add(meters as u64, Ordering::Relaxed);
    }

    pub(super) fn quarantine(&self) {
        let mut inner = self.inner();
        inner.strikes += 1;
        inner.condition = Condition::Quarantined { until: clock::monotonic() + wait(inner.strikes) };
    }

    /// What lanes do about it.
    #[must_use]
    pub fn condition(&self) -> Condition {
        self.inner().condition
    }

    /// It has not shown yet that it works.
    #[must_use]
    pub fn is_on_probation(&self) -> bool {
        self.scored.load(Ordering::Relaxed) < PROBATION_ROWS
    }

    /// Rows taken and rows failed on, since it was loaded.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.scored.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }

    /// Meters that had to begin anew.
    #[must_use]
    pub fn states_lost(&self) -> u64 {
        self.lost_states.load(Ordering::Relaxed)
    }
}

fn wait(strikes: u32) -> Duration {
    FIRST_WAIT.saturating_mul(1 << strikes.saturating_sub(1).min(10)).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_in_a_hundred_is_borne_for_ever() {
        let health = Health::new();
        for _ in 0..10_000 {
            health.scored(99);
            health.failed();
        }
        assert_eq!(health.condition(), Condition::Well);
    }

    #[test]
    fn failing_on_every_row_is_not() {
        let health = Health::new();
        let failures = (0..1_000).take_while(|_| health.may_run()).inspect(|_| health.failed()).count();
        assert_eq!(failures, 51);
        health.quarantine();
        assert!(!health.may_run(), "not before a while");
    }

    #[test]
    fn after_a_while_one_lane_tries_and_a_good_row_ends_the_quarantine() {
        let health = Health::new();
        while health.may_run() {
            health.failed();
        }
        health.quarantine();
        health.inner().condition = Condition::Quarantined { until: clock::monotonic() };
        assert!(health.may_run(), "it is tried");
        assert!(!health.may_run(), "by one lane only");
        health.failed();
        assert!(!health.may_run(), "in vain");
        health.inner().condition = Condition::Quarantined { until: clock::monotonic() };
        assert!(health.may_run());
        health.scored(1);
        assert!(health.may_run() && health.may_run(), "it is well again");
    }

    #[test]
    fn time_lost_counts_too() {
        let health = Health::new();
        let calls = (0..1_000).take_while(|_| health.may_run()).inspect(|_| health.lost(Duration::from_millis(50))).count();
        assert!((40..60).contains(&calls), "{calls} calls of 50 ms");
    }
}
