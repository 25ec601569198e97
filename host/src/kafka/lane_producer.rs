//! One lane's transactions: results and input offset together, or neither.
//!
//! What a transaction is to hold stays in the lane's [`Outbox`] until the commit is confirmed. So a transaction that a broker
//! aborted is sent again as it was, and the lane's state never has to go back.

use std::time::Duration;

use rdkafka::bindings as ffi;
use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};

use super::{Group, Settings};
use crate::clock;
use crate::results::{Outbox, TopicNames};

/// One call to the transaction coordinator; longer waits are made of several.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a commit looks for failed deliveries while records are in flight.
const FLUSH_STEP_MS: i32 = 50;
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);

/// Delivery failures surface as the transaction's failure; nothing is to be done for each record.
struct Context;

impl ClientContext for Context {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "kafka producer");
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = ();
    fn delivery(&self, _: &DeliveryResult<'_>, (): Self::DeliveryOpaque) {}
}

/// Why a lane has no producer.
#[derive(Debug, thiserror::Error)]
#[error("no transactions for {transactional_id} at {bootstrap}: {source}")]
pub struct ProducerError {
    transactional_id: String,
    bootstrap: String,
    source: Box<KafkaError>,
}

/// How a commit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// Results and offset are in the log, once.
    Done,
    /// The lane was told to give up before it was certain.
    Abandoned,
}

/// What a failed step asks for.
enum Failure {
    /// Abort, then the same again.
    Abort(KafkaError),
    /// This producer is of no more use.
    Reopen(KafkaError),
}

impl Failure {
    fn of(error: KafkaError) -> Self {
        match &error {
            KafkaError::Transaction(inner) if inner.is_fatal() => Self::Reopen(error),
            KafkaError::MessageProduction(RDKafkaErrorCode::Fatal | RDKafkaErrorCode::Fenced) => Self::Reopen(error),
            _ => Self::Abort(error),
        }
    }

    fn error(&self) -> &KafkaError {
        match self {
            Self::Abort(error) | Self::Reopen(error) => error,
        }
    }
}

/// The producer of one lane.
pub struct LaneProducer {
    producer: BaseProducer<Context>,
    settings: Settings,
    transactional_id: String,
    topics: TopicNames,
    partition: i32,
    /// A transaction is open.
    begun: bool,
    /// Records of the outbox that the open transaction has.
    sent: usize,
    /// A commit was asked for whose outcome is not known.
    in_doubt: bool,
}

impl LaneProducer {
    /// Connects, and fences whoever had this lane before.
    ///
    /// # Errors
    /// When the transaction coordinator does not answer in time.
    pub fn open(settings: &Settings, transactional_id: &str, topics: TopicNames, partition: i32) -> Result<Self, ProducerError> {
        let producer = connect(settings, transactional_id)?;
        Ok(Self {
            producer,
            settings: settings.clone(),
            transactional_id: transactional_id.to_owned(),
            topics,
            partition,
            begun: false,
            sent: 0,
            in_doubt: false,
        })
    }

    /// Sends what the outbox has and the transaction not yet, without waiting for more than room in the queue.
    ///
    /// A failure is left for [`LaneProducer::commit`], which starts over.
    pub fn send(&mut self, outbox: &Outbox) {
        if let Err(failure) = self.try_send(outbox) {
            tracing::debug!(error = %failure.error(), partition = self.partition, "sending failed; the commit will start over");
        }
    }

