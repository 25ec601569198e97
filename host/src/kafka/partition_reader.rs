//! One partition up to its end, read by nobody's group.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{Offset, TopicPartitionList};

use super::detached::Detached;
use super::queue::{BatchReader, Queue};
use super::subscription::{Client, Context, Nobody};
use super::{Settings, complaints};
use crate::clock;
use crate::domain::Message;

const MAX_BATCH: usize = 4_096;
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(100);

/// Reads a partition's committed records, oldest first.
pub(super) struct PartitionReader {
    consumer: Arc<Client>,
    reader: BatchReader,
    topic: String,
    partition: i32,
    next: Offset,
    /// The broker knows the partition.
    pub(super) is_there: bool,
}

impl PartitionReader {
    /// From `start` on.
    pub(super) fn open(settings: &Settings, topic: &str, partition: i32, start: Offset) -> KafkaResult<Self> {
        let mut config = settings.consumer("wattdog.reader");
        // A whole partition is to be read, at once.
        config.set("enable.partition.eof", "true").set("fetch.message.max.bytes", "1048576").set("queued.min.messages", "100000");
        let context = Context::new(Arc::new(Nobody));
        let consumer: Arc<Client> = Arc::new(Detached::new(config.create_with_context(context)?));
        let queue = Queue::of_partition(&consumer, topic, partition).expect("a topic's name has no zero byte");
        let reader = BatchReader::new(Arc::new(queue), MAX_BATCH);
        // Where the client does not know a partition's leader yet, it asks for its beginning only half a second later.
        let metadata = consumer.fetch_metadata(Some(topic), CALL_TIMEOUT)?;
        let is_there = metadata.topics().iter().flat_map(|topic| topic.partitions()).any(|known| known.id() == partition);
        Ok(Self { consumer, reader, topic: topic.to_owned(), partition, next: start, is_there })
    }

    /// Gives what is there since the last time.
    pub(super) fn read_to_end(&mut self, mut take: impl FnMut(Message<'_>)) -> KafkaResult<()> {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic, self.partition, self.next)?;
        self.consumer.assign(&list)?;
        let mut heard = clock::monotonic();
        loop {
            if let Some(Err(error)) = self.consumer.poll(Duration::ZERO) {
                complaints::say(&error, "");
            }
            let polled = self.reader.poll(POLL);
            if !polled.is_empty() {
                heard = clock::monotonic();
            }
            for message in polled.plain() {
                self.next = Offset::Offset(message.offset + 1);
                take(message);
            }
            if polled.at_end() {
                return Ok(());
            }
            if heard.elapsed() > CALL_TIMEOUT {
                return Err(KafkaError::NoMessageReceived);
            }
        }
    }
}

/// Gives the newest committed records, about so many, oldest first.
///
/// # Errors
/// When the broker does not answer, or falls silent before the end.
pub fn newest_records(
    settings: &Settings,
    topic: &str,
    partition: i32,
    count: i64,
    take: impl FnMut(Message<'_>),
) -> KafkaResult<()> {
    PartitionReader::open(settings, topic, partition, Offset::OffsetTail(count))?.read_to_end(take)
}
