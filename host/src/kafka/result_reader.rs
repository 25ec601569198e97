//! Reads result topics for a sink, as a consumer group of its own.

use std::collections::HashMap;
use std::ffi::CString;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use super::queue::{BatchReader, Message, Queue};
use super::subscription::{Assignments, Subscription};
use super::{PartitionQueue, Settings, reassign};
use crate::clock;
use crate::results::{ResultTopic, TopicNames};

/// A sink's batch ends with the poll that reaches it: more rows make a statement no cheaper for each, and each is held three times,
/// as a row, as a parameter and in the connection.
const MAX_RECORDS: usize = 1_000;
/// Bytes of one sink batch: rows are small, but a context may not be, and databases bound a statement.
const MAX_BYTES: usize = 4 << 20;
/// How long a batch waits for more once it has a first record.
const LINGER: Duration = Duration::from_millis(10);
/// How long a wait for records may keep a rebalance waiting.
const SERVE_INTERVAL: Duration = Duration::from_millis(50);

const LAG_TIMEOUT: Duration = Duration::from_secs(1);

/// What a sink stores.
const TOPICS: [ResultTopic; 3] = [ResultTopic::Aggregations, ResultTopic::Anomalies, ResultTopic::ShadowAnomalies];

/// Where assigned partitions are read together. Weak, since the queue holds the client and the client holds this.
#[derive(Default)]
struct Common(OnceLock<Weak<Queue>>);

impl Assignments for Common {
    fn assigned(&self, queue: PartitionQueue) {
        if let Some(common) = self.0.get().and_then(Weak::upgrade) {
            queue.forward_to(&common);
        }
    }

    /// What was read is written all the same: twice makes no difference.
    fn revoked(&self, _: &[i32], _: bool) {}
}

/// The next record to read of a partition.
struct Position {
    topic: ResultTopic,
    partition: i32,
    next: i64,
}

/// Follows result topics; what is read is committed only when told.
pub struct ResultReader {
    subscription: Subscription,
    reader: BatchReader,
    topics: [(CString, ResultTopic); TOPICS.len()],
    /// Of what was read since the last commit.
    positions: Vec<Position>,
    /// By topic and partition: up to where it was said what the broker has deleted unread.
    gone: HashMap<(String, i32), i64>,
}

impl ResultReader {
    /// Joins `group` on the topics of rows, from their beginning where the group is new.
    ///
    /// # Errors
    /// When a Kafka property is wrong.
    pub fn join(settings: &Settings, group: &str, instance: Option<&str>, names: &TopicNames) -> KafkaResult<Self> {
        let mut config = settings.member(group, instance);
        // A database may be down for hours; the sink keeps its partitions and waits.
        config.set("max.poll.interval.ms", "86400000");
        // Rows are large and a store is slow: what waits for it waits in Kafka.
        config.set("queued.min.messages", "2000").set("queued.max.messages.kbytes", "2048");
        config.set("fetch.message.max.bytes", "65536");
        let common = Arc::new(Common::default());
        let subscription = Subscription::join(&config, &TOPICS.map(|topic| names.name(topic)), Arc::clone(&common) as _)?;
        if instance.is_some() {
            reassign::soon(settings, group, names.name(ResultTopic::DeadLetters));
        }
        let queue = Arc::new(Queue::new(&subscription.consumer));
        common.0.set(Arc::downgrade(&queue)).unwrap_or_else(|_| unreachable!("set once, here"));
        let topics = TOPICS.map(|topic| (CString::new(names.name(topic)).expect("the client took the name"), topic));
        Ok(Self {
            subscription,
            reader: BatchReader::new(queue, MAX_RECORDS / 4),
            topics,
            positions: Vec::new(),
            gone: HashMap::new(),
        })
    }

    /// Gives each record and its topic to `take`, until there is a batch or `wait` has passed.
    pub fn read(&mut self, wait: Duration, mut take: impl FnMut(ResultTopic, &Message<'_>)) {
        let mut deadline = clock::monotonic() + wait;
        let (mut records, mut bytes) = (0, 0);
        while records < MAX_RECORDS && bytes < MAX_BYTES {
            self.subscription.serve(Duration::ZERO);
            let left = deadline.saturating_duration_since(clock::monotonic());
            let messages = self.reader.poll(left.min(SERVE_INTERVAL));
            if messages.is_empty() && left.is_zero() {
                break;
            }
            if records == 0 && !messages.is_empty() {
                deadline = clock::monotonic() + LINGER;
            }
            for message in messages.iter() {
                let Some(&(_, topic)) = self.topics.iter().find(|(name, _)| **name == *message.topic()) else { continue };
                take(topic, &message);
                advance(&mut self.positions, Position { topic, partition: message.partition(), next: message.offset() + 1 });
                records += 1;
                bytes += message.payload().unwrap_or_default().len();
            }
        }
    }

    /// Lets the group give partitions to others and to us, for a while in which nothing is read.
    pub fn serve(&self, wait: Duration) {
        self.subscription.serve(wait);
    }

    /// Leaves the group, so that its partitions go to others at once; whoever does not answer is not waited for.
    pub fn leave(self) {
        self.subscription.leave();
    }

    /// Commits all that was read. A failure only means that some rows are written again.
    pub fn commit(&mut self) {
        if self.positions.is_empty() {
            return;
        }
        let mut list = TopicPartitionList::new();
        for Position { topic, partition, next } in self.positions.drain(..) {
            let (name, _) = self.topics.iter().find(|(_, of)| *of == topic).expect("read under one of these names");
            let name = name.to_string_lossy();
            list.add_partition_offset(&name, partition, Offset::Offset(next)).expect("a plain offset is always taken");
        }
        match self.subscription.consumer.commit(&list, CommitMode::Sync) {
            Ok(()) | Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => {}
            Err(error) => tracing::warn!(%error, "a sink could not commit; the rows will be written again"),
        }
    }

    /// Records that are fetched and not read yet.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.reader.queued()
    }

    /// Records between what was read and the ends of the topics; asks the broker, so not for each batch. Says which of them the
    /// broker has deleted meanwhile.
    #[must_use]
    pub fn lag(&mut self) -> Option<i64> {
        let Self { subscription, gone, .. } = self;
        let consumer = &subscription.consumer;
        let position = consumer.position().ok()?;
        // Of partitions of which nothing was read yet.
        let committed = consumer.committed(LAG_TIMEOUT).ok()?;
        let mut behind = 0;
        for element in position.elements() {
            let (topic, partition) = (element.topic(), element.partition());
            let (low, high) = consumer.fetch_watermarks(topic, partition, LAG_TIMEOUT).ok()?;
            let offset_in = |list: &TopicPartitionList| match list.find_partition(topic, partition)?.offset() {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            };
            let next = offset_in(&position).or_else(|| offset_in(&committed)).unwrap_or(low);
            behind += (high - next).max(0);
            let told = gone.entry((topic.to_owned(), partition)).or_insert(next);
            if low > next.max(*told) {
                let rows = low - next.max(*told);
                tracing::error!(
                    topic,
                    partition,
                    rows,
                    "the broker has deleted rows that this store never had: `retention.ms` of the topic is shorter than the store was away"
                );
                *told = low;
            }
        }
        Some(behind)
    }
}

/// A handful of partitions, and records come in runs of one.
fn advance(positions: &mut Vec<Position>, to: Position) {
    match positions.iter_mut().rev().find(|known| (known.topic, known.partition) == (to.topic, to.partition)) {
        Some(known) => known.next = to.next,
        None => positions.push(to),
    }
}
