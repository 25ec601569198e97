//! `/api/v1/dead-letters`: what was set aside last, and why.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};

use super::Shown;
use super::refusal::{Refusal, from_kafka};
use crate::domain::EventTime;
use crate::kafka::{Settings, StoredRecord, last_records};
use crate::results::REDRIVEN;

const DEFAULT_LIMIT: usize = 50;
const MOST_LETTERS: usize = 1_000;
/// Of each partition it is looked through so many at most: a filter finds none that is older.
const LOOKED_AT: i64 = 10_000;
/// Of a value, in bytes; a message may have megabytes.
const MOST_SHOWN: usize = 4_096;

/// Which ones.
#[derive(Debug, Deserialize)]
pub(super) struct Question {
    kind: Option<String>,
    reason: Option<String>,
    plugin: Option<String>,
    limit: Option<usize>,
}

/// One of them.
#[derive(Debug, Serialize)]
pub(super) struct Letter {
    /// On the dead-letter topic.
    partition: i32,
    offset: i64,
    /// When it was set aside, RFC 3339.
    time: String,
    /// `kind`, `reason`, `message`, `stage`, the source and the plugin, as the record has them.
    #[serde(flatten)]
    headers: BTreeMap<String, String>,
    key: Option<String>,
    /// The message, or its beginning; what is not UTF-8 in it is replaced.
    value: Option<String>,
}

/// The newest first.
pub(super) async fn newest(
    State(shown): State<Arc<Shown>>,
    Query(question): Query<Question>,
) -> Result<Json<Vec<Letter>>, Refusal> {
    let (kafka, topic) = (&shown.config.kafka, shown.config.topics.dead_letters.clone());
    let settings = Settings::of(kafka);
    let limit = question.limit.unwrap_or(DEFAULT_LIMIT).min(MOST_LETTERS);
    let read = move || {
        let mut letters = Vec::new();
        let looked_at = if question.is_plain() { limit as i64 } else { LOOKED_AT };
        last_records(&settings, &topic, |_| looked_at, |record| letters.extend(question.letter(record)))?;
        letters.sort_by_key(|&(time_ms, _)| std::cmp::Reverse(time_ms));
        Ok(letters.into_iter().take(limit).map(|(_, letter)| letter).collect())
    };
    from_kafka(read).await.map(Json)
}

impl Question {
    fn is_plain(&self) -> bool {
        self.kind.is_none() && self.reason.is_none() && self.plugin.is_none()
    }

    /// The letter of a record with its time, where it is one that is asked for.
    fn letter(&self, record: &StoredRecord<'_>) -> Option<(i64, Letter)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers: BTreeMap<String, String> =
            record.headers.iter().map(|&(name, value)| (name.to_owned(), text(value))).collect();
        let is = |name: &str, wanted: Option<&String>| wanted.is_none_or(|wanted| headers.get(name) == Some(wanted));
        let asked_for = [("kind", &self.kind), ("reason", &self.reason), ("plugin", &self.plugin)];
        if headers.get("kind").is_some_and(|kind| kind == REDRIVEN)
            || !asked_for.iter().all(|(name, wanted)| is(name, wanted.as_ref()))
        {
            return None;
        }
        let time_ms = record.timestamp_ms.unwrap_or(0);
        let letter = Letter {
            partition: record.partition,
            offset: record.offset,
            time: EventTime::from_millis(time_ms).to_string(),
            headers: headers.into_iter().map(|(name, value)| (renamed(name), value)).collect(),
            key: record.key.map(text),
            value: record.value.map(|value| text(&value[..value.len().min(MOST_SHOWN)])),
        };
        Some((time_ms, letter))
    }
}

/// The source's place, so that it is not taken for the letter's own.
fn renamed(header: String) -> String {
    match header.as_str() {
        "topic" | "partition" | "offset" | "timestamp" => format!("source_{header}"),
        _ => header,
    }
}
