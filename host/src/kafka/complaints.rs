//! What the clients say by themselves, each thing once.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

use crate::clock;

/// Every client of the process repeats itself many times a second while its broker is away.
const SILENCE: Duration = Duration::from_secs(10);

static SAID: Mutex<Vec<(Option<RDKafkaErrorCode>, Instant)>> = Mutex::new(Vec::new());

/// An error that no call returns, or that the client gets over by itself.
pub(super) fn say(error: &KafkaError, reason: &str) {
    if is_news(error.rdkafka_error_code()) {
        tracing::warn!(%error, reason, "the kafka client complains, and goes on trying");
    }
}

fn is_news(code: Option<RDKafkaErrorCode>) -> bool {
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    let now = clock::monotonic();
    said.retain(|(_, at)| now.duration_since(*at) < SILENCE);
    let is_news = said.iter().all(|(known, _)| *known != code);
    if is_news {
        said.push((code, now));
    }
    is_news
}

/// A line of the client's own log.
pub(super) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        // A connection that fails or does not answer is complained of as well.
        // So is where a reader begins when the broker has less than it asked for; readers of every record report it themselves.
        _ if matches!(facility, "FAIL" | "REQTMOUT" | "OFFSET") => tracing::debug!(facility, "{message}"),
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
            tracing::error!(facility, "{message}");
        }
        RDKafkaLogLevel::Warning => tracing::warn!(facility, "{message}"),
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => tracing::info!(facility, "{message}"),
        RDKafkaLogLevel::Debug => tracing::debug!(facility, "{message}"),
    }
}
