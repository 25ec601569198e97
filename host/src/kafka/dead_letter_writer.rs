//! Dead letters of those who have no transaction: written, and certain when the call returns.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};

use super::detached::Detached;
use super::{FeedError, Settings, complaints};
use crate::results::DeadLetter;

/// A broker that is away for longer fails the call, whose caller says so and tries again.
const DELIVERY_TIMEOUT_MS: &str = "10000";
/// Longer than a delivery may take.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(15);

/// Why the last record that could not be delivered could not.
type LastFailure = Arc<Mutex<Option<KafkaError>>>;

struct Deliveries(LastFailure);

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        complaints::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        complaints::say(&error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): Self::DeliveryOpaque) {
        if let Err((error, _)) = result {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
        }
    }
}

/// An idempotent producer to the dead-letter topic, connected when there is a first letter.
pub struct DeadLetterWriter {
    settings: Settings,
    topic: String,
    producer: Option<Detached<BaseProducer<Deliveries>>>,
    failed: LastFailure,
}

impl DeadLetterWriter {
    /// Does not connect yet.
    #[must_use]
    pub fn new(settings: &Settings, topic: &str) -> Self {
        Self { settings: settings.clone(), topic: topic.to_owned(), producer: None, failed: Arc::default() }
    }

    /// Writes all, and returns when each is in the log. After an error some may be there, and are there twice after another try.
    ///
    /// # Errors
    /// When the broker does not take them in time.
    pub fn write<'l>(&mut self, letters: impl Iterator<Item = &'l DeadLetter>) -> Result<(), FeedError> {
        let result = self.try_write(letters);
        if result.is_err() {
            // Whatever it still holds goes with it, and is not sent later in another order.
            self.producer = None;
        }
        result.map_err(|source| FeedError::Send {
            topic: self.topic.clone(),
            bootstrap: self.settings.bootstrap.clone(),
            source: Box::new(source),
        })
    }

    fn try_write<'l>(&mut self, letters: impl Iterator<Item = &'l DeadLetter>) -> Result<(), KafkaError> {
        let producer = match self.producer.take() {
            Some(producer) => producer,
            None => self.connect()?,
        };
        let producer = self.producer.insert(producer);
        for letter in letters {
            let headers = letter.headers.iter().fold(OwnedHeaders::new_with_capacity(letter.headers.len()), |headers, header| {
                headers.insert(Header { key: header.0, value: Some(&header.1) })
            });
            let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&self.topic).headers(headers);
            record.key = letter.key.as_deref();
            record.payload = letter.value.as_deref();
            while let Err((error, returned)) = producer.send(record) {
                if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                    return Err(error);
                }
                producer.poll(Duration::from_millis(5));
                record = returned;
            }
        }
        producer.flush(FLUSH_TIMEOUT)?;
        self.last_failure().map_or(Ok(()), Err)
    }

    fn last_failure(&self) -> Option<KafkaError> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn connect(&self) -> Result<Detached<BaseProducer<Deliveries>>, KafkaError> {
        let mut config = self.settings.feeder();
        // A row is as large as a result topic takes, and gets headers.
        config.set("message.timeout.ms", DELIVERY_TIMEOUT_MS).set("message.max.bytes", "2097152");
        self.last_failure();
        config.create_with_context(Deliveries(Arc::clone(&self.failed))).map(Detached::new)
    }
}
