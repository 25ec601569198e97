//! Committed offsets of groups that this host is no member of.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::{Offset, TopicPartitionList};

use super::Settings;
use crate::clock;

const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a coordinator is looked for; on a new broker it comes with the first group, and others move when a broker goes.
const COORDINATOR_PATIENCE: Duration = Duration::from_secs(30);
const COORDINATOR_STEP: Duration = Duration::from_millis(200);

/// What a group committed for a topic, where it did. With `read_committed`, transactions that are open and may commit more are
/// waited for: those of a member that was killed, for up to a minute.
fn committed(settings: &Settings, group: &str, topic: &str, isolation: &str) -> KafkaResult<TopicPartitionList> {
    let consumer: BaseConsumer = settings.consumer(group).set("isolation.level", isolation).create()?;
    let metadata = consumer.fetch_metadata(Some(topic), CALL_TIMEOUT)?;
    let mut asked = TopicPartitionList::new();
    for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
        asked.add_partition(topic, partition.id());
    }
    let mut found = TopicPartitionList::new();
    for element in with_coordinator(|| consumer.committed_offsets(asked.clone(), CALL_TIMEOUT))?.elements() {
        if let Offset::Offset(offset) = element.offset() {
            found.add_partition_offset(topic, element.partition(), Offset::Offset(offset))?;
        }
    }
    Ok(found)
}

/// Asks a group's coordinator again while there is none.
fn with_coordinator<T>(mut ask: impl FnMut() -> KafkaResult<T>) -> KafkaResult<T> {
    let started = clock::monotonic();
    loop {
        let answer = ask();
        let code = answer.as_ref().err().and_then(KafkaError::rdkafka_error_code);
        let is_missing =
            matches!(code, Some(Code::NotCoordinator | Code::CoordinatorNotAvailable | Code::CoordinatorLoadInProgress));
        if !is_missing || started.elapsed() > COORDINATOR_PATIENCE {
            return answer;
        }
        std::thread::sleep(COORDINATOR_STEP);
    }
}

/// True when a group has read of a topic.
///
/// # Errors
/// When the coordinator does not answer.
pub fn has_read(settings: &Settings, group: &str, topic: &str) -> KafkaResult<bool> {
    Ok(committed(settings, group, topic, "read_uncommitted")?.count() > 0)
}

/// A group that has read nothing of a topic is to go on where another is. True: it is, false: there was nothing to hand over, or
/// another host has done it.
///
/// # Errors
/// When the coordinator does not answer.
pub fn hand_over(settings: &Settings, topic: &str, from: &str, to: &str) -> KafkaResult<bool> {
    if has_read(settings, to, topic)? {
        return Ok(false);
    }
    let offsets = committed(settings, from, topic, "read_committed")?;
    if offsets.count() == 0 {
        return Ok(false);
    }
    let successor: BaseConsumer = settings.consumer(to).create()?;
    match successor.commit(&offsets, CommitMode::Sync) {
        // The group has members already.
        Err(KafkaError::ConsumerCommit(Code::UnknownMemberId | Code::IllegalGeneration | Code::RebalanceInProgress)) => Ok(false),
        done => done.map(|()| true),
    }
}
