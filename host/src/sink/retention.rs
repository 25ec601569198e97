//! When rows leave a store that were kept long enough.

use std::time::{Duration, Instant};

use crate::clock;
use crate::config::Span;
use crate::domain::EventTime;

/// Rows of one statement: some ten milliseconds of a store's time, for which new rows wait.
pub(super) const SLICE: u32 = 5_000;
const INTERVAL: Duration = Duration::from_secs(3_600);
/// After a failure.
const RETRY: Duration = Duration::from_secs(60);

/// Rows whose event time is further before the machine's clock than `keep` go, at the start and then hourly.
///
/// So a replay of readings that old writes rows which are there for an hour at most: raise `keep` before it.
pub(super) struct Retention {
    sink: &'static str,
    keep: Option<Span>,
    next: Instant,
    deleted: u64,
}

impl Retention {
    /// `keep`: none for all rows for ever.
    pub(super) fn new(sink: &'static str, keep: Option<Span>) -> Self {
        Self { sink, keep, next: clock::monotonic(), deleted: 0 }
    }

    /// The event time before which a slice of rows is to go now; none while there is nothing to do.
    pub(super) fn due(&self) -> Option<EventTime> {
        let keep = self.keep.filter(|_| clock::monotonic() >= self.next)?;
        Some(EventTime(clock::now().as_microsecond().saturating_sub(keep.micros())))
    }

    /// A slice is gone; an empty one is the last for an hour.
    pub(super) fn deleted(&mut self, rows: u64) {
        self.deleted += rows;
        if rows > 0 {
            return;
        }
        if self.deleted > 0 {
            tracing::info!(sink = self.sink, rows = self.deleted, "rows older than `sink.{}.keep` are deleted", self.sink);
        }
        self.deleted = 0;
        self.next = clock::monotonic() + INTERVAL;
    }

    /// The store did not delete.
    pub(super) fn failed(&mut self, reason: &str) {
        tracing::warn!(sink = self.sink, reason, "old rows are not deleted; tried again in a minute");
        self.next = clock::monotonic() + RETRY;
    }
}
