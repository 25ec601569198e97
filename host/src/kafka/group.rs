//! Membership in the input's consumer group: which partitions are ours now.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, ConsumerGroupMetadata, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{Offset, TopicPartitionList};

use super::{PartitionQueue, Settings};
use crate::clock;

/// A broker that is away must not hold up the end.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Told of partitions as they come and go, on the thread that serves the group.
pub trait Assignments: Send + Sync {
    /// A partition is ours from now on.
    fn assigned(&self, queue: PartitionQueue);
    /// These are ours no longer once this returns: finish and commit what was read.
    fn revoked(&self, partitions: &[i32]);
}

/// What the client calls back.
pub(super) struct Context {
    topic: String,
    consumer: OnceLock<Weak<BaseConsumer<Context>>>,
    assignments: Arc<dyn Assignments>,
}

impl ClientContext for Context {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "kafka consumer");
    }
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            // Before the assignment, so that no message goes to the common queue.
            Rebalance::Assign(list) => {
                let Some(consumer) = self.consumer.get().and_then(Weak::upgrade) else { return };
                for partition in partitions(list) {
                    match PartitionQueue::split(&consumer, &self.topic, partition) {
                        Some(queue) => self.assignments.assigned(queue),
                        None => tracing::error!(partition, "no queue for an assigned partition"),
                    }
                }
            }
            Rebalance::Revoke(list) => self.assignments.revoked(&partitions(list)),
            Rebalance::Error(error) => tracing::warn!(%error, "rebalance failed"),
        }
    }
}

fn partitions(list: &TopicPartitionList) -> Vec<i32> {
    list.elements().iter().map(|element| element.partition()).collect()
}

/// A member of the group; leaves it when dropped.
#[derive(Clone)]
pub struct Group {
    consumer: Arc<BaseConsumer<Context>>,
    topic: String,
}

impl Group {
    /// Joins; partitions come through [`Group::serve`].
    ///
    /// # Errors
    /// When a property is wrong.
    pub fn join(settings: &Settings, group: &str, topic: &str, assignments: Arc<dyn Assignments>) -> KafkaResult<Self> {
        let context = Context { topic: topic.to_owned(), consumer: OnceLock::new(), assignments };
        let consumer: BaseConsumer<Context> = settings.consumer(group).create_with_context(context)?;
        let consumer = Arc::new(consumer);
        let weak = Arc::downgrade(&consumer);
        consumer.context().consumer.set(weak).unwrap_or_else(|_| unreachable!("set once, here"));
        consumer.subscribe(&[topic])?;
        Ok(Self { consumer, topic: topic.to_owned() })
    }

    /// Serves rebalances and errors for a while. Call again and again from one thread.
    pub fn serve(&self, wait: Duration) {
        if let Some(Err(error)) = self.consumer.poll(wait) {
            tracing::warn!(%error, "kafka consumer");
        }
    }

    /// Leaves the group, so that its partitions go to others at once and not when our session has timed out.
    pub fn leave(&self) {
        if let Err(error) = self.consumer.close_queue() {
            tracing::warn!(%error, "cannot leave the group; its partitions are free when the session times out");
            return;
        }
        let started = clock::monotonic();
        while !self.consumer.closed() && started.elapsed() < LEAVE_TIMEOUT {
            self.serve(Duration::from_millis(20));
        }
    }

    /// Who we are in the group, for a transaction that carries offsets.
    #[must_use]
    pub fn metadata(&self) -> Option<ConsumerGroupMetadata> {
        self.consumer.group_metadata()
    }

    /// The offset that the group committed for a partition; none where it has not yet.
    ///
    /// # Errors
    /// When the coordinator does not answer in time.
    pub fn committed(&self, partition: i32, timeout: Duration) -> KafkaResult<Option<i64>> {
        let mut list = TopicPartitionList::new();
        list.add_partition(&self.topic, partition);
        let answer = self.consumer.committed_offsets(list, timeout)?;
        Ok(match answer.find_partition(&self.topic, partition).map(|element| element.offset()) {
            Some(Offset::Offset(offset)) => Some(offset),
            _ => None,
        })
    }

    /// The offset to go on from, as a transaction wants it.
    #[must_use]
    pub fn position(&self, partition: i32, next_offset: i64) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic, partition, Offset::Offset(next_offset)).expect("a plain offset is always taken");
        list
    }
}
