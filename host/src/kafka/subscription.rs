//! Membership in a consumer group: which partitions are ours now.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::detached::Detached;
use super::gaps::Resets;
use super::lane_log::hopeless;
use super::read_topics::ReadTopics;
use super::{PartitionQueue, complaints};
use crate::clock;

/// A broker that is away must not hold up the end.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Told of partitions as they come and go, on the thread that serves the membership.
pub trait Assignments: Send + Sync {
    /// A partition is ours from now on.
    fn assigned(&self, queue: PartitionQueue);
    /// These are ours no longer once this returns: finish and commit what was read. When they were `lost`, they are another's
    /// already, and nothing can be committed.
    fn revoked(&self, partitions: &[i32], lost: bool);
    /// Whoever gets a partition says where it is read from; until then it is read from its beginning. Otherwise it is read from where
    /// the group is; which waits for transactions that are open, and was seen to wait for ever after a member was killed.
    fn choose_offsets(&self) -> bool {
        false
    }
}

/// Nobody is told of assignments that are made by hand.
pub(super) struct Nobody;

impl Assignments for Nobody {
    fn assigned(&self, _: PartitionQueue) {}

    fn revoked(&self, _: &[i32], _: bool) {}
}

pub(super) type Client = Detached<BaseConsumer<Context>>;

/// What the client calls back.
pub(super) struct Context {
    pub(super) consumer: OnceLock<Weak<Client>>,
    pub(super) assignments: Arc<dyn Assignments>,
    /// Where the client went to the beginning of a partition.
    pub(super) resets: Resets,
    /// The topics that it reads.
    pub(super) topics: ReadTopics,
}

impl Context {
    pub(super) fn new(assignments: Arc<dyn Assignments>) -> Self {
        Self { consumer: OnceLock::new(), assignments, resets: Resets::default(), topics: ReadTopics::default() }
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // The reader of the partition says what it means.
        let is_heard = match facility {
            "OFFSET" => self.resets.heard(message),
            "METADATA" => self.topics.heard(message),
            _ => false,
        };
        if !is_heard {
            complaints::log(level, facility, message);
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        complaints::say(&error, reason);
    }
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            // Before the assignment, so that no message goes to the common queue.
            Rebalance::Assign(list) => {
                let Some(consumer) = self.consumer.get().and_then(Weak::upgrade) else { return };
                for mut element in list.elements() {
                    if self.assignments.choose_offsets() && element.set_offset(Offset::Beginning).is_err() {
                        tracing::error!(partition = element.partition(), "an assigned partition begins where the group is");
                    }
                    match PartitionQueue::split(&consumer, element.topic(), element.partition()) {
                        Some(queue) => self.assignments.assigned(queue),
                        None => tracing::error!(partition = element.partition(), "no queue for an assigned partition"),
                    }
                }
            }
            Rebalance::Revoke(list) => self.assignments.revoked(&partitions(list), consumer.assignment_lost()),
            Rebalance::Error(error) => tracing::warn!(%error, "rebalance failed"),
        }
    }
}

fn partitions(list: &TopicPartitionList) -> Vec<i32> {
    list.elements().iter().map(|element| element.partition()).collect()
}

/// A member of a group.
#[derive(Clone)]
pub(super) struct Subscription {
    pub(super) consumer: Arc<Client>,
    /// Why the broker does not let this member in; the client would go on asking.
    refused: Arc<OnceLock<String>>,
}

impl Subscription {
    /// Joins; partitions come through [`Subscription::serve`].
    pub(super) fn join(config: &ClientConfig, topics: &[&str], assignments: Arc<dyn Assignments>) -> KafkaResult<Self> {
        let context = Context::new(assignments);
        let consumer: BaseConsumer<Context> = config.create_with_context(context)?;
        let consumer = Arc::new(Detached::new(consumer));
        let weak = Arc::downgrade(&consumer);
        consumer.context().consumer.set(weak).unwrap_or_else(|_| unreachable!("set once, here"));
        consumer.subscribe(topics)?;
        Ok(Self { consumer, refused: Arc::default() })
    }

    /// Serves rebalances and errors for a while. Call again and again from one thread.
    pub(super) fn serve(&self, wait: Duration) {
        let Some(Err(error)) = self.consumer.poll(wait) else { return };
        complaints::say(&error, "");
        if let Some(advice) = error.rdkafka_error_code().and_then(hopeless) {
            self.refused.get_or_init(|| format!("{error}: {advice}"));
        }
    }

    /// Why this member cannot go on, whatever it does.
    pub(super) fn hopeless(&self) -> Option<String> {
        let Some((code, reason)) = self.consumer.client().fatal_error() else { return self.refused.get().cloned() };
        Some(match hopeless(code) {
            Some(advice) => format!("{reason}: {advice}"),
            None => reason,
        })
    }

    /// Leaves the group, so that its partitions go to others at once and not when our session has timed out. For the end of the
    /// process: the client stays, since it would log an error if it were closed again.
    pub(super) fn leave(&self) {
        std::mem::forget(Arc::clone(&self.consumer));
        if let Err(error) = self.consumer.close_queue() {
            tracing::warn!(%error, "cannot leave the group; its partitions are free when the session times out");
            return;
        }
        let started = clock::monotonic();
        while !self.consumer.closed() && started.elapsed() < LEAVE_TIMEOUT {
            self.serve(Duration::from_millis(20));
        }
    }
}
