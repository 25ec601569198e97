//! Rows of windows that are no longer the last of their window.

use std::collections::{HashMap, HashSet};

use anyhow::Context as _;

use super::letter::{Letter, Place};
use super::topic::DeadLetterTopic;
use crate::config::Config;
use crate::domain::EventTime;
use crate::kafka::read_records;
use crate::results::RowFormat;

/// A row of a window, where it stood on its result topic, and its letter.
struct Row {
    source: Place,
    letter: Place,
}

/// Places of the letters whose window has a later row on its topic. Sent again they would be the last one, and every store would
/// take the old for the true one.
pub(super) fn superseded<'l>(
    letters: impl Iterator<Item = &'l Letter>,
    topic: &DeadLetterTopic,
    config: &Config,
) -> anyhow::Result<HashSet<Place>> {
    let aggregations = &config.topics.aggregations;
    let letters: HashMap<Place, &Letter> =
        letters.filter(|letter| letter.source.topic == *aggregations).map(|letter| (letter.place(), letter)).collect();
    let mut superseded = HashSet::new();
    if letters.is_empty() {
        return Ok(superseded);
    }
    let format = RowFormat::new(&config.measure_names());
    let mut windows: HashMap<(String, EventTime), Vec<Row>> = HashMap::new();
    topic.each(|record| {
        let Some(letter) = letters.get(&Place::of(record)) else { return };
        if let Ok(row) = format.read_aggregation(record.value.unwrap_or_default()) {
            let rows = windows.entry((row.building, row.window_start)).or_default();
            rows.push(Row { source: letter.source.place, letter: letter.place() });
        }
    })?;
    let since_ms = letters.values().map(|letter| letter.source.timestamp_ms.unwrap_or_default()).min().unwrap_or_default();
    read_records(&topic.settings, aggregations, since_ms, |record| {
        let Ok(row) = format.read_aggregation(record.value.unwrap_or_default()) else { return };
        for before in windows.get(&(row.building, row.window_start)).into_iter().flatten() {
            if record.partition == before.source.partition && record.offset > before.source.offset {
                superseded.insert(before.letter);
            }
        }
    })
    .with_context(|| format!("cannot read topic {aggregations} at {}", topic.settings.bootstrap))?;
    Ok(superseded)
}
