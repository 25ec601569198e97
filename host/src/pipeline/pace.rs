//! When a lane commits.

use std::time::{Duration, Instant};

/// How long an idle lane waits for a message: long enough to sleep, short enough to notice a stop.
const IDLE_WAIT: Duration = Duration::from_millis(20);
/// With results to commit, silence of this length is taken as the end of a burst.
const BURST_WAIT: Duration = Duration::from_millis(2);
/// The end of a burst ends no transaction sooner after the last one than this part of the interval: small bursts that follow one
/// another would cost a broker more in transactions than in records.
const SHORTEST_PART: u32 = 4;
/// Nor does it wait longer than this, however long the interval: an idle lane commits at once.
const LONGEST_REST: Duration = Duration::from_millis(100);

/// At the end of a burst, at the latest when the interval is over.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    /// When the oldest message without a commit was read.
    uncommitted_since: Option<Instant>,
    last_commit: Option<Instant>,
}

impl Pace {
    /// `interval`: the longest time between two transactions.
    pub(super) fn new(interval: Duration) -> Self {
        Self { interval, uncommitted_since: None, last_commit: None }
    }

    /// There is something to commit.
    pub(super) fn came(&mut self, now: Instant) {
        self.uncommitted_since.get_or_insert(now);
    }

    pub(super) fn is_uncommitted(&self) -> bool {
        self.uncommitted_since.is_some()
    }

    /// How long to wait for a message.
    pub(super) fn wait(&self) -> Duration {
        if self.is_uncommitted() { BURST_WAIT } else { IDLE_WAIT }
    }

    /// `idle`: nothing has come just now.
    pub(super) fn commit_is_due(&self, now: Instant, idle: bool) -> bool {
        let rest = (self.interval / SHORTEST_PART).min(LONGEST_REST);
        let may_rest = || self.last_commit.is_none_or(|last| now.duration_since(last) >= rest);
        self.uncommitted_since.is_some_and(|since| now.duration_since(since) >= self.interval || (idle && may_rest()))
    }

    pub(super) fn committed(&mut self, now: Instant) {
        (self.uncommitted_since, self.last_commit) = (None, Some(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn a_lone_message_is_committed_at_once_and_bursts_a_few_times_in_each_interval() {
        let (mut pace, start) = (Pace::new(Duration::from_millis(100)), clock::monotonic());
        let at = |ms| start + Duration::from_millis(ms);
        assert!(!pace.commit_is_due(at(0), true), "there is nothing to commit");
        pace.came(at(0));
        assert!(pace.commit_is_due(at(2), true) && !pace.commit_is_due(at(2), false));
        pace.committed(at(2));
        pace.came(at(10));
        assert!(!pace.commit_is_due(at(12), true) && pace.commit_is_due(at(27), true));
        assert!(!pace.commit_is_due(at(109), false) && pace.commit_is_due(at(110), false));
    }

    #[test]
    fn an_idle_lane_does_not_wait_for_a_long_interval() {
        let (mut pace, start) = (Pace::new(Duration::from_secs(60)), clock::monotonic());
        pace.came(start);
        pace.committed(start);
        pace.came(start);
        assert!(!pace.commit_is_due(start + LONGEST_REST, false) && pace.commit_is_due(start + LONGEST_REST, true));
    }
}
