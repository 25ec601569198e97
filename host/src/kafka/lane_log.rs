//! A lane's sight of Kafka: its partition, its transactional producer, its partition of the state topic.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use rand::RngExt as _;
use rdkafka::bindings as ffi;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use uuid::Uuid;

use super::detached::Detached;
use super::gaps::{Found, Gaps};
use super::queue::BatchReader;
use super::read_topics::is_other;
use super::stored_state::{StoredState, read_all};
use super::topics::ensure_partitions;
use super::{Group, PartitionQueue, Settings, complaints};
use crate::clock;
use crate::config::Config;
use crate::domain::Message;
use crate::pipeline::{LaneLog, LogError, Queued, TakeRecord};
use crate::results::{OutRecord, ResultTopic, TopicNames};

/// One call to a broker; longer waits are made of several.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client is asked to fence the lane's predecessor before the next one is. The broker first aborts the transaction that
/// the predecessor left open; librdkafka asks again 500 ms later and no sooner, a new client asks at once.
const FENCE_STEPS: [Duration; 3] = [Duration::from_millis(150), Duration::from_millis(300), CALL_TIMEOUT];
/// How often a flush, or an abort, looks for failed deliveries while records are in flight.
const DELIVERY_STEP: Duration = Duration::from_millis(50);

/// Delivery failures surface as the transaction's failure; nothing is to be done for each record.
struct Context;

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        complaints::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        complaints::say(&error, reason);
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = ();
    fn delivery(&self, _: &DeliveryResult<'_>, (): Self::DeliveryOpaque) {}
}

/// One lane on Kafka.
pub struct KafkaLane {
    queue: PartitionQueue,
    reader: BatchReader,
    group: Group,
    settings: Settings,
    transactional_id: String,
    topics: TopicNames,
    create_topics: bool,
    /// No message before this one is wanted.
    from: i64,
    /// All messages before this one were polled.
    next: i64,
    /// None before the lane is opened.
    producer: Option<Detached<BaseProducer<Context>>>,
    /// What is read ahead.
    state: Option<StoredState>,
    /// Ids of the input and of the state topic when this life began.
    ids: [Option<Uuid>; 2],
    /// The input was made anew between two lives, and no offset of it is committed.
    is_new: bool,
    gaps: Gaps,
    lost: VecDeque<Range<i64>>,
    /// The input's offsets began again below what was read.
    backwards: bool,
}

impl KafkaLane {
    /// For a partition of this member of the group.
    #[must_use]
    pub fn new(queue: PartitionQueue, group: Group, settings: Settings, config: &Config) -> Self {
        let kafka = &config.kafka;
        // The same for a partition wherever it is read, so that a successor fences its predecessor.
        let transactional_id = format!("{}.{}.{}", kafka.group, kafka.topic, queue.partition());
        let topics = TopicNames::new(&config.topics);
        let reader = queue.reader(usize::from(kafka.max_poll_records.get()));
        Self {
            queue,
            reader,
            group,
            settings,
            transactional_id,
            topics,
            create_topics: kafka.create_topics,
            from: 0,
            next: 0,
            producer: None,
            state: None,
            ids: [None; 2],
            is_new: false,
            gaps: Gaps::default(),
            lost: VecDeque::new(),
            backwards: false,
        }
    }

    fn ids_now(&self) -> [Option<Uuid>; 2] {
        let watch = &self.group.watch;
        [self.queue.topic_id().or_else(|| watch.id(&self.group.topic)), watch.id(self.topics.name(ResultTopic::State))]
    }

    fn hear_resets(&mut self) {
        let resets = self.queue.take_resets();
        if !resets.is_empty() {
            self.gaps.add(resets, self.next.max(self.position()));
        }
    }

    /// After a reset of the client: what came shows what it passed over; when nothing comes, the broker says where the input begins.
    fn look_for_gaps(&mut self, mut found: Vec<Found>, is_silent: bool) {
        if is_silent && !self.gaps.is_empty() {
            let Ok(held) = self.queue.held(CALL_TIMEOUT) else { return };
            found.extend(self.gaps.at_rest(self.next, &held));
            if found.is_empty() {
                seek_again(&self.queue, self.next);
            }
        }
        for found in found {
            match found {
                Found::Lost(lost) => {
                    self.from = self.from.max(lost.end);
                    self.next = self.next.max(lost.end);
                    self.lost.push_back(lost);
                }
                Found::Backwards => {
                    self.gaps.clear();
                    self.group.watch.look();
                    self.backwards = true;
                }
            }
        }
    }

