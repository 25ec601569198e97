//! A topic as it is now: every committed record of it, read by nobody's group.

use std::ffi::CStr;
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use super::{Settings, complaints};
use crate::{clock, domain};

const CALL_TIMEOUT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(200);

/// A transaction that was left open ends by itself within a minute, so that the wait for it may be longer.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(90);

/// The end of a partition is what is waited for, and no error.
pub(super) struct Context;

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        complaints::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF) {
            complaints::say(&error, reason);
        }
    }
}

impl ConsumerContext for Context {}

/// A record where it stands.
#[derive(Debug)]
pub struct StoredRecord<'a> {
    /// Which partition.
    pub partition: i32,
    /// Its place in the partition.
    pub offset: i64,
    /// Milliseconds since the epoch; none where the broker has none.
    pub timestamp_ms: Option<i64>,
    /// As it came.
    pub key: Option<&'a [u8]>,
    /// As it came.
    pub value: Option<&'a [u8]>,
    /// In their order; one without a value is empty.
    pub headers: Vec<(&'a str, &'a [u8])>,
}

impl domain::Headers for Vec<(&str, &[u8])> {
    fn header(&self, name: &CStr) -> Option<&[u8]> {
        self.iter().rev().find(|(of, _)| of.as_bytes() == name.to_bytes()).map(|(_, value)| *value)
    }
}

impl<'a> StoredRecord<'a> {
    fn of(message: &'a BorrowedMessage<'_>) -> Self {
        let headers = message.headers().map(|headers| headers.iter()).into_iter().flatten();
        Self {
            partition: message.partition(),
            offset: message.offset(),
            timestamp_ms: message.timestamp().to_millis(),
            key: message.key(),
            value: message.payload(),
            headers: headers.map(|header| (header.key, header.value.unwrap_or_default())).collect(),
        }
    }
}

/// Gives `take` the value of each record since `since_ms`, milliseconds since the epoch by the records' timestamps.
///
/// # Errors
/// When the broker does not answer, or falls silent before the end.
pub fn read_topic(settings: &Settings, topic: &str, since_ms: i64, mut take: impl FnMut(&[u8])) -> KafkaResult<()> {
    read_records(settings, topic, since_ms, |record| take(record.value.unwrap_or_default()))
}

/// Gives `take` each record since `since_ms`, milliseconds since the epoch by the records' timestamps, in the order of each
/// partition.
///
/// # Errors
/// When the broker does not answer, or falls silent before the end.
pub fn read_records(settings: &Settings, topic: &str, since_ms: i64, take: impl FnMut(&StoredRecord<'_>)) -> KafkaResult<()> {
    let consumer = consumer(settings)?;
    let times = list(topic, partitions(&consumer, topic)?, Offset::Offset(since_ms.max(0)))?;
    read_to_end(&consumer, &consumer.offsets_for_times(times, CALL_TIMEOUT)?, take)
}

/// Gives `take` the last records of each partition: about so many as `each` says, given the number of partitions.
///
/// # Errors
/// When the broker does not answer, or falls silent before the end.
pub fn last_records(
    settings: &Settings,
    topic: &str,
    each: impl FnOnce(i64) -> i64,
    take: impl FnMut(&StoredRecord<'_>),
) -> KafkaResult<()> {
    let consumer = consumer(settings)?;
    let partitions = partitions(&consumer, topic)?;
    let last = Offset::OffsetTail(each(partitions.len() as i64));
    read_to_end(&consumer, &list(topic, partitions, last)?, take)
}

fn consumer(settings: &Settings) -> KafkaResult<BaseConsumer<Context>> {
    let mut config = settings.consumer("wattdog.whole-topic");
    config.set("enable.partition.eof", "true");
    config.create_with_context(Context)
}

fn list(topic: &str, partitions: Vec<i32>, offset: Offset) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition_offset(topic, partition, offset)?;
    }
    Ok(list)
}

fn read_to_end(
    consumer: &BaseConsumer<Context>,
    starts: &TopicPartitionList,
    mut take: impl FnMut(&StoredRecord<'_>),
) -> KafkaResult<()> {
    consumer.assign(starts)?;
    let (mut ended, mut heard) = (0, clock::monotonic());
    while ended < starts.count() {
        match consumer.poll(POLL) {
            Some(Ok(message)) => {
                heard = clock::monotonic();
                take(&StoredRecord::of(&message));
            }
            Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
            Some(Err(error)) => return Err(error),
            None if heard.elapsed() > CALL_TIMEOUT => return Err(KafkaError::NoMessageReceived),
            None => {}
        }
    }
    Ok(())
}

/// Waits until no open transaction hides what is in the topic now: a committed record behind one that is open is not read either.
///
/// # Errors
/// When the broker does not answer, or a transaction stays open for too long.
pub fn wait_until_settled(settings: &Settings, topic: &str) -> KafkaResult<()> {
    let consumer = |isolation: &str| -> KafkaResult<BaseConsumer> {
        settings.consumer("wattdog.whole-topic").set("isolation.level", isolation).create()
    };
    let (all, committed) = (consumer("read_uncommitted")?, consumer("read_committed")?);
    let started = clock::monotonic();
    for partition in partitions(&all, topic)? {
        let (_, end) = all.fetch_watermarks(topic, partition, CALL_TIMEOUT)?;
        // Asked for as a reader of committed records, the end is where the first open transaction begins.
        while committed.fetch_watermarks(topic, partition, CALL_TIMEOUT)?.1 < end {
            if started.elapsed() > SETTLE_TIMEOUT {
                return Err(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut));
            }
            std::thread::sleep(POLL);
        }
    }
    Ok(())
}

pub(super) fn partitions<C: ConsumerContext>(consumer: &BaseConsumer<C>, topic: &str) -> KafkaResult<Vec<i32>> {
    let metadata = consumer.fetch_metadata(Some(topic), CALL_TIMEOUT)?;
    Ok(metadata.topics().iter().flat_map(|topic| topic.partitions()).map(|partition| partition.id()).collect())
}
