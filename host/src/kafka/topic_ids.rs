//! What a broker says of topics: the id that a topic got when it was made, and its partitions.
//!
//! rdkafka has no call for it; librdkafka's `DescribeTopics` does.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::ptr::NonNull;
use std::time::Duration;

use rdkafka::bindings as ffi;
use uuid::Uuid;

/// A topic as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Described {
    /// Another one for a topic that was deleted and made anew; none where the broker has no ids.
    pub(super) id: Option<Uuid>,
    pub(super) partitions: i32,
}

/// A pointer of librdkafka's and the function that frees what it points to.
struct Owned<T>(NonNull<T>, unsafe extern "C" fn(*mut T));

impl<T> Owned<T> {
    fn new(pointer: *mut T, free: unsafe extern "C" fn(*mut T)) -> Option<Self> {
        Some(Self(NonNull::new(pointer)?, free))
    }

    fn get(&self) -> *mut T {
        self.0.as_ptr()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: ours alone, freed once, by its own function.
        unsafe { (self.1)(self.0.as_ptr()) }
    }
}

/// Describes topics; one that does not exist, or that may not be described, is left out. None: the broker did not answer.
///
/// # Safety
/// `client` is alive until the call returns.
pub(super) unsafe fn describe(
    client: *mut ffi::rd_kafka_t,
    topics: &[String],
    timeout: Duration,
) -> Option<HashMap<String, Described>> {
    let timeout_ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    let names: Vec<CString> = topics.iter().filter_map(|topic| CString::new(topic.as_str()).ok()).collect();
    let mut pointers: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
    // SAFETY: the names outlive the calls; each value is freed by its own function, after the last use; the client is alive, as the
    // caller says.
    unsafe {
        let collection = ffi::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
        let collection = Owned::new(collection, ffi::rd_kafka_TopicCollection_destroy)?;
        let operation = ffi::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
        let options = ffi::rd_kafka_AdminOptions_new(client, operation);
        let options = Owned::new(options, ffi::rd_kafka_AdminOptions_destroy)?;
        ffi::rd_kafka_AdminOptions_set_request_timeout(options.get(), timeout_ms, std::ptr::null_mut(), 0);
        let queue = Owned::new(ffi::rd_kafka_queue_new(client), ffi::rd_kafka_queue_destroy)?;
        ffi::rd_kafka_DescribeTopics(client, collection.get(), options.get(), queue.get());
        // The client answers by itself when the time is up.
        let event = ffi::rd_kafka_queue_poll(queue.get(), timeout_ms.saturating_add(1_000));
        let event = Owned::new(event, ffi::rd_kafka_event_destroy)?;
        let result = ffi::rd_kafka_event_DescribeTopics_result(event.get());
        if result.is_null() || ffi::rd_kafka_event_error(event.get()) != ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return None;
        }
        let mut count = 0;
        let described = ffi::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        Some((0..count).filter_map(|at| read(*described.add(at))).collect())
    }
}

/// # Safety
/// A description that is alive.
unsafe fn read(topic: *const ffi::rd_kafka_TopicDescription_t) -> Option<(String, Described)> {
    // SAFETY: as the caller says; what the functions return lives as long as the description.
    unsafe {
        let error = ffi::rd_kafka_TopicDescription_error(topic);
        if !error.is_null() && ffi::rd_kafka_error_code(error) != ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return None;
        }
        let name = CStr::from_ptr(ffi::rd_kafka_TopicDescription_name(topic)).to_str().ok()?.to_owned();
        let mut partitions = 0;
        ffi::rd_kafka_TopicDescription_partitions(topic, &raw mut partitions);
        let id = ffi::rd_kafka_TopicDescription_topic_id(topic);
        let id = (!id.is_null()).then(|| {
            let [most, least] = [ffi::rd_kafka_Uuid_most_significant_bits(id), ffi::rd_kafka_Uuid_least_significant_bits(id)];
            Uuid::from_u64_pair(most.cast_unsigned(), least.cast_unsigned())
        });
        let partitions = i32::try_from(partitions).unwrap_or(i32::MAX);
        Some((name, Described { id: id.filter(|id| !id.is_nil()), partitions }))
    }
}
