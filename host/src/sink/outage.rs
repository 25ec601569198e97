//! A store that is away: how long by now, how long until it is asked again, and word of both.

use std::time::{Duration, Instant};

use rand::RngExt as _;

use crate::clock;

const FIRST_BACKOFF: Duration = Duration::from_millis(200);
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);

/// Says that a store is away, at growing intervals, and that it is back.
pub(super) struct Outage {
    sink: &'static str,
    since: Option<Instant>,
    backoff: Duration,
}

impl Outage {
    /// None yet.
    pub(super) fn new(sink: &'static str) -> Self {
        Self { sink, since: None, backoff: FIRST_BACKOFF }
    }

    /// The store does not answer: how long to wait before the next question. `what_waits` ends the sentence.
    pub(super) fn goes_on(&mut self, reason: &str, what_waits: &str) -> Duration {
        self.since.get_or_insert_with(clock::monotonic);
        tracing::warn!(sink = self.sink, reason, "{what_waits}");
        // Jitter, so that several hosts do not come back at the same instant.
        let wait = self.backoff.mul_f64(rand::rng().random_range(0.5..1.0));
        self.backoff = (self.backoff * 2).min(LONGEST_BACKOFF);
        wait
    }

    /// Since the first question without an answer; nothing where there was none.
    pub(super) fn elapsed(&self) -> Duration {
        self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// It answers.
    pub(super) fn over(&self) {
        if self.since.is_some() {
            tracing::info!(sink = self.sink, seconds = self.elapsed().as_secs(), "the store is back");
        }
    }
}
