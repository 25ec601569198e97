//! Rows that a store does not take, and records that are no rows: a dead letter each.

use super::RowBatch;
use super::batch::Place;
use crate::domain::Reason;
use crate::kafka::{DeadLetterWriter, FeedError, Message};
use crate::metrics::{Metrics, ReasonLabel};
use crate::results::{DeadLetter, ResultTopic, RowFormat, TopicNames};

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
}

impl SetAside {
    /// For the sink of this name.
    #[must_use]
    pub fn new(sink: &str, names: TopicNames, format: RowFormat, writer: DeadLetterWriter, metrics: Metrics) -> Self {
        Self { stage: format!("sink.{sink}"), names, format, writer, metrics, letters: Vec::new() }
    }

    /// A batch that was cut down to the row that a store does not take, with the store's words.
    ///
    /// Its JSON is written anew: what stood on the topic, but for fields that this configuration does not know.
    pub(super) fn refused(&mut self, batch: &RowBatch, words: &str) {
        for (row, place) in batch.aggregations.placed() {
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
        tracing::warn!(stage = self.stage, rows, "rows are set aside; `wattdog dead-letters list --kind row` tells why");
        for (reason, _) in self.letters.drain(..) {
            self.metrics.dead_letters.get_or_create(&ReasonLabel { reason: reason.word().to_owned() }).inc();
        }
        Ok(())
    }
}