    /// The input may have got more partitions, or the state topic may be gone.
    fn ensure_state_partition(&self) -> Result<(), LogError> {
        let (topic, wanted) = (self.topics.name(ResultTopic::State), self.queue.partition() + 1);
        let lost = |error: &dyn std::fmt::Display| LogError::Lost(error.to_string());
        // All topics, since asking for one by name may create it.
        let metadata = self.producer()?.client().fetch_metadata(None, CALL_TIMEOUT).map_err(|error| of_call(&error))?;
        let partitions =
            |name: &str| metadata.topics().iter().find(|t| t.name() == name).map_or(0, |t| t.partitions().len() as i32);
        if partitions(topic) >= wanted {
            return Ok(());
        }
        let of_input = partitions(&self.group.topic).max(wanted);
        if !self.create_topics {
            return Err(LogError::Fatal(format!(
                "topic `{topic}` needs {of_input} partitions; create it compacted, or set `kafka.create_topics = true`"
            )));
        }
        tracing::warn!(topic, partitions = of_input, "the state topic is missing or has too few partitions; it is made");
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| lost(&error))?;
        runtime.block_on(ensure_partitions(&self.settings, topic, of_input)).map_err(|error| lost(&error))
    }

    fn producer(&self) -> Result<&BaseProducer<Context>, LogError> {
        self.producer.as_deref().ok_or_else(|| LogError::Lost("the lane has no producer".into()))
    }
}

impl LaneLog for KafkaLane {
    fn partition(&self) -> i32 {
        self.queue.partition()
    }

    fn read_ahead(&mut self) {
        let topic = self.topics.name(ResultTopic::State);
        self.state = StoredState::read_ahead(&self.settings, topic, self.queue.partition()).ok();
    }

    fn open(&mut self) -> Result<(), LogError> {
        // Its successor fences it.
        self.producer = None;
        let config = self.settings.transactional_producer(&self.transactional_id);
        let mut outcome = Err(LogError::Lost("the lane's predecessor was not fenced".into()));
        for wait in FENCE_STEPS {
            let producer: BaseProducer<Context> = config.create_with_context(Context).map_err(|error| {
                LogError::Fatal(format!("no transactions with these settings: {error}; check `kafka.properties`"))
            })?;
            // A client without a connection asks for its coordinator half a second later; with this answer it has one.
            producer.client().fetch_metadata(None, CALL_TIMEOUT).map_err(|error| of_call(&error))?;
            outcome = producer.init_transactions(wait).map_err(|error| of_transaction(&error));
            match &outcome {
                // Dropped here and now: two clients of one transactional id would fence each other.
                Err(LogError::Again(_)) => drop(producer),
                _ => {
                    self.producer = outcome.is_ok().then(|| Detached::new(producer));
                    break;
                }
            }
        }
        outcome
    }

    fn topic_id(&mut self) -> Option<Uuid> {
        self.group.watch.look();
        let now = self.ids_now();
        let [before, _] = std::mem::replace(&mut self.ids, now);
        // Until an offset of the new topic is committed.
        self.is_new |= before.is_some() && self.ids[0].is_some() && before != self.ids[0];
        self.ids[0]
    }

    fn say_made_anew(&self, id: Uuid) {
        self.group.watch.say_made_anew(&self.group.topic, id);
    }

    fn is_another(&self) -> bool {
        self.backwards || self.ids.iter().zip(self.ids_now()).any(|(then, now)| is_other(*then, now))
    }

    fn take_lost(&mut self) -> Option<Range<i64>> {
        self.lost.pop_front()
    }

    fn committed(&mut self) -> Result<Option<i64>, LogError> {
        let committed = self.group.committed(self.queue.partition(), CALL_TIMEOUT).map_err(|error| of_call(&error))?;
        let Some(now) = self.ids[0] else { return Ok(committed.map(|(offset, _)| offset)) };
        if self.group.watch.id(&self.group.topic).is_some_and(|known| known != now) {
            return Err(LogError::Lost("the input was made anew, and the client still reads the old one".into()));
        }
        let of = committed.and_then(|(_, topic)| topic);
        self.is_new &= of != Some(now);
        if self.is_new || of.is_some_and(|then| then != now) {
            self.say_made_anew(now);
            // Of the new topic nothing was read.
            return Ok(Some(0));
        }
        Ok(committed.map(|(offset, _)| offset))
    }

