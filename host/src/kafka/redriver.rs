//! Sends set-aside records again, in one transaction with the word that it was done.

use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer as _};

use super::Settings;

/// One call to the transaction coordinator.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Why nothing was sent again.
#[derive(Debug, thiserror::Error)]
pub enum RedriveError {
    /// Another one has begun after this one.
    #[error("another redrive of this topic has begun since: nothing was sent by this one; run it again to see what is left")]
    Fenced,
    /// The broker or the client refuses.
    #[error("nothing was sent again: {0}; run it again")]
    Failed(Box<KafkaError>),
    /// The commit was asked for and not answered.
    #[error("it is not certain whether all or nothing was sent: {0}; run it again, which sends only what is missing")]
    InDoubt(Box<KafkaError>),
}

impl RedriveError {
    fn of(error: KafkaError) -> Self {
        let fenced = |code| matches!(code, RDKafkaErrorCode::Fenced | RDKafkaErrorCode::InvalidProducerEpoch);
        match &error {
            KafkaError::Transaction(inner) if fenced(inner.code()) => Self::Fenced,
            error if error.rdkafka_error_code().is_some_and(fenced) => Self::Fenced,
            _ => Self::Failed(Box::new(error)),
        }
    }
}

/// A record to be sent.
#[derive(Clone, Debug)]
pub struct Redriven<'a> {
    /// Where to.
    pub topic: &'a str,
    /// Which partition of it.
    pub partition: i32,
    /// Milliseconds since the epoch; none: now.
    pub timestamp_ms: Option<i64>,
    /// As it came.
    pub key: Option<&'a [u8]>,
    /// As it came.
    pub value: Option<&'a [u8]>,
    /// In this order.
    pub headers: &'a [(&'static str, String)],
    /// Headers of its sender.
    pub sender_headers: Vec<(&'a str, &'a [u8])>,
}

/// A transaction over a dead-letter topic; there is one at a time for each topic, and the newest wins.
pub struct Redriver {
    producer: BaseProducer<DefaultProducerContext>,
    begun: bool,
}

impl Redriver {
    /// Connects, and fences whoever redrives the same topic. What that one committed can be read once this returns.
    ///
    /// # Errors
    /// When the transaction coordinator does not answer in time.
    pub fn open(settings: &Settings, dead_letter_topic: &str) -> Result<Self, RedriveError> {
        let config = settings.transactional_producer(&format!("wattdog.redrive.{dead_letter_topic}"));
        let producer: BaseProducer<DefaultProducerContext> = config.create().map_err(RedriveError::of)?;
        producer.init_transactions(CALL_TIMEOUT).map_err(RedriveError::of)?;
        Ok(Self { producer, begun: false })
    }

    /// Sends one within the transaction, waiting while the queue is full.
    ///
    /// # Errors
    /// When the client refuses it, or another redrive has begun.
    pub fn send(&mut self, record: &Redriven<'_>) -> Result<(), RedriveError> {
        if !self.begun {
            self.producer.begin_transaction().map_err(RedriveError::of)?;
            self.begun = true;
        }
        let count = record.headers.len() + record.sender_headers.len();
        let ours = record.headers.iter().map(|(key, value)| (*key, value.as_bytes()));
        let headers = ours
            .chain(record.sender_headers.iter().copied())
            .fold(OwnedHeaders::new_with_capacity(count), |headers, (key, value)| {
                headers.insert(Header { key, value: Some(value) })
            });
        let mut out: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(record.topic).partition(record.partition).headers(headers);
        out.key = record.key;
        out.payload = record.value;
        out.timestamp = record.timestamp_ms;
        while let Err((error, returned)) = self.producer.send(out) {
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(RedriveError::of(error));
            }
            self.producer.poll(Duration::from_millis(5));
            out = returned;
        }
        self.producer.poll(Duration::ZERO);
        Ok(())
    }

    /// All that was sent becomes visible at once. Without this, nothing does.
    ///
    /// # Errors
    /// When another redrive has begun, or the broker does not take it in time.
    pub fn commit(self) -> Result<(), RedriveError> {
        if !self.begun {
            return Ok(());
        }
        self.producer.commit_transaction(CALL_TIMEOUT).map_err(|error| match RedriveError::of(error) {
            RedriveError::Failed(error) if matches!(&*error, KafkaError::Transaction(inner) if inner.is_retriable()) => {
                RedriveError::InDoubt(error)
            }
            error => error,
        })
    }
}
