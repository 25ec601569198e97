//! A topic as it is now: every committed record of it, read by nobody's group.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};

use super::Settings;
use crate::clock;

const CALL_TIMEOUT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(200);

/// Gives `take` the value of each record since `since_ms`, milliseconds since the epoch by the records' timestamps.
///
/// # Errors
/// When the broker does not answer, or falls silent before the end.
pub fn read_topic(settings: &Settings, topic: &str, since_ms: i64, mut take: impl FnMut(&[u8])) -> KafkaResult<()> {
    let mut config = settings.consumer("wattdog.whole-topic");
    config.set("enable.partition.eof", "true");
    let consumer: BaseConsumer = config.create()?;
    let metadata = consumer.fetch_metadata(Some(topic), CALL_TIMEOUT)?;
    let partitions: Vec<i32> =
        metadata.topics().iter().flat_map(|topic| topic.partitions()).map(|partition| partition.id()).collect();
    let mut times = TopicPartitionList::new();
    for &partition in &partitions {
        times.add_partition_offset(topic, partition, Offset::Offset(since_ms.max(0)))?;
    }
    consumer.assign(&consumer.offsets_for_times(times, CALL_TIMEOUT)?)?;
    let (mut ended, mut heard) = (0, clock::monotonic());
    while ended < partitions.len() {
        match consumer.poll(POLL) {
            Some(Ok(message)) => {
                heard = clock::monotonic();
                take(message.payload().unwrap_or_default());
            }
            Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
            Some(Err(error)) => return Err(error),
            None if heard.elapsed() > CALL_TIMEOUT => return Err(KafkaError::NoMessageReceived),
            None => {}
        }
    }
    Ok(())
}
