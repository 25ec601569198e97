//! Reads result topics for a sink, as a consumer group of its own.

use std::collections::{HashMap, HashSet};
use std::ffi::CString;
use std::ops::Range;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use uuid::Uuid;

use super::gaps::{Found, Gaps, Reset};
use super::group::{note_topic, topic_of};
use super::partition_queue::{position, watermarks};
use super::queue::{BatchReader, Message, Queue};
use super::read_topics::is_other;
use super::subscription::{Assignments, Subscription};
use super::{PartitionQueue, Settings, TopicWatch, reassign};
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
    watch: Arc<TopicWatch>,
    /// Of the topics as they were when they were last looked at.
    ids: [Option<Uuid>; TOPICS.len()],
    /// Partitions whose committed offset was seen to be of another topic, which are read from their beginning since.
    rewound: HashSet<(ResultTopic, i32, Uuid)>,
    /// Partitions whose client was sent to their beginning.
    gaps: HashMap<(ResultTopic, i32), Gaps>,
    lost: Vec<LostRows>,
}

/// Rows of a partition that were deleted before they were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostRows {
    /// Which topic.
    pub topic: String,
    /// Which partition of it.
    pub partition: i32,
    /// Their offsets.
    pub offsets: Range<i64>,
}

impl ResultReader {
    /// Joins `group` on the topics of rows, from their beginning where the group is new.
    ///
    /// # Errors
    /// When a Kafka property is wrong.
    pub fn join(
        settings: &Settings,
        group: &str,
        instance: Option<&str>,
        names: &TopicNames,
        watch: &Arc<TopicWatch>,
    ) -> KafkaResult<Self> {
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
            watch: Arc::clone(watch),
            ids: TOPICS.map(|topic| watch.id(names.name(topic))),
            rewound: HashSet::new(),
            gaps: HashMap::new(),
            lost: Vec::new(),
        })
    }

    /// Gives each record and its topic to `take`, until there is a batch or `wait` has passed.
    pub fn read(&mut self, wait: Duration, mut take: impl FnMut(ResultTopic, &Message<'_>)) {
        let mut deadline = clock::monotonic() + wait;
        let (mut records, mut bytes) = (0, 0);
        while records < MAX_RECORDS && bytes < MAX_BYTES {
            self.subscription.serve(Duration::ZERO);
            self.hear_resets();
            let left = deadline.saturating_duration_since(clock::monotonic());
            let Self { reader, subscription, topics, ids, gaps, lost, positions, .. } = self;
            let messages = reader.poll(left.min(SERVE_INTERVAL));
            if messages.is_empty() && left.is_zero() {
                drop(messages);
                self.look_at_silent_gaps();
                break;
            }
            if records == 0 && !messages.is_empty() {
                deadline = clock::monotonic() + LINGER;
            }
            let read = &subscription.consumer.context().topics;
            let is_another: [bool; TOPICS.len()] = std::array::from_fn(|at| is_other(ids[at], read.id(topics[at].0.as_bytes())));
            for message in messages.iter() {
                let Some(at) = topics.iter().position(|(name, _)| **name == *message.topic()) else { continue };
                if is_another[at] {
                    // It comes again, from the beginning of the new topic on.
                    continue;
                }
                let ((name, topic), partition) = (&topics[at], message.partition());
                let topic = *topic;
                if let Some(gaps) = gaps.get_mut(&(topic, partition)) {
                    let start = watermarks(&subscription.consumer, name, partition).map_or(0, |(start, _)| start);
                    let mut found = Vec::new();
                    gaps.look(0, start, std::iter::once(message.offset()), &mut found);
                    for found in found {
                        if let Found::Lost(offsets) = found {
                            lost.push(LostRows { topic: name.to_string_lossy().into_owned(), partition, offsets });
                        }
                    }
                }
                take(topic, &message);
                advance(positions, Position { topic, partition, next: message.offset() + 1 });
                records += 1;
                bytes += message.payload().unwrap_or_default().len();
            }
            drop(messages);
            self.gaps.retain(|_, gaps| !gaps.is_empty());
            if is_another.contains(&true)
                && let Ok(committed) = self.subscription.consumer.committed(LAG_TIMEOUT)
            {
                self.look_at_topics(&committed);
            }
        }
    }

    fn hear_resets(&mut self) {
        let Self { subscription, topics, gaps, .. } = self;
        for Reset { topic, partition, at } in subscription.consumer.context().resets.take_all() {
            if let Some((name, topic)) = topics.iter().find(|(name, _)| name.as_bytes() == topic.as_bytes()) {
                let position = position(&subscription.consumer, name, partition).unwrap_or(at);
                gaps.entry((*topic, partition)).or_default().add(vec![at], position);
            }
        }
    }

    /// Nothing came after a client was sent to the beginning of a partition: the broker says where that is.
    fn look_at_silent_gaps(&mut self) {
        for ((topic, partition), mut gaps) in std::mem::take(&mut self.gaps) {
            let name = self.name(topic);
            let Ok((start, end)) = self.subscription.consumer.fetch_watermarks(&name, partition, LAG_TIMEOUT) else {
                self.gaps.insert((topic, partition), gaps);
                continue;
            };
            match gaps.at_rest(0, &(start..end)) {
                Some(Found::Lost(offsets)) => {
                    // Committed, so that it is not said once more after a restart.
                    advance(&mut self.positions, Position { topic, partition, next: offsets.end });
                    self.lost.push(LostRows { topic: name, partition, offsets });
                }
                Some(Found::Backwards) => self.watch.look(),
                None => {}
            }
        }
    }

    /// Rows that were deleted before they were read, seen since this was last asked.
    pub fn take_lost(&mut self) -> Vec<LostRows> {
        std::mem::take(&mut self.lost)
    }

    /// A topic that was made anew is read from its beginning: what the group has committed is of the old one.
    fn look_at_topics(&mut self, committed: &TopicPartitionList) {
        for (at, topic) in TOPICS.into_iter().enumerate() {
            let name = self.name(topic);
            let read = self.subscription.consumer.context().topics.id(name.as_bytes());
            let Some(now) = read.or_else(|| self.watch.id(&name)) else { continue };
            let is_another = self.ids[at].replace(now).is_some_and(|then| then != now);
            for element in committed.elements_for_topic(&name) {
                let partition = element.partition();
                let is_of_another = topic_of(element.metadata()).is_some_and(|then| then != now);
                if !(is_another || is_of_another) || !self.rewound.insert((topic, partition, now)) {
                    continue;
                }
                self.watch.say_made_anew(&name, now);
                self.positions.retain(|known| (known.topic, known.partition) != (topic, partition));
                // What is gone from the new topic already was never read.
                let mut gaps = Gaps::default();
                gaps.add(vec![0], 0);
                self.gaps.insert((topic, partition), gaps);
                if let Err(error) = self.subscription.consumer.seek(&name, partition, Offset::Beginning, LAG_TIMEOUT) {
                    tracing::debug!(topic = name, partition, %error, "the partition is read from its beginning later");
                    self.rewound.remove(&(topic, partition, now));
                }
            }
        }
    }

    fn name(&self, topic: ResultTopic) -> String {
        let (name, _) = self.topics.iter().find(|(_, of)| *of == topic).expect("one of those that are read");
        name.to_string_lossy().into_owned()
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
        for Position { topic, partition, next } in std::mem::take(&mut self.positions) {
            let name = self.name(topic);
            list.add_partition_offset(&name, partition, Offset::Offset(next)).expect("a plain offset is always taken");
            let at = TOPICS.iter().position(|of| *of == topic).expect("one of those that are read");
            note_topic(&mut list, &name, partition, self.ids[at]);
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

    /// Records between what was read and the ends of the topics; asks the broker, so not for each batch. Goes to the beginning of
    /// topics that were made anew.
    #[must_use]
    pub fn lag(&mut self) -> Option<i64> {
        let consumer = Arc::clone(&self.subscription.consumer);
        let position = consumer.position().ok()?;
        // Of partitions of which nothing was read yet.
        let committed = consumer.committed(LAG_TIMEOUT).ok()?;
        self.look_at_topics(&committed);
        let (mut behind, mut unmarked) = (0, TopicPartitionList::new());
        for element in position.elements() {
            let (topic, partition) = (element.topic(), element.partition());
            let (low, high) = consumer.fetch_watermarks(topic, partition, LAG_TIMEOUT).ok()?;
            let offset_in = |list: &TopicPartitionList| match list.find_partition(topic, partition)?.offset() {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            };
            if offset_in(&committed).is_none() {
                unmarked.add_partition_offset(topic, partition, Offset::Offset(low)).ok()?;
            }
            let next = offset_in(&position).or_else(|| offset_in(&committed)).unwrap_or(low);
            behind += (high - next).max(0);
        }
        // What is deleted after the store's first moment shows, though it has stored nothing yet.
        if unmarked.count() > 0
            && let Err(error) = consumer.commit(&unmarked, CommitMode::Sync)
        {
            tracing::debug!(%error, "where the store begins is committed later");
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