    fn try_send(&mut self, outbox: &Outbox) -> Result<(), Failure> {
        if !self.begun {
            self.producer.begin_transaction().map_err(Failure::of)?;
            self.begun = true;
            self.sent = 0;
        }
        for record in outbox.records().skip(self.sent) {
            let name = self.topics.name(record.topic);
            let headers = (!record.headers.is_empty()).then(|| {
                record.headers.iter().fold(OwnedHeaders::new_with_capacity(record.headers.len()), |headers, (key, value)| {
                    headers.insert(Header { key, value: Some(value) })
                })
            });
            let mut out: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(name);
            out.key = record.key;
            out.payload = record.value;
            out.headers = headers;
            while let Err((error, returned)) = self.producer.send(out) {
                if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                    return Err(Failure::of(error));
                }
                self.producer.poll(Duration::from_millis(1));
                out = returned;
            }
            self.sent += 1;
        }
        self.producer.poll(Duration::ZERO);
        Ok(())
    }

    /// Commits the outbox and the offset to go on from as one; goes on trying until it is certain, or `give_up` says so.
    pub fn commit(&mut self, outbox: &Outbox, next_offset: i64, group: &Group, give_up: impl Fn() -> bool) -> Commit {
        let mut backoff = FIRST_BACKOFF;
        loop {
            let failure = match self.attempt(outbox, next_offset, group, &give_up) {
                Ok(()) => return Commit::Done,
                Err(failure) => failure,
            };
            tracing::warn!(
                partition = self.partition,
                error = %failure.error(),
                "a transaction failed; its results are kept and sent again"
            );
            if matches!(failure, Failure::Reopen(_)) || self.abort().is_err() {
                self.reopen(&give_up);
            }
            if give_up() {
                return Commit::Abandoned;
            }
            if self.in_doubt {
                match group.committed(self.partition, CALL_TIMEOUT) {
                    Ok(Some(offset)) if offset == next_offset => {
                        self.in_doubt = false;
                        return Commit::Done;
                    }
                    Ok(_) => self.in_doubt = false,
                    Err(error) => tracing::warn!(%error, partition = self.partition, "committed offset not known yet"),
                }
            }
            std::thread::sleep(backoff);
            backoff = (backoff * 2).min(LONGEST_BACKOFF);
        }
    }

    fn attempt(&mut self, outbox: &Outbox, next_offset: i64, group: &Group, give_up: &impl Fn() -> bool) -> Result<(), Failure> {
        self.try_send(outbox)?;
        self.flush(give_up)?;
        let metadata = group.metadata().ok_or_else(|| Failure::Abort(KafkaError::Canceled))?;
        let position = group.position(self.partition, next_offset);
        patiently(give_up, || self.producer.send_offsets_to_transaction(&position, &metadata, CALL_TIMEOUT))?;
        self.in_doubt = true;
        patiently(give_up, || self.producer.commit_transaction(CALL_TIMEOUT))?;
        self.in_doubt = false;
        self.begun = false;
        Ok(())
    }

    /// Sends what lingers and waits until nothing is in flight.
    ///
    /// rdkafka's own flush, and so its `commit_transaction`, waits in steps of 100 ms; librdkafka's wakes up at the last
    /// acknowledgement. It does not serve failed deliveries, so that is done in between. The wait is bounded, since after an outage
    /// of the broker the queue was seen never to empty; an abort empties it.
    fn flush(&self, give_up: &impl Fn() -> bool) -> Result<(), Failure> {
        let started = clock::monotonic();
        loop {
            // SAFETY: the client is alive, and may be used from any thread.
            let outcome = unsafe { ffi::rd_kafka_flush(self.producer.client().native_ptr(), FLUSH_STEP_MS) };
            if outcome == ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                return Ok(());
            }
            self.producer.poll(Duration::ZERO);
            if give_up() {
                return Err(Failure::Abort(KafkaError::Canceled));
            }
            if started.elapsed() > CALL_TIMEOUT {
                return Err(Failure::Abort(KafkaError::Flush(outcome.into())));
            }
        }
    }

    fn abort(&mut self) -> Result<(), KafkaError> {
        if self.begun {
            self.producer.abort_transaction(CALL_TIMEOUT)?;
        }
        self.begun = false;
        self.sent = 0;
        // An abort that succeeded says that no commit did.
        self.in_doubt = false;
        Ok(())
    }

    fn reopen(&mut self, give_up: &impl Fn() -> bool) {
        let mut backoff = FIRST_BACKOFF;
        while !give_up() {
            match connect(&self.settings, &self.transactional_id) {
                Ok(producer) => {
                    self.producer = producer;
                    self.begun = false;
                    self.sent = 0;
                    return;
                }
                Err(error) => tracing::warn!(%error, "the lane waits"),
            }
            std::thread::sleep(backoff);
            backoff = (backoff * 2).min(LONGEST_BACKOFF);
        }
    }
}

fn connect(settings: &Settings, transactional_id: &str) -> Result<BaseProducer<Context>, ProducerError> {
    let failed = |source| ProducerError {
        transactional_id: transactional_id.to_owned(),
        bootstrap: settings.bootstrap.clone(),
        source: Box::new(source),
    };
    let producer: BaseProducer<Context> =
        settings.transactional_producer(transactional_id).create_with_context(Context).map_err(failed)?;
    producer.init_transactions(CALL_TIMEOUT).map_err(failed)?;
    Ok(producer)
}

/// Repeats a call while the client says that the same call may succeed.
fn patiently(give_up: &impl Fn() -> bool, mut call: impl FnMut() -> Result<(), KafkaError>) -> Result<(), Failure> {
    loop {
        match call() {
            Ok(()) => return Ok(()),
            Err(KafkaError::Transaction(error)) if error.is_retriable() && !give_up() => {
                tracing::warn!(%error, "the transaction coordinator does not answer; asking again");
            }
            Err(error) => return Err(Failure::of(error)),
        }
    }
}

impl std::fmt::Debug for LaneProducer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LaneProducer").field("transactional_id", &self.transactional_id).finish_non_exhaustive()
    }
}