    fn held(&mut self) -> Result<Range<i64>, LogError> {
        self.queue.held(CALL_TIMEOUT).map_err(|error| of_call(&error))
    }

    fn read_state(&mut self, take: &mut TakeRecord<'_>) -> Result<(), LogError> {
        self.ensure_state_partition()?;
        if let Some(state) = self.state.take()
            && state.take_all(take).map_err(|error| of_call(&error))?
        {
            return Ok(());
        }
        let topic = self.topics.name(ResultTopic::State);
        read_all(&self.settings, topic, self.queue.partition(), take).map_err(|error| of_call(&error))
    }

    fn rewind(&mut self, offset: i64) -> Result<(), LogError> {
        (self.from, self.next) = (offset, offset);
        self.queue.take_resets();
        self.gaps.clear();
        self.lost.clear();
        self.backwards = false;
        self.queue.seek(offset, CALL_TIMEOUT).map_err(|error| of_call(&error))
    }

    fn poll(&mut self, wait: Duration, take: &mut dyn FnMut(&[Message<'_>])) -> bool {
        self.hear_resets();
        let Self { reader, queue, from, gaps, next, ids, .. } = self;
        let polled = reader.poll(wait);
        let mut messages: Vec<Message<'_>> = Vec::with_capacity(polled.count());
        messages.extend(polled.plain());
        let mut found = Vec::new();
        if !gaps.is_empty() {
            gaps.look(*next, queue.start(), messages.iter().map(|message| message.offset), &mut found);
        }
        // Those of another topic are read from its beginning by the next life.
        let is_another = found.contains(&Found::Backwards) || is_other(ids[0], queue.topic_id());
        let messages = if is_another { &[] } else { &messages[..] };
        let (too_early, wanted) = messages.split_at(messages.partition_point(|message| message.offset < *from));
        if wanted.is_empty() && !too_early.is_empty() {
            seek_again(queue, *from);
        }
        take(wanted);
        let came = !wanted.is_empty();
        *next = wanted.last().map_or(*next, |last| last.offset + 1);
        let is_silent = polled.is_empty();
        drop(polled);
        self.look_for_gaps(found, is_silent);
        came
    }

    fn position(&self) -> i64 {
        self.queue.position().unwrap_or(self.from)
    }

    fn lag_behind(&self, offset: i64) -> i64 {
        // Past the markers of transactions, which no message follows yet.
        self.queue.lag_behind(offset.max(self.position())).unwrap_or(0)
    }

    fn queued(&self) -> Queued {
        let results = self.producer.as_ref().map_or(0, |producer| producer.in_flight_count());
        Queued { input: self.reader.queued(), results: usize::try_from(results).unwrap_or(0) }
    }

    fn begin(&mut self) -> Result<(), LogError> {
        self.producer()?.begin_transaction().map_err(|error| of_transaction(&error))
    }

    fn send(&mut self, record: OutRecord<'_>) -> Result<(), LogError> {
        let producer = self.producer()?;
        let count = record.headers.len() + record.sender_headers.len();
        let headers = (count > 0).then(|| {
            let ours = record.headers.iter().map(|(key, value)| (*key, value));
            let sender = record.sender_headers.iter().map(|(key, value)| (key.as_str(), value));
            ours.chain(sender).fold(OwnedHeaders::new_with_capacity(count), |headers, (key, value)| {
                headers.insert(Header { key, value: Some(value) })
            })
        });
        let mut out: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(self.topics.name(record.topic));
        out.key = record.key;
        out.payload = record.value;
        out.headers = headers;
        out.timestamp = record.timestamp_ms;
        out.partition = (record.topic == ResultTopic::State).then(|| self.queue.partition());
        while let Err((error, returned)) = producer.send(out) {
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(of_transaction(&error));
            }
            producer.poll(Duration::from_millis(1));
            out = returned;
        }
        Ok(())
    }

    /// rdkafka's own flush, and so its `commit_transaction`, waits in steps of 100 ms; librdkafka's wakes up at the last
    /// acknowledgement. It does not serve failed deliveries, so that is done in between.
    fn flush(&mut self) -> Result<(), LogError> {
        let producer = self.producer()?;
        // SAFETY: the client is alive, and may be used from any thread.
        let outcome = unsafe { ffi::rd_kafka_flush(producer.client().native_ptr(), DELIVERY_STEP.as_millis() as i32) };
        producer.poll(Duration::ZERO);
        if outcome == ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Ok(());
        }
        Err(LogError::Again(KafkaError::Flush(outcome.into()).to_string()))
    }

