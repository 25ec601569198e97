//! Reads result topics for a sink, as a consumer group of its own.

use std::collections::HashMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};

use super::Settings;
use crate::clock;

/// Records of one sink batch: enough that a statement's cost is spread, few enough that a refused row is found quickly.
const MAX_RECORDS: usize = 5_000;
/// Bytes of one sink batch: rows are small, but a context may not be, and databases bound a statement.
const MAX_BYTES: usize = 4 << 20;
/// How long a batch waits for more once it has a first record.
const LINGER: Duration = Duration::from_millis(10);

const LAG_TIMEOUT: Duration = Duration::from_secs(1);

/// Follows result topics; what is read is committed only when told.
pub struct ResultReader {
    consumer: BaseConsumer,
    positions: HashMap<(String, i32), i64>,
}

impl ResultReader {
    /// Joins `group` on these topics, from their beginning where the group is new.
    ///
    /// # Errors
    /// When a Kafka property is wrong.
    pub fn join(settings: &Settings, group: &str, topics: &[&str]) -> KafkaResult<Self> {
        let consumer: BaseConsumer = settings
            .consumer(group)
            // A database may be down for hours; the sink keeps its partitions and waits.
            .set("max.poll.interval.ms", "86400000")
            .create()?;
        consumer.subscribe(topics)?;
        Ok(Self { consumer, positions: HashMap::new() })
    }

    /// Gives each record's topic and value to `take`, until there is a batch or `wait` has passed; returns how many.
    pub fn read(&mut self, wait: Duration, mut take: impl FnMut(&str, &[u8])) -> usize {
        let mut deadline = clock::monotonic() + wait;
        let (mut records, mut bytes) = (0, 0);
        while records < MAX_RECORDS && bytes < MAX_BYTES {
            let left = deadline.saturating_duration_since(clock::monotonic());
            match self.consumer.poll(left) {
                Some(Ok(message)) => {
                    let payload = message.payload().unwrap_or_default();
                    take(message.topic(), payload);
                    match self.positions.get_mut(&(message.topic().to_owned(), message.partition())) {
                        Some(next) => *next = message.offset() + 1,
                        None => {
                            let place = (message.topic().to_owned(), message.partition());
                            self.positions.insert(place, message.offset() + 1);
                        }
                    }
                    if records == 0 {
                        deadline = clock::monotonic() + LINGER;
                    }
                    records += 1;
                    bytes += payload.len();
                }
                Some(Err(error)) => tracing::warn!(%error, "a sink cannot read its topics"),
                None if left.is_zero() => break,
                None => {}
            }
        }
        records
    }

    /// Commits all that was read. A failure only means that some rows are written again.
    pub fn commit(&mut self) {
        let mut list = TopicPartitionList::new();
        for ((topic, partition), next) in self.positions.drain() {
            list.add_partition_offset(&topic, partition, Offset::Offset(next)).expect("a plain offset is always taken");
        }
        match self.consumer.commit(&list, CommitMode::Sync) {
            Ok(()) | Err(KafkaError::ConsumerCommit(rdkafka::types::RDKafkaErrorCode::NoOffset)) => {}
            Err(error) => tracing::warn!(%error, "a sink could not commit; the rows will be written again"),
        }
    }

    /// Records between what was read and the ends of the topics; asks the broker, so not for each batch.
    #[must_use]
    pub fn lag(&self) -> Option<i64> {
        let position = self.consumer.position().ok()?;
        let mut behind = 0;
        for element in position.elements() {
            let Offset::Offset(offset) = element.offset() else { continue };
            let (_, high) = self.consumer.fetch_watermarks(element.topic(), element.partition(), LAG_TIMEOUT).ok()?;
            behind += (high - offset).max(0);
        }
        Some(behind)
    }
}
