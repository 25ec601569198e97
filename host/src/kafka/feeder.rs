//! Sends readings to a topic, as a gateway would.

use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer as _};

use super::{Settings, TopicError, TopicSpec, ensure_topics, partition_count};

const FINISH_TIMEOUT: Duration = Duration::from_secs(60);

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
}

/// An idempotent producer to one topic.
pub struct Feeder {
    producer: BaseProducer<DefaultProducerContext>,
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
        let producer = settings.feeder().create().map_err(|source| FeedError::Send {
            topic: topic.to_owned(),
            bootstrap: bootstrap.clone(),
            source: Box::new(source),
        })?;
        Ok(Self { producer, topic: topic.to_owned(), bootstrap })
    }

    /// Queues a record; waits while the queue is full.
    ///
    /// # Errors
    /// When the client refuses it.
    pub fn send(&self, key: &[u8], payload: &[u8]) -> Result<(), FeedError> {
        let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&self.topic).key(key).payload(payload);
        while let Err((source, returned)) = self.producer.send(record) {
            if source.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(self.failed(source));
            }
            self.producer.poll(Duration::from_millis(5));
            record = returned;
        }
        self.producer.poll(Duration::ZERO);
        Ok(())
    }

    /// Waits until all is in the log.
    ///
    /// # Errors
    /// When the broker does not take it in time.
    pub fn finish(&self) -> Result<(), FeedError> {
        self.producer.flush(FINISH_TIMEOUT).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: KafkaError) -> FeedError {
        FeedError::Send { topic: self.topic.clone(), bootstrap: self.bootstrap.clone(), source: Box::new(source) }
    }
}
