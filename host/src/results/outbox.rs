//! What a lane wants to say in its next transaction.

use std::ops::Range;

use crate::config::Topics;

/// Which result topic a record goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultTopic {
    /// Rows of windows.
    Aggregations,
    /// Rows of findings.
    Anomalies,
    /// Rows of findings of detectors in the shadow.
    ShadowAnomalies,
    /// What was set aside.
    DeadLetters,
}

/// Configured names of the result topics.
#[derive(Clone, Debug)]
pub struct TopicNames {
    aggregations: String,
    anomalies: String,
    shadow_anomalies: String,
    dead_letters: String,
}

impl TopicNames {
    /// From the configuration.
    #[must_use]
    pub fn new(topics: &Topics) -> Self {
        Self {
            aggregations: topics.aggregations.clone(),
            anomalies: topics.anomalies.clone(),
            shadow_anomalies: topics.shadow_anomalies.clone(),
            dead_letters: topics.dead_letters.clone(),
        }
    }

    /// The name of one.
    #[must_use]
    pub fn name(&self, topic: ResultTopic) -> &str {
        match topic {
            ResultTopic::Aggregations => &self.aggregations,
            ResultTopic::Anomalies => &self.anomalies,
            ResultTopic::ShadowAnomalies => &self.shadow_anomalies,
            ResultTopic::DeadLetters => &self.dead_letters,
        }
    }
}

/// Headers of a dead letter.
pub type Headers = Vec<(&'static str, Vec<u8>)>;

#[derive(Debug)]
struct Entry {
    topic: ResultTopic,
    key: Option<Range<usize>>,
    value: Option<Range<usize>>,
    headers: Headers,
}

/// A record as it is sent.
#[derive(Clone, Copy, Debug)]
pub struct OutRecord<'a> {
    /// Where to.
    pub topic: ResultTopic,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value.
    pub value: Option<&'a [u8]>,
    /// Empty but for dead letters.
    pub headers: &'a [(&'static str, Vec<u8>)],
}

/// Records in order, their bytes in one buffer that is kept between transactions.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

impl Outbox {
    /// Adds a record whose value `write` appends.
    pub fn push(&mut self, topic: ResultTopic, key: &str, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key.as_bytes());
        let middle = self.bytes.len();
        write(&mut self.bytes);
        let end = self.bytes.len();
        self.entries.push(Entry { topic, key: Some(start..middle), value: Some(middle..end), headers: Vec::new() });
    }

    /// Adds a message as it came, with the headers that say why it is set aside.
    pub fn push_dead_letter(&mut self, key: Option<&[u8]>, value: Option<&[u8]>, headers: Headers) {
        let mut keep = |part: Option<&[u8]>| {
            part.map(|part| {
                let start = self.bytes.len();
                self.bytes.extend_from_slice(part);
                start..self.bytes.len()
            })
        };
        let (key, value) = (keep(key), keep(value));
        self.entries.push(Entry { topic: ResultTopic::DeadLetters, key, value, headers });
    }

    /// In the order in which they were added.
    pub fn records(&self) -> impl Iterator<Item = OutRecord<'_>> {
        let bytes = |range: &Option<Range<usize>>| range.clone().map(|range| &self.bytes[range]);
        self.entries.iter().map(move |entry| OutRecord {
            topic: entry.topic,
            key: bytes(&entry.key),
            value: bytes(&entry.value),
            headers: &entry.headers,
        })
    }

    /// Bytes held, to bound a transaction.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// True when there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Empties it and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }
}
