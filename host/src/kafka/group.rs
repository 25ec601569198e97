//! The input's consumer group.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerGroupMetadata};
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};
use uuid::Uuid;

use super::detached::Detached;
use super::subscription::{Assignments, Subscription};
use super::{Settings, TopicWatch, reassign};
use crate::config::Config;

/// A member of the group.
#[derive(Clone)]
pub struct Group {
    subscription: Subscription,
    /// Asks for committed offsets; is no member.
    offsets: Arc<Detached<BaseConsumer>>,
    pub(super) topic: String,
    pub(super) watch: Arc<TopicWatch>,
}

impl Group {
    /// Joins on a topic of so many partitions, which come through [`Group::serve`].
    ///
    /// # Errors
    /// When a property is wrong.
    pub fn join(
        settings: &Settings,
        config: &Config,
        partitions: i32,
        assignments: Arc<dyn Assignments>,
        watch: Arc<TopicWatch>,
    ) -> KafkaResult<Self> {
        let kafka = &config.kafka;
        // An offset that waits for the end of a transaction is not waited for: whoever asks has ended those of its partition before.
        let offsets: BaseConsumer = settings.consumer(&kafka.group).set("isolation.level", "read_uncommitted").create()?;
        let member = settings.member_with_lanes(&kafka.group, kafka.instance.as_deref(), partitions);
        let subscription = Subscription::join(&member, &[&kafka.topic], assignments)?;
        if kafka.instance.is_some() {
            reassign::soon(settings, &kafka.group, &config.topics.dead_letters);
        }
        Ok(Self { subscription, offsets: Arc::new(Detached::new(offsets)), topic: kafka.topic.clone(), watch })
    }

    /// Serves rebalances and errors for a while. Call again and again from one thread.
    pub fn serve(&self, wait: Duration) {
        self.subscription.serve(wait);
    }

    /// Why this member cannot go on, whatever it does.
    #[must_use]
    pub fn hopeless(&self) -> Option<String> {
        self.subscription.hopeless()
    }

    /// Leaves the group, so that its partitions go to others at once and not when our session has timed out.
    pub fn leave(&self) {
        self.subscription.leave();
    }

    /// Who we are in the group, for a transaction that carries offsets.
    #[must_use]
    pub fn metadata(&self) -> Option<ConsumerGroupMetadata> {
        self.subscription.consumer.group_metadata()
    }

    /// The offset that the group committed for a partition, by transactions that have ended, and the id of the topic that it is of,
    /// where it is known; none where it has not yet.
    ///
    /// # Errors
    /// When the coordinator does not answer in time.
    pub fn committed(&self, partition: i32, timeout: Duration) -> KafkaResult<Option<(i64, Option<Uuid>)>> {
        let mut list = TopicPartitionList::new();
        list.add_partition(&self.topic, partition);
        let answer = self.offsets.committed_offsets(list, timeout)?;
        let element = answer.find_partition(&self.topic, partition);
        Ok(element.and_then(|element| match element.offset() {
            Offset::Offset(offset) => Some((offset, topic_of(element.metadata()))),
            _ => None,
        }))
    }

    /// The offset to go on from, as a transaction wants it, with the id of the topic that it is of.
    #[must_use]
    pub fn position(&self, partition: i32, next_offset: i64, topic_id: Option<Uuid>) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic, partition, Offset::Offset(next_offset)).expect("a plain offset is always taken");
        note_topic(&mut list, &self.topic, partition, topic_id);
        list
    }
}

/// What stands beside a committed offset, before the id of the topic that it is of.
const TOPIC_ID: &str = "topic ";

/// Has an offset of the list committed with the id of its topic.
pub(super) fn note_topic(list: &mut TopicPartitionList, topic: &str, partition: i32, id: Option<Uuid>) {
    if let (Some(id), Some(mut element)) = (id, list.find_partition(topic, partition)) {
        element.set_metadata(format!("{TOPIC_ID}{id}"));
    }
}

/// The id of the topic that an offset was committed for.
pub(super) fn topic_of(metadata: &str) -> Option<Uuid> {
    metadata.strip_prefix(TOPIC_ID)?.parse().ok()
}
