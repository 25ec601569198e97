//! A store that is away: how long by now, how long until it is asked again, and word of both.

use std::time::{Duration, Instant};

use rand::RngExt as _;

use crate::clock;

const FIRST_BACKOFF: Duration = Duration::from_millis(200);
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);
/// How long a reason stands before it is said again.
const REMINDER: Duration = Duration::from_secs(60);

/// Says that a store is away, each reason once a minute, and that it is back.
pub(super) struct Outage {
    sink: &'static str,
    since: Option<Instant>,
    backoff: Duration,
    /// What was said last, and when.
    said: Option<(String, Instant)>,
}

impl Outage {
    /// None yet.
    pub(super) fn new(sink: &'static str) -> Self {
        Self { sink, since: None, backoff: FIRST_BACKOFF, said: None }
    }

    /// The store does not answer: how long to wait before the next question. `what_waits` ends the sentence.
    pub(super) fn goes_on(&mut self, reason: &str, what_waits: &str) -> Duration {
        let now = clock::monotonic();
        self.since.get_or_insert(now);
        let is_known = |(said, at): &(String, Instant)| said == reason && now.duration_since(*at) < REMINDER;
        if !self.said.as_ref().is_some_and(is_known) {
            tracing::warn!(sink = self.sink, reason, "{what_waits}");
            self.said = Some((reason.to_owned(), now));
        }
        // Jitter, so that several hosts do not come back at the same instant.
        let wait = self.backoff.mul_f64(rand::rng().random_range(0.5..1.0));
        self.backoff = (self.backoff * 2).min(LONGEST_BACKOFF);
        wait
    }

    /// When the first question had no answer; none where all had.
    pub(super) fn since(&self) -> Option<Instant> {
        self.since
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
