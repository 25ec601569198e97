//! Queues of the client, emptied whole batches at a time.
//!
//! rdkafka's safe API hands out one message a call; its C queue gives a batch at a quarter of the cost for each message.

use std::ffi::{CStr, CString};
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings as ffi;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;

use super::complaints;
use super::subscription::Client;
use crate::domain;

/// A queue of a client, which it keeps alive.
pub(super) struct Queue {
    native: NonNull<ffi::rd_kafka_queue_t>,
    _client: Arc<Client>,
}

// SAFETY: librdkafka's queues may be used from any thread.
unsafe impl Send for Queue {}
// SAFETY: as above, by several at once.
unsafe impl Sync for Queue {}

impl Queue {
    /// A new one, to which others are forwarded.
    pub(super) fn new(client: &Arc<Client>) -> Self {
        // SAFETY: the client lives as long as the value that holds it.
        let native = unsafe { ffi::rd_kafka_queue_new(client.client().native_ptr()) };
        Self {
            native: NonNull::new(native).expect("librdkafka ends the process when it has no memory"),
            _client: Arc::clone(client),
        }
    }

    /// Takes a partition's messages out of the consumer's common queue. Call before the partition is assigned.
    pub(super) fn of_partition(client: &Arc<Client>, topic: &str, partition: i32) -> Option<Self> {
        let name = CString::new(topic).ok()?;
        // SAFETY: as in `new`, and `name` outlives the call.
        let native = unsafe { ffi::rd_kafka_queue_get_partition(client.client().native_ptr(), name.as_ptr(), partition) };
        let queue = Self { native: NonNull::new(native)?, _client: Arc::clone(client) };
        // SAFETY: forwarding to nowhere keeps the messages here.
        unsafe { ffi::rd_kafka_queue_forward(queue.native.as_ptr(), std::ptr::null_mut()) };
        Some(queue)
    }

    /// What comes here goes to another queue from now on.
    pub(super) fn forward_to(&self, other: &Self) {
        // SAFETY: both are alive; librdkafka holds the other one from then on.
        unsafe { ffi::rd_kafka_queue_forward(self.native.as_ptr(), other.native.as_ptr()) };
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: ours alone, and the client is dropped after this.
        unsafe { ffi::rd_kafka_queue_destroy(self.native.as_ptr()) };
    }
}

/// Takes batches from a queue.
pub(super) struct BatchReader {
    queue: Arc<Queue>,
    buffer: Box<[Taken]>,
}

/// A place for a message of a batch.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
struct Taken(*mut ffi::rd_kafka_message_t);

// SAFETY: between polls the buffer's pointers are not used.
unsafe impl Send for BatchReader {}

impl BatchReader {
    /// Of at most `most` messages at once.
    pub(super) fn new(queue: Arc<Queue>, most: usize) -> Self {
        Self { queue, buffer: vec![Taken(std::ptr::null_mut()); most].into_boxed_slice() }
    }

    /// What is there; when nothing is, waits up to `wait` for a first message.
    pub(super) fn poll(&mut self, wait: Duration) -> Messages<'_> {
        let most = self.buffer.len();
        let mut count = self.take(0, Duration::ZERO, most);
        if count == 0 && !wait.is_zero() {
            count = self.take(0, wait, 1);
            count += if count == 1 { self.take(1, Duration::ZERO, most - 1) } else { 0 };
        }
        Messages { taken: &self.buffer[..count] }
    }

    /// What waits here.
    pub(super) fn queued(&self) -> usize {
        // SAFETY: the queue is alive.
        unsafe { ffi::rd_kafka_queue_length(self.queue.native.as_ptr()) }
    }

    fn take(&mut self, at: usize, wait: Duration, most: usize) -> usize {
        let slots = &mut self.buffer[at..at + most];
        let wait_ms = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        let queue = self.queue.native.as_ptr();
        // SAFETY: the queue is alive and `slots`, each a pointer and nothing else, has room for `most` of them.
        let count = unsafe { ffi::rd_kafka_consume_batch_queue(queue, wait_ms, slots.as_mut_ptr().cast(), slots.len()) };
        usize::try_from(count).unwrap_or(0)
    }
}

impl Taken {
    /// Its headers, of which a reading of a gateway seldom has any.
    fn headers(&self) -> Option<*mut ffi::rd_kafka_headers_t> {
        let mut headers = std::ptr::null_mut();
        // SAFETY: messages of a poll are alive while it is lent, and keep their headers.
        let code = unsafe { ffi::rd_kafka_message_headers(self.0, &raw mut headers) };
        (code == ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR).then_some(headers)
    }

    fn text(&self, name: &CStr) -> Option<&str> {
        std::str::from_utf8(domain::Headers::header(self, name)?).ok()
    }
}

