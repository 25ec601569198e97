//! The best plain loop: librdkafka's batches, each message read by serde into borrowed fields, nothing done with it.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rdkafka::bindings as ffi;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde::Deserialize;

use super::{PARTITIONS, Topic};

const BATCH: usize = 1_000;

/// How one round went.
pub(crate) struct BareLoop {
    pub(crate) readings_per_second: f64,
}

#[derive(Deserialize)]
struct Reading<'a> {
    timestamp: &'a str,
    building: &'a str,
    floor: i32,
    electricity: f64,
    water: f64,
}

/// From the first message to the last.
pub(crate) fn run(topic: &Topic) -> Result<BareLoop> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &topic.kafka)
        .set("group.id", "bare")
        .set("enable.auto.commit", "false")
        .set("fetch.queue.backoff.ms", "5")
        .create()?;
    let mut assignment = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        assignment.add_partition_offset(&topic.name, partition, Offset::Beginning)?;
    }
    consumer.assign(&assignment)?;
    // SAFETY: the client lives as long as `consumer`.
    let queue = unsafe { ffi::rd_kafka_queue_get_consumer(consumer.client().native_ptr()) };
    let mut slots = vec![std::ptr::null_mut(); BATCH];
    let (mut read, mut checksum, mut started) = (0u64, 0.0, Instant::now());
    let patience = Instant::now();
    while read < topic.readings {
        // SAFETY: `slots` has room for `BATCH` pointers, and each message is freed once.
        let count = unsafe { ffi::rd_kafka_consume_batch_queue(queue, 100, slots.as_mut_ptr(), BATCH) };
        if read == 0 && count > 0 {
            started = Instant::now();
        }
        for &message in &slots[..usize::try_from(count)?] {
            // SAFETY: as above; payload and length are librdkafka's.
            unsafe {
                if (*message).err == ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                    let payload = std::slice::from_raw_parts((*message).payload.cast(), (*message).len);
                    let reading: Reading<'_> = serde_json::from_slice(payload)?;
                    let lengths = reading.timestamp.len() + reading.building.len();
                    checksum += reading.electricity + reading.water + f64::from(reading.floor) + lengths as f64;
                    read += 1;
                }
                ffi::rd_kafka_message_destroy(message);
            }
        }
        ensure!(patience.elapsed() < Duration::from_secs(120), "the bare loop read {read} of {}", topic.readings);
    }
    let seconds = started.elapsed().as_secs_f64();
    // SAFETY: ours, and used no more.
    unsafe { ffi::rd_kafka_queue_destroy(queue) };
    std::hint::black_box(checksum);
    Ok(BareLoop { readings_per_second: topic.readings as f64 / seconds })
}