    fn add_offset(&mut self, next_offset: i64) -> Result<(), LogError> {
        let metadata = self.group.metadata().ok_or_else(|| LogError::Abort("this host is in no group now".into()))?;
        let position = self.group.position(self.queue.partition(), next_offset, self.ids[0]);
        let producer = self.producer()?;
        producer.send_offsets_to_transaction(&position, &metadata, CALL_TIMEOUT).map_err(|error| of_transaction(&error))
    }

    fn commit(&mut self) -> Result<(), LogError> {
        self.producer()?.commit_transaction(CALL_TIMEOUT).map_err(|error| of_transaction(&error))
    }

    /// An abort drops what was not sent, and ends when word of each such record was served; the call itself does not serve it.
    fn abort(&mut self) -> Result<(), LogError> {
        let producer = self.producer()?;
        let outcome = producer.abort_transaction(DELIVERY_STEP);
        producer.poll(Duration::ZERO);
        outcome.map_err(|error| of_transaction(&error))
    }

    fn now(&self) -> Instant {
        clock::monotonic()
    }

    /// With jitter, so that several lanes do not come back at the same instant.
    fn pause(&mut self, about: Duration) {
        std::thread::sleep(about.mul_f64(rand::rng().random_range(0.5..1.0)));
    }
}

/// A seek that comes while the client asks the broker where a partition begins is undone: the client drops that answer, asks once
/// more, and goes there. Since it asks for the beginning, a lane gets messages too many then, and none too few.
fn seek_again(queue: &PartitionQueue, from: i64) {
    tracing::debug!(partition = queue.partition(), from, "the client has gone back to the beginning");
    if let Err(error) = queue.seek(from, CALL_TIMEOUT) {
        tracing::debug!(partition = queue.partition(), %error, "it stays there for now");
    }
}

/// What a producer with transactions says.
fn of_transaction(error: &KafkaError) -> LogError {
    let code = error.rdkafka_error_code();
    if let Some(fatal) = code.and_then(hopeless) {
        return LogError::Fatal(format!("{error}: {fatal}"));
    }
    match error {
        KafkaError::Transaction(inner) if inner.is_fatal() => LogError::Lost(error.to_string()),
        KafkaError::Transaction(inner) if inner.is_retriable() => LogError::Again(error.to_string()),
        KafkaError::Transaction(inner) if inner.txn_requires_abort() => LogError::Abort(error.to_string()),
        KafkaError::MessageProduction(RDKafkaErrorCode::Fatal | RDKafkaErrorCode::Fenced) => LogError::Lost(error.to_string()),
        KafkaError::MessageProduction(_) => LogError::Abort(error.to_string()),
        _ => LogError::Lost(error.to_string()),
    }
}

/// What a broker says outside of a transaction.
fn of_call(error: &KafkaError) -> LogError {
    match error.rdkafka_error_code().and_then(hopeless) {
        Some(fatal) => LogError::Fatal(format!("{error}: {fatal}")),
        None => LogError::Lost(error.to_string()),
    }
}

/// Errors that stay whatever a program does, and what an operator can do.
pub(super) fn hopeless(code: RDKafkaErrorCode) -> Option<&'static str> {
    match code {
        RDKafkaErrorCode::TopicAuthorizationFailed
        | RDKafkaErrorCode::GroupAuthorizationFailed
        | RDKafkaErrorCode::ClusterAuthorizationFailed
        | RDKafkaErrorCode::TransactionalIdAuthorizationFailed => {
            Some("give this user the right to read the input, with its group, to write the result topics and to use transactions")
        }
        RDKafkaErrorCode::SaslAuthenticationFailed => Some("check user and password in `kafka.properties`"),
        RDKafkaErrorCode::UnsupportedVersion | RDKafkaErrorCode::UnsupportedForMessageFormat => {
            Some("the broker is too old for transactions with a group's metadata; 2.5 or later has them")
        }
        RDKafkaErrorCode::InvalidTransactionTimeout => {
            Some("the broker allows less: set `transaction.timeout.ms` in `kafka.properties`")
        }
        RDKafkaErrorCode::FencedInstanceId => Some("another host uses the same `kafka.instance`; give each its own"),
        _ => None,
    }
}

impl std::fmt::Debug for KafkaLane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaLane").field("transactional_id", &self.transactional_id).finish_non_exhaustive()
    }
}
