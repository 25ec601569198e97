//! The messages of one assigned partition.

use std::ffi::CString;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings as ffi;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::queue::{BatchReader, Messages, Queue};
use super::subscription::Context;

/// Most messages of one poll: large enough that a plugin's call costs nothing, small enough to stay in the processor's cache.
const MAX_BATCH: usize = 4_096;

/// A partition of ours, read apart from all others.
pub struct PartitionQueue {
    queue: Arc<Queue>,
    reader: BatchReader,
    consumer: Arc<BaseConsumer<Context>>,
    topic: CString,
    partition: i32,
}

impl PartitionQueue {
    /// Takes a partition out of what the consumer reads. Call before the partition is assigned.
    pub(super) fn split(consumer: &Arc<BaseConsumer<Context>>, topic: &str, partition: i32) -> Option<Self> {
        let queue = Arc::new(Queue::of_partition(consumer, topic, partition)?);
        let topic = CString::new(topic).ok()?;
        Some(Self {
            reader: BatchReader::new(Arc::clone(&queue), MAX_BATCH),
            queue,
            consumer: Arc::clone(consumer),
            topic,
            partition,
        })
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

    /// What is there; when nothing is, waits up to `wait` for a first message.
    pub fn poll(&mut self, wait: Duration) -> Messages<'_> {
        self.reader.poll(wait)
    }

    /// Records between `offset` and the end of the partition, as far as the client knows.
    #[must_use]
    pub fn lag_behind(&self, offset: i64) -> Option<i64> {
        let (mut low, mut high) = (0, 0);
        // SAFETY: asks the client's memory, with pointers that outlive the call.
        let code = unsafe {
            ffi::rd_kafka_get_watermark_offsets(
                self.consumer.client().native_ptr(),
                self.topic.as_ptr(),
                self.partition,
                &raw mut low,
                &raw mut high,
            )
        };
        (code == ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then(|| (high - offset).max(0))
    }
}
