//! The machine's clock: the only place that reads it, so that everything else takes time as an argument.

use std::time::{Duration, Instant, SystemTime};

/// Wall clock, for people and for the store's `recorded_at`; never for a decision about a reading.
#[must_use]
pub fn now() -> jiff::Timestamp {
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    jiff::Timestamp::now()
}

/// How long ago a file was written; nothing where that lies ahead.
#[must_use]
pub fn since(written: SystemTime) -> Duration {
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    SystemTime::now().duration_since(written).unwrap_or_default()
}

/// Monotonic clock, for pacing, commit intervals and measurements.
#[must_use]
pub fn monotonic() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    Instant::now()
}

/// Processor time that the calling thread has used: what work costs, however busy the machine is.
#[must_use]
pub fn thread_cpu() -> Duration {
    cpu_time::ThreadTime::now().as_duration()
}
