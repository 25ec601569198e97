//! Messages of one partition, taken whole batches at a time.
//!
//! rdkafka's safe API hands out one message a call; its C queue gives a batch at a quarter of the cost for each message.

use std::ffi::CString;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings as ffi;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::group::Context;

/// Most messages of one poll: large enough that a plugin's call costs nothing, small enough to stay in the processor's cache.
pub(super) const MAX_BATCH: usize = 4_096;

/// The queue of one assigned partition. Dropped before the consumer that it holds.
pub struct PartitionQueue {
    queue: NonNull<ffi::rd_kafka_queue_t>,
    consumer: Arc<BaseConsumer<Context>>,
    partition: i32,
    buffer: Box<[*mut ffi::rd_kafka_message_t]>,
}

// SAFETY: librdkafka's queues may be used from any thread, and only this value uses this one.
unsafe impl Send for PartitionQueue {}

/// One message, valid until the next poll.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Its place in the partition.
    pub offset: i64,
    /// Record timestamp in milliseconds since the epoch; -1 where the broker has none.
    pub timestamp_ms: i64,
    /// As it came.
    pub key: Option<&'a [u8]>,
    /// As it came.
    pub payload: Option<&'a [u8]>,
}

impl PartitionQueue {
    /// Takes a partition's messages out of the consumer's common queue. Call before the partition is assigned.
    pub(super) fn split(consumer: &Arc<BaseConsumer<Context>>, topic: &str, partition: i32) -> Option<Self> {
        let name = CString::new(topic).ok()?;
        // SAFETY: the client lives as long as `consumer`, which the result holds; forwarding to nowhere keeps the messages here.
        let queue = unsafe {
            let queue = ffi::rd_kafka_queue_get_partition(consumer.client().native_ptr(), name.as_ptr(), partition);
            let queue = NonNull::new(queue)?;
            ffi::rd_kafka_queue_forward(queue.as_ptr(), std::ptr::null_mut());
            queue
        };
        let buffer = vec![std::ptr::null_mut(); MAX_BATCH].into_boxed_slice();
        Some(Self { queue, consumer: Arc::clone(consumer), partition, buffer })
    }

    /// Which partition.
    #[must_use]
    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// What is there, at most [`MAX_BATCH`]; when nothing is, waits up to `wait` for a first message.
    pub fn poll(&mut self, wait: Duration) -> Messages<'_> {
        let mut count = self.take(0, Duration::ZERO, MAX_BATCH);
        if count == 0 && !wait.is_zero() {
            count = self.take(0, wait, 1);
            count += if count == 1 { self.take(1, Duration::ZERO, MAX_BATCH - 1) } else { 0 };
        }
        Messages { taken: &self.buffer[..count] }
    }

    fn take(&mut self, at: usize, wait: Duration, most: usize) -> usize {
        let slots = &mut self.buffer[at..at + most];
        let wait_ms = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the queue is ours and `slots` has room for `most` pointers.
        let count = unsafe { ffi::rd_kafka_consume_batch_queue(self.queue.as_ptr(), wait_ms, slots.as_mut_ptr(), slots.len()) };
        usize::try_from(count).unwrap_or(0)
    }

    /// Records between `offset` and the end of the partition, as far as the client knows.
    #[must_use]
    pub fn lag_behind(&self, topic: &str, offset: i64) -> Option<i64> {
        let name = CString::new(topic).ok()?;
        let (mut low, mut high) = (0, 0);
        // SAFETY: asks the client's memory, with pointers that outlive the call.
        let code = unsafe {
            ffi::rd_kafka_get_watermark_offsets(
                self.consumer.client().native_ptr(),
                name.as_ptr(),
                self.partition,
                &raw mut low,
                &raw mut high,
            )
        };
        (code == ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then(|| (high - offset).max(0))
    }
}

impl Drop for PartitionQueue {
    fn drop(&mut self) {
        // SAFETY: ours since `split`, and the consumer is dropped after this.
        unsafe { ffi::rd_kafka_queue_destroy(self.queue.as_ptr()) };
    }
}

/// The messages of one poll; frees them when it goes.
pub struct Messages<'a> {
    taken: &'a [*mut ffi::rd_kafka_message_t],
}

impl Messages<'_> {
    /// How many entries, errors included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.taken.len()
    }

    /// True when nothing came.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }

    /// In offset order; what the client had to say instead of a message is logged and left out.
    pub fn iter(&self) -> impl Iterator<Item = Message<'_>> {
        self.taken.iter().filter_map(|&pointer| {
            // SAFETY: librdkafka gave the pointer, and it is freed only when `self` goes.
            let message = unsafe { &*pointer };
            if message.err != ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                tracing::warn!(partition = message.partition, error = ?message.err, "the broker reports an error for a partition");
                return None;
            }
            let mut kind = ffi::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
            // SAFETY: as above.
            let timestamp_ms = unsafe { ffi::rd_kafka_message_timestamp(pointer, &raw mut kind) };
            Some(Message {
                offset: message.offset,
                timestamp_ms,
                // SAFETY: librdkafka's pointers and lengths, valid while the message is.
                key: unsafe { bytes(message.key, message.key_len) },
                // SAFETY: as above.
                payload: unsafe { bytes(message.payload, message.len) },
            })
        })
    }
}

/// # Safety
/// `pointer` is null or points to `length` bytes that live for `'a`.
unsafe fn bytes<'a>(pointer: *const std::ffi::c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: the caller's promise.
    (!pointer.is_null()).then(|| unsafe { std::slice::from_raw_parts(pointer.cast(), length) })
}

impl Drop for Messages<'_> {
    fn drop(&mut self) {
        for pointer in self.taken.iter() {
            // SAFETY: each came from librdkafka and is freed once.
            unsafe { ffi::rd_kafka_message_destroy(*pointer) };
        }
    }
}
