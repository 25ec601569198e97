//! Rows that a store does not take, and records that are no rows: a dead letter each.

use std::collections::{HashMap, VecDeque};

use super::RowBatch;
use super::batch::Place;
use crate::domain::{EventTime, Reason};
use crate::kafka::{DeadLetterWriter, FeedError, Message};
use crate::metrics::{Metrics, ReasonLabel};
use crate::results::{Aggregation, DeadLetter, ResultTopic, RowFormat, TopicNames};

/// Gathers the dead letters of a batch, to be written before its offsets are committed.
///
/// A sink that dies in between sets the same rows aside again, so a row may be there twice: `stage`, `topic`, `partition` and
/// `offset` tell that it is the same one.
pub struct SetAside {
    stage: String,
    names: TopicNames,
    format: RowFormat,
    writer: DeadLetterWriter,
    metrics: Metrics,
    letters: Vec<(Reason, DeadLetter)>,
    refused: RefusedWindows,
    /// Rows since the start.
    total: u64,
}

/// Windows of which this sink keeps in mind that their row was set aside; the oldest is forgotten.
const MOST_WINDOWS: usize = 10_000;

/// What was said last of each window whose row a store refuses: a window that is open is published again and again, and one dead
/// letter says as much as a hundred.
#[derive(Default)]
struct RefusedWindows {
    said: HashMap<(String, EventTime), (u32, bool)>,
    order: VecDeque<(String, EventTime)>,
}

impl RefusedWindows {
    /// Whether this is the first row of its window, its final one, or a correction.
    fn is_news(&mut self, row: &Aggregation) -> bool {
        let (window, says) = ((row.building.clone(), row.window_start), (row.revision, row.is_final));
        match self.said.insert(window.clone(), says) {
            Some(before) => before != says,
            None => {
                self.order.push_back(window);
                if self.order.len() > MOST_WINDOWS
                    && let Some(oldest) = self.order.pop_front()
                {
                    self.said.remove(&oldest);
                }
                true
            }
        }
    }
}

impl SetAside {
    /// For the sink of this name.
    #[must_use]
    pub fn new(sink: &str, names: TopicNames, format: RowFormat, writer: DeadLetterWriter, metrics: Metrics) -> Self {
        Self {
            stage: format!("sink.{sink}"),
            names,
            format,
            writer,
            metrics,
            letters: Vec::new(),
            refused: RefusedWindows::default(),
            total: 0,
        }
    }

    /// A batch that was cut down to the row that a store does not take, with the store's words.
    ///
    /// Its JSON is written anew: what stood on the topic, but for fields that this configuration does not know.
    /// An open window that is published again is not set aside again.
    pub(super) fn refused(&mut self, batch: &RowBatch, words: &str) {
        for (row, place) in batch.aggregations.placed() {
            if !self.refused.is_news(row) {
                continue;
            }
            let mut json = Vec::new();
            self.format.write_aggregation(row, &mut json);
            self.add(ResultTopic::Aggregations, place, [Some(row.building.as_bytes()), Some(&json)], Reason::Refused, words);
        }
        for (topic, rows) in [(ResultTopic::Anomalies, &batch.anomalies), (ResultTopic::ShadowAnomalies, &batch.shadow_anomalies)]
        {
            for (row, place) in rows.placed() {
                let mut json = Vec::new();
                self.format.write_anomaly(row, &mut json);
                self.add(topic, place, [Some(row.building.as_bytes()), Some(&json)], Reason::Refused, words);
            }
        }
    }

    /// A record of a result topic that is no row.
    pub(super) fn unreadable(&mut self, topic: ResultTopic, message: &Message<'_>, words: &str) {
        self.add(topic, Place::of(message), [message.key(), message.payload()], Reason::Unreadable, words);
    }

    fn add(&mut self, topic: ResultTopic, place: Place, [key, value]: [Option<&[u8]>; 2], reason: Reason, words: &str) {
        let headers = vec![
            ("kind", b"row".to_vec()),
            ("reason", reason.word().into()),
            ("message", words.into()),
            ("stage", self.stage.clone().into()),
            ("topic", self.names.name(topic).into()),
            ("partition", place.partition.to_string().into()),
            ("offset", place.offset.to_string().into()),
            ("timestamp", place.timestamp_ms.to_string().into()),
        ];
        let letter = DeadLetter { key: key.map(<[u8]>::to_vec), value: value.map(<[u8]>::to_vec), headers };
        self.letters.push((reason, letter));
    }

    /// Writes what was gathered; after an error all of it is kept for another try.
    pub(super) fn write(&mut self) -> Result<(), FeedError> {
        if self.letters.is_empty() {
            return Ok(());
        }
        self.writer.write(self.letters.iter().map(|(_, letter)| letter))?;
        // One line for a batch: a store may refuse all of it.
        let rows = self.letters.len();
        self.total += rows as u64;
        let since_start = self.total;
        tracing::warn!(
            stage = self.stage,
            rows,
            since_start,
            "rows are set aside; `wattdog dead-letters list --kind row` tells why"
        );
        for (reason, _) in self.letters.drain(..) {
            self.metrics.dead_letters.get_or_create(&ReasonLabel { reason: reason.word().to_owned() }).inc();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_set_aside_when_it_is_first_refused_final_and_corrected() {
        let row = |building: &str, count, revision, is_final| Aggregation {
            building: building.to_owned(),
            window_start: EventTime(0),
            window_end: EventTime(1),
            count,
            revision,
            is_final,
            measures: Vec::new(),
        };
        let mut refused = RefusedWindows::default();
        let mut is_news = |row| refused.is_news(&row);
        assert!(is_news(row("A", 1, 0, false)) && is_news(row("B", 1, 0, false)));
        assert!(!is_news(row("A", 2, 0, false)) && !is_news(row("A", 3, 0, false)));
        assert!(is_news(row("A", 3, 0, true)) && !is_news(row("A", 3, 0, true)));
        assert!(is_news(row("A", 4, 1, true)) && !is_news(row("B", 2, 0, false)));
        for number in 0..MOST_WINDOWS {
            is_news(row(&number.to_string(), 1, 0, false));
        }
        assert_eq!((refused.said.len(), refused.order.len()), (MOST_WINDOWS, MOST_WINDOWS));
    }
}