impl domain::Headers for Taken {
    fn header(&self, name: &CStr) -> Option<&[u8]> {
        let headers = self.headers()?;
        let (mut value, mut size) = (std::ptr::null(), 0);
        // SAFETY: as above, and the name ends with a zero byte.
        let code = unsafe { ffi::rd_kafka_header_get_last(headers, name.as_ptr(), &raw mut value, &raw mut size) };
        let is_there = code == ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
        // SAFETY: librdkafka's pointer and length, valid while the message is.
        unsafe { bytes(value, size) }.filter(|_| is_there)
    }
}

/// The messages of one poll; frees them when it goes.
pub struct Messages<'a> {
    taken: &'a [Taken],
}

impl Messages<'_> {
    /// As many as there are, or one more for each thing that the client has to say.
    pub(super) fn count(&self) -> usize {
        self.taken.len()
    }

    /// True when nothing came.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }

    /// True when the end of a partition was met, for clients that ask to be told.
    pub(super) fn at_end(&self) -> bool {
        let is_end = |&Taken(native): &Taken| {
            NonNull::new(native).is_some_and(|native| {
                let message = Message { native, lifetime: PhantomData };
                message.fields().err == ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF
            })
        };
        self.taken.iter().any(is_end)
    }

    /// As stages take them.
    pub fn plain(&self) -> impl Iterator<Item = domain::Message<'_>> {
        self.messages().map(|(taken, message)| {
            let headers = taken.headers();
            domain::Message {
                offset: message.offset(),
                timestamp_ms: message.timestamp_ms(),
                key: headers.and_then(|_| domain::Headers::header(taken, c"sender-key")).or_else(|| message.key()),
                payload: message.payload(),
                headers: headers.map(|_| taken as &dyn domain::Headers),
                element: headers.and_then(|_| taken.text(c"redrive-element")?.parse().ok()),
                redriven: headers
                    .and_then(|_| domain::Redriven::parse(taken.text(c"redrive-plugin")?, taken.text(c"redrive-source")?)),
            }
        })
    }

    /// In the order of each partition; what the client had to say instead of a message is logged and left out.
    pub fn iter(&self) -> impl Iterator<Item = Message<'_>> {
        self.messages().map(|(_, message)| message)
    }

    fn messages(&self) -> impl Iterator<Item = (&Taken, Message<'_>)> {
        self.taken.iter().filter_map(|taken| {
            let message = Message { native: NonNull::new(taken.0)?, lifetime: PhantomData };
            let error = message.fields().err;
            if error == ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF {
                return None;
            }
            if error != ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                complaints::say(&KafkaError::MessageConsumption(error.into()), "while a partition is read");
                return None;
            }
            Some((taken, message))
        })
    }
}

impl Drop for Messages<'_> {
    fn drop(&mut self) {
        for message in self.taken {
            // SAFETY: each came from librdkafka and is freed once.
            unsafe { ffi::rd_kafka_message_destroy(message.0) };
        }
    }
}

/// One message, valid until the next poll.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    native: NonNull<ffi::rd_kafka_message_t>,
    lifetime: PhantomData<&'a [u8]>,
}

impl<'a> Message<'a> {
    fn fields(&self) -> &'a ffi::rd_kafka_message_t {
        // SAFETY: librdkafka gave the pointer, and frees what it points to only when the `Messages` of lifetime `'a` go.
        unsafe { self.native.as_ref() }
    }

    /// Its topic.
    #[must_use]
    pub fn topic(&self) -> &'a CStr {
        // SAFETY: a message holds its topic, whose name ends with a zero byte.
        unsafe { CStr::from_ptr(ffi::rd_kafka_topic_name(self.fields().rkt)) }
    }

    /// Its partition.
    #[must_use]
    pub fn partition(&self) -> i32 {
        self.fields().partition
    }

    /// Its place in the partition.
    #[must_use]
    pub fn offset(&self) -> i64 {
        self.fields().offset
    }

    /// Record timestamp in milliseconds since the epoch; -1 where the broker has none.
    #[must_use]
    pub fn timestamp_ms(&self) -> i64 {
        let mut kind = ffi::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is alive.
        unsafe { ffi::rd_kafka_message_timestamp(self.native.as_ptr(), &raw mut kind) }
    }

    /// As it came.
    #[must_use]
    pub fn key(&self) -> Option<&'a [u8]> {
        let fields = self.fields();
        // SAFETY: librdkafka's pointer and length, valid while the message is.
        unsafe { bytes(fields.key, fields.key_len) }
    }

    /// As it came.
    #[must_use]
    pub fn payload(&self) -> Option<&'a [u8]> {
        let fields = self.fields();
        // SAFETY: as above.
        unsafe { bytes(fields.payload, fields.len) }
    }
}

/// # Safety
/// `pointer` is null or points to `length` bytes that live for `'a`.
unsafe fn bytes<'a>(pointer: *const std::ffi::c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: the caller's promise.
    (!pointer.is_null()).then(|| unsafe { std::slice::from_raw_parts(pointer.cast(), length) })
}
