//! What a lane wants to say in its next transaction.

use std::ops::Range;

use crate::config::Topics;
use crate::domain::{Message, Redriven};

/// Which result topic a record goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResultTopic {
    /// Rows of windows.
    Aggregations,
    /// Rows of findings.
    Anomalies,
    /// Rows of findings of detectors in the shadow.
    ShadowAnomalies,
    /// What was set aside.
    DeadLetters,
    /// What the lane knows; to the lane's own partition.
    State,
    /// Readings, keyed by building.
    Repartition,
}

/// Configured names of the result topics.
#[derive(Clone, Debug)]
pub struct TopicNames {
    aggregations: String,
    anomalies: String,
    shadow_anomalies: String,
    dead_letters: String,
    state: String,
    repartition: String,
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
            state: topics.state.clone(),
            repartition: topics.repartition.clone(),
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
            ResultTopic::State => &self.state,
            ResultTopic::Repartition => &self.repartition,
        }
    }
}

/// Headers of a dead letter.
pub type Headers = Vec<(&'static str, Vec<u8>)>;

/// Results of one transaction fit into it; a lane's first state may take much more.
const MOST_KEPT_BYTES: usize = 4 << 20;

#[derive(Debug)]
struct Entry {
    topic: ResultTopic,
    key: Option<Range<usize>>,
    value: Option<Range<usize>>,
    headers: Headers,
    sender_headers: Vec<(String, Vec<u8>)>,
    timestamp_ms: Option<i64>,
}

impl Entry {
    fn new(topic: ResultTopic, key: Option<Range<usize>>, value: Option<Range<usize>>) -> Self {
        Self { topic, key, value, headers: Vec::new(), sender_headers: Vec::new(), timestamp_ms: None }
    }
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
    /// Empty for rows and state.
    pub headers: &'a [(&'static str, Vec<u8>)],
    /// Headers of the sender that go with a reading.
    pub sender_headers: &'a [(String, Vec<u8>)],
    /// Its time, milliseconds since the epoch; none: that of sending.
    pub timestamp_ms: Option<i64>,
}

/// How a message goes to the topic that is keyed by building.
#[derive(Debug)]
pub struct Moved<'a> {
    /// The building.
    pub key: Option<&'a [u8]>,
    /// Its readings of this building.
    pub value: Option<&'a [u8]>,
    /// The sender's key, where fields are read from it.
    pub sender_key: Option<&'a [u8]>,
    /// The sender's headers from which fields are read.
    pub sender_headers: Vec<(String, Vec<u8>)>,
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
        let key = self.keep(key.as_bytes());
        let start = self.bytes.len();
        write(&mut self.bytes);
        let value = start..self.bytes.len();
        self.entries.push(Entry::new(topic, Some(key), Some(value)));
    }

    /// Adds a message as it came, with the headers that say why it is set aside.
    pub fn push_dead_letter(&mut self, message: &Message<'_>, headers: Headers, sender_headers: Vec<(String, Vec<u8>)>) {
        let key = message.key.map(|key| self.keep(key));
        let value = message.payload.map(|value| self.keep(value));
        self.entries.push(Entry { headers, sender_headers, ..Entry::new(ResultTopic::DeadLetters, key, value) });
    }

    /// Adds a message with another key and value, and headers that tell what its own were.
    pub fn push_message(&mut self, message: &Message<'_>, moved: Moved<'_>) {
        let key = moved.key.map(|key| self.keep(key));
        let value = moved.value.map(|value| self.keep(value));
        let timestamp_ms = (message.timestamp_ms >= 0).then_some(message.timestamp_ms);
        let mut headers = message.redriven.map_or_else(Vec::new, |redriven| {
            vec![(Redriven::PLUGIN, redriven.plugin.into()), (Redriven::SOURCE, redriven.source().into_bytes())]
        });
        headers.extend(message.element.map(|element| (Message::ELEMENT, element.to_string().into_bytes())));
        headers.extend(moved.sender_key.map(|key| (Message::KEY, key.to_vec())));
        let sender_headers = moved.sender_headers;
        self.entries.push(Entry { timestamp_ms, headers, sender_headers, ..Entry::new(ResultTopic::Repartition, key, value) });
    }

    /// Adds a record of the lane's state, whose value `write` appends.
    pub fn push_state(&mut self, key: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
        let key = self.keep(key);
        let start = self.bytes.len();
        write(&mut self.bytes);
        let value = start..self.bytes.len();
        self.entries.push(Entry::new(ResultTopic::State, Some(key), Some(value)));
    }

    /// Adds the record that takes a key out of the lane's state.
    pub fn remove_state(&mut self, key: &[u8]) {
        let key = self.keep(key);
        self.entries.push(Entry::new(ResultTopic::State, Some(key), None));
    }

    fn keep(&mut self, part: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(part);
        start..self.bytes.len()
    }

    /// In the order in which they were added.
    pub fn records(&self) -> impl Iterator<Item = OutRecord<'_>> {
        let bytes = |range: &Option<Range<usize>>| range.clone().map(|range| &self.bytes[range]);
        self.entries.iter().map(move |entry| OutRecord {
            topic: entry.topic,
            key: bytes(&entry.key),
            value: bytes(&entry.value),
            headers: &entry.headers,
            sender_headers: &entry.sender_headers,
            timestamp_ms: entry.timestamp_ms,
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

    /// Empties it and keeps the memory of an ordinary transaction.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(MOST_KEPT_BYTES);
        self.entries.clear();
        self.entries.shrink_to(MOST_KEPT_BYTES / 64);
    }
}
