//! One partition up to its end, read by nobody's group.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{Offset, TopicPartitionList};

use super::queue::{BatchReader, Queue};
use super::subscription::{Context, Nobody};
use super::{Settings, complaints};
use crate::clock;
use crate::domain::Message;

const MAX_BATCH: usize = 4_096;
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(100);

/// Gives each committed record, oldest first.
pub(super) fn read_partition(settings: &Settings, topic: &str, partition: i32, take: impl FnMut(Message<'_>)) -> KafkaResult<()> {
    read_from(settings, topic, partition, Offset::Beginning, take)
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
    read_from(settings, topic, partition, Offset::OffsetTail(count), take)
}

fn read_from(
    settings: &Settings,
    topic: &str,
    partition: i32,
    start: Offset,
    mut take: impl FnMut(Message<'_>),
) -> KafkaResult<()> {
    let mut config = settings.consumer("wattdog.reader");
    // A whole partition is to be read, at once.
    config.set("enable.partition.eof", "true").set("fetch.message.max.bytes", "1048576").set("queued.min.messages", "100000");
    let context = Context { consumer: OnceLock::new(), assignments: Arc::new(Nobody) };
    let consumer: Arc<BaseConsumer<Context>> = Arc::new(config.create_with_context(context)?);
    let queue = Queue::of_partition(&consumer, topic, partition).expect("a topic's name has no zero byte");
    let mut reader = BatchReader::new(Arc::new(queue), MAX_BATCH);
    // Where the client does not know a partition's leader yet, it asks for its beginning only half a second later.
    consumer.fetch_metadata(Some(topic), CALL_TIMEOUT)?;
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, start)?;
    consumer.assign(&list)?;
    let mut heard = clock::monotonic();
    loop {
        if let Some(Err(error)) = consumer.poll(Duration::ZERO) {
            complaints::say(&error, "");
        }
        let polled = reader.poll(POLL);
        if !polled.is_empty() {
            heard = clock::monotonic();
        }
        polled.plain().for_each(&mut take);
        if polled.at_end() {
            return Ok(());
        }
        if heard.elapsed() > CALL_TIMEOUT {
            return Err(KafkaError::NoMessageReceived);
        }
    }
}
