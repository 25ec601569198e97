//! Sends readings to a topic, as a gateway would, and counts what the broker confirmed.

use std::sync::Arc;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};

use super::detached::Detached;
use super::{Settings, TopicError, TopicSpec, complaints, ensure_topics, partition_count};
use crate::clock;

/// How long the client tries to deliver one record. The restart of a broker fits in.
const DELIVERY_TIMEOUT_MS: &str = "30000";
/// Longer than a delivery may take, unless `message.timeout.ms` is given.
const FINISH_TIMEOUT: Duration = Duration::from_secs(60);
/// How long refusals may go on, while nothing is confirmed, before the rest is not sent any more.
const REFUSAL_PATIENCE: Duration = Duration::from_secs(5);

/// Why readings could not be sent.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The topic is not there.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// The client refuses or the broker does not answer.
    #[error("cannot send to `{topic}` at {bootstrap}: {source}")]
    Send {
        /// Which topic.
        topic: String,
        /// Where.
        bootstrap: String,
        /// What the client says.
        source: Box<KafkaError>,
    },
    /// The broker did not take all records.
    #[error("topic `{topic}` at {bootstrap} did not take {refused} of {sent} records: {reason}{advice}")]
    Refused {
        /// Which topic.
        topic: String,
        /// Where.
        bootstrap: String,
        /// Records that were refused, or not confirmed in time.
        refused: u64,
        /// Records that were sent.
        sent: u64,
        /// What the client or the broker says of the first one.
        reason: String,
        /// What to do.
        advice: &'static str,
    },
}

/// What delivery reports said.
#[derive(Debug, Default)]
struct Deliveries {
    confirmed: u64,
    refused: u64,
    first: Option<(KafkaError, Instant)>,
    /// The first refusal that every later record would meet too.
    lasting: bool,
}

#[derive(Default)]
struct Context(Arc<Mutex<Deliveries>>);

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

    fn delivery(&self, result: &DeliveryResult<'_>, (): Self::DeliveryOpaque) {
        let mut deliveries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(_) => deliveries.confirmed += 1,
            Err((error, _)) => {
                deliveries.refused += 1;
                deliveries.lasting |= error.rdkafka_error_code() == Some(RDKafkaErrorCode::MessageTimedOut);
                deliveries.first.get_or_insert_with(|| (error.clone(), clock::monotonic()));
            }
        }
    }
}

/// An idempotent producer to one topic.
pub struct Feeder {
    producer: Detached<BaseProducer<Context>>,
    deliveries: Arc<Mutex<Deliveries>>,
    sent: u64,
    topic: String,
    bootstrap: String,
}

impl Feeder {
    /// Connects, and makes the topic with three partitions where it is missing.
    ///
    /// # Errors
    /// When no broker answers.
    pub async fn open(settings: &Settings, topic: &str) -> Result<Self, FeedError> {
        if partition_count(settings, topic)? == 0 {
            ensure_topics(settings, &[TopicSpec { name: topic.to_owned(), partitions: 3, compacted: false, retention_ms: None }])
                .await?;
        }
        let bootstrap = settings.bootstrap.clone();
        let mut config = settings.keyed_as(topic).feeder();
        if !settings.properties.contains_key("message.timeout.ms") {
            config.set("message.timeout.ms", DELIVERY_TIMEOUT_MS);
        }
        let deliveries = Arc::<Mutex<Deliveries>>::default();
        let producer = config.create_with_context(Context(Arc::clone(&deliveries))).map_err(|source| FeedError::Send {
            topic: topic.to_owned(),
            bootstrap: bootstrap.clone(),
            source: Box::new(source),
        })?;
        Ok(Self { producer: Detached::new(producer), deliveries, sent: 0, topic: topic.to_owned(), bootstrap })
    }

    /// Queues a record; waits while the queue is full.
    ///
    /// # Errors
    /// When the client refuses it, or the broker goes on refusing all of them.
    pub fn send(&mut self, key: &[u8], payload: &[u8]) -> Result<(), FeedError> {
        let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&self.topic).key(key).payload(payload);
        while let Err((source, returned)) = self.producer.send(record) {
            if source.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(FeedError::Send {
                    topic: self.topic.clone(),
                    bootstrap: self.bootstrap.clone(),
                    source: Box::new(source),
                });
            }
            self.producer.poll(Duration::from_millis(5));
            self.look_for_refusals()?;
            record = returned;
        }
        self.sent += 1;
        self.producer.poll(Duration::ZERO);
        self.look_for_refusals()
    }

    /// Waits for the broker's word on each record; returns how many are in the log.
    ///
    /// # Errors
    /// With the number of those that are not, and the first reason.
    pub fn finish(&self) -> Result<u64, FeedError> {
        let flushed = self.producer.flush(FINISH_TIMEOUT);
        let deliveries = self.deliveries();
        if deliveries.confirmed == self.sent {
            return Ok(self.sent);
        }
        match (&deliveries.first, flushed) {
            (None, Err(error)) => Err(self.refused(&deliveries, &error)),
            _ => Err(self.first_refusal(&deliveries)),
        }
    }

    /// One record that is too large holds up no other; a broker that takes nothing at all ends the sending.
    fn look_for_refusals(&self) -> Result<(), FeedError> {
        let deliveries = self.deliveries();
        let Some((_, at)) = &deliveries.first else { return Ok(()) };
        if deliveries.lasting || deliveries.confirmed == 0 && at.elapsed() > REFUSAL_PATIENCE {
            return Err(self.first_refusal(&deliveries));
        }
        Ok(())
    }

    fn first_refusal(&self, deliveries: &Deliveries) -> FeedError {
        match &deliveries.first {
            Some((error, _)) => self.refused(deliveries, error),
            None => self.refused(deliveries, &KafkaError::MessageProduction(RDKafkaErrorCode::MessageTimedOut)),
        }
    }

    fn refused(&self, deliveries: &Deliveries, error: &KafkaError) -> FeedError {
        FeedError::Refused {
            topic: self.topic.clone(),
            bootstrap: self.bootstrap.clone(),
            refused: self.sent - deliveries.confirmed,
            sent: self.sent,
            reason: error.to_string(),
            advice: error.rdkafka_error_code().map_or("", advice),
        }
    }

    fn deliveries(&self) -> std::sync::MutexGuard<'_, Deliveries> {
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an operator can do about a refusal.
fn advice(code: RDKafkaErrorCode) -> &'static str {
    match code {
        RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize => {
            "; raise the topic's `max.message.bytes`, or send fewer in one batch with `--property batch.size=...`"
        }
        RDKafkaErrorCode::MessageTimedOut => {
            "; check that the broker runs, and that as many replicas are in sync as the topic's `min.insync.replicas` wants"
        }
        RDKafkaErrorCode::TopicAuthorizationFailed => "; give this user the right to write the topic",
        RDKafkaErrorCode::ClusterAuthorizationFailed => "; give this user the right `IdempotentWrite`",
        _ => "",
    }
}
