//! Earlier messages of one partition, read by nobody's group.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};

use super::detached::Detached;
use super::queue::{BatchReader, Messages, Queue};
use super::subscription::{Client, Context, Nobody};
use super::{Settings, complaints};

const MAX_BATCH: usize = 4_096;
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads from a moment on.
pub struct History {
    consumer: Arc<Client>,
    reader: BatchReader,
    /// The first offset that is read.
    pub start: i64,
}

impl History {
    /// From the first record that is not older than `since_ms`, milliseconds since the epoch by the records' timestamps.
    ///
    /// # Errors
    /// When the broker does not answer, or there is no such partition.
    pub fn open(settings: &Settings, topic: &str, partition: i32, since_ms: i64) -> KafkaResult<Self> {
        let config = settings.consumer("wattdog.history");
        let context = Context::new(Arc::new(Nobody));
        let consumer: Arc<Client> = Arc::new(Detached::new(config.create_with_context(context)?));
        let mut times = TopicPartitionList::new();
        times.add_partition_offset(topic, partition, Offset::Offset(since_ms.max(0)))?;
        let found = consumer.offsets_for_times(times, CALL_TIMEOUT)?;
        let start = match found.find_partition(topic, partition).map(|element| element.offset()) {
            Some(Offset::Offset(offset)) => offset,
            _ => consumer.fetch_watermarks(topic, partition, CALL_TIMEOUT)?.1,
        };
        let queue = Queue::of_partition(&consumer, topic, partition).expect("a topic's name has no zero byte");
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(start))?;
        consumer.assign(&list)?;
        Ok(Self { consumer, reader: BatchReader::new(Arc::new(queue), MAX_BATCH), start })
    }

    /// What is there; when nothing is, waits up to `wait` for a first message.
    pub fn poll(&mut self, wait: Duration) -> Messages<'_> {
        if let Some(Err(error)) = self.consumer.poll(Duration::ZERO) {
            complaints::say(&error, "");
        }
        self.reader.poll(wait)
    }
}
