//! The messages of one assigned partition.

use std::ffi::{CStr, CString};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::Offset;
use rdkafka::bindings as ffi;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, KafkaResult};
use uuid::Uuid;

use super::queue::{BatchReader, Queue};
use super::subscription::Client;
use crate::clock;

const SEEK_RETRY: Duration = Duration::from_millis(10);

/// A partition of ours, read apart from all others.
pub struct PartitionQueue {
    queue: Arc<Queue>,
    consumer: Arc<Client>,
    topic: CString,
    partition: i32,
}

impl PartitionQueue {
    /// Takes a partition out of what the consumer reads. Call before the partition is assigned.
    pub(super) fn split(consumer: &Arc<Client>, topic: &str, partition: i32) -> Option<Self> {
        let queue = Arc::new(Queue::of_partition(consumer, topic, partition)?);
        let topic = CString::new(topic).ok()?;
        Some(Self { queue, consumer: Arc::clone(consumer), topic, partition })
    }

    /// Which partition.
    #[must_use]
    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// Reads it together with others.
    pub(super) fn forward_to(self, common: &Queue) {
        self.queue.forward_to(common);
    }

    /// Reads it, at most so many messages at once.
    pub(super) fn reader(&self, most: usize) -> BatchReader {
        BatchReader::new(Arc::clone(&self.queue), most)
    }

    /// The offsets that the partition holds.
    ///
    /// # Errors
    /// When the broker does not answer in time.
    pub fn held(&self, timeout: Duration) -> KafkaResult<Range<i64>> {
        let (start, end) = self.consumer.fetch_watermarks(&self.topic.to_string_lossy(), self.partition, timeout)?;
        Ok(start..end)
    }

    /// Reads on from this offset.
    ///
    /// # Errors
    /// When the client does not do it in time.
    pub fn seek(&self, offset: i64, timeout: Duration) -> KafkaResult<()> {
        let started = clock::monotonic();
        loop {
            match self.consumer.seek(&self.topic.to_string_lossy(), self.partition, Offset::Offset(offset), timeout) {
                // It has not yet begun to fetch what it was just assigned.
                Err(KafkaError::Seek(_)) if started.elapsed() < timeout => std::thread::sleep(SEEK_RETRY),
                done => return done,
            }
        }
    }

    /// The offset after all that was polled since the last seek, markers of transactions too; none before the first.
    pub(super) fn position(&self) -> Option<i64> {
        position(&self.consumer, &self.topic, self.partition)
    }

    /// Offsets at which the client was sent to the beginning of the partition since this was last asked.
    pub(super) fn take_resets(&self) -> Vec<i64> {
        self.consumer.context().resets.take(self.topic.as_bytes(), self.partition)
    }

    /// The id of the topic that the client reads, as far as it knows.
    pub(super) fn topic_id(&self) -> Option<Uuid> {
        self.consumer.context().topics.id(self.topic.as_bytes())
    }

    /// Where the partition begins, as far as the client knows; 0 when it does not.
    pub(super) fn start(&self) -> i64 {
        self.watermarks().map_or(0, |(low, _)| low.max(0))
    }

    /// Records between `offset` and the end of the partition, as far as the client knows.
    #[must_use]
    pub fn lag_behind(&self, offset: i64) -> Option<i64> {
        self.watermarks().filter(|(_, high)| *high >= 0).map(|(_, high)| (high - offset).max(0))
    }

    fn watermarks(&self) -> Option<(i64, i64)> {
        watermarks(&self.consumer, &self.topic, self.partition)
    }
}

/// The offset after all that was polled of a partition since the last seek, markers of transactions too; none before the first.
pub(super) fn position(consumer: &Client, topic: &CStr, partition: i32) -> Option<i64> {
    match consumer.position().ok()?.find_partition(&topic.to_string_lossy(), partition)?.offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    }
}

/// Beginning and end of a partition as far as a client knows them; below 0 where it does not.
pub(super) fn watermarks(consumer: &Client, topic: &CStr, partition: i32) -> Option<(i64, i64)> {
    let (mut low, mut high) = (0, 0);
    // SAFETY: asks the client's memory, with pointers that outlive the call.
    let code = unsafe {
        ffi::rd_kafka_get_watermark_offsets(
            consumer.client().native_ptr(),
            topic.as_ptr(),
            partition,
            &raw mut low,
            &raw mut high,
        )
    };
    (code == ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR).then_some((low, high))
}
