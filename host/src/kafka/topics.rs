//! Topics: which there are, and the missing ones made.

use std::collections::HashMap;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::MetadataTopic;

use super::Settings;
use crate::wording::count;

const TIMEOUT: Duration = Duration::from_secs(5);

/// A dead letter carries a message as large as brokers take by default, and its headers.
const PLAIN: &[(&str, &str)] = &[("max.message.bytes", "2097152")];
/// A lane reads all of it when it begins, so what was written over is to go soon: closed segments are cleaned, so they are small.
const COMPACTED: &[(&str, &str)] = &[
    ("cleanup.policy", "compact"),
    ("segment.bytes", "33554432"),
    ("segment.ms", "600000"),
    ("min.cleanable.dirty.ratio", "0.2"),
];

/// A topic that must be there.
#[derive(Clone, Debug)]
pub struct TopicSpec {
    /// Its name.
    pub name: String,
    /// Partitions if it has to be made.
    pub partitions: i32,
    /// Keep only the last record of each key.
    pub compacted: bool,
    /// How long records are kept, as the broker writes it; none: as it does by default.
    pub retention_ms: Option<String>,
}

/// Why a topic is not there.
#[derive(Debug, thiserror::Error)]
pub enum TopicError {
    /// Nobody answered.
    #[error("no Kafka broker answers at {bootstrap}: {source}; start it, or set `kafka.bootstrap`")]
    Unreachable {
        /// Where we tried.
        bootstrap: String,
        /// What the client says.
        source: KafkaError,
    },
    /// No client can be made.
    #[error("no Kafka client can be made: {0}; check `kafka.properties`")]
    Client(KafkaError),
    /// It is missing and could not be made.
    #[error("topic `{topic}` does not exist and could not be created: {reason}; create it with {}", count(*.partitions, "partition"))]
    NotCreated {
        /// Its name.
        topic: String,
        /// What the broker says.
        reason: String,
        /// How many it should have.
        partitions: i32,
    },
}

/// Partitions of each topic that there is.
#[derive(Clone, Debug)]
pub struct Partitions(HashMap<String, i32>);

impl Partitions {
    /// As the broker knows them now.
    ///
    /// # Errors
    /// When no broker answers.
    pub fn now(settings: &Settings) -> Result<Self, TopicError> {
        let unreachable = |source| TopicError::Unreachable { bootstrap: settings.bootstrap.clone(), source };
        let client: BaseConsumer = settings.admin().create().map_err(TopicError::Client)?;
        // All topics, since asking for one by name would create it where the broker does so by itself.
        let metadata = client.fetch_metadata(None, TIMEOUT).map_err(unreachable)?;
        let count = |topic: &MetadataTopic| i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX);
        Ok(Self(metadata.topics().iter().map(|topic| (topic.name().to_owned(), count(topic))).collect()))
    }

    /// Of one; 0 where it does not exist.
    #[must_use]
    pub fn of(&self, topic: &str) -> i32 {
        self.0.get(topic).copied().unwrap_or(0)
    }
}

/// Partitions of a topic; 0 where it does not exist.
///
/// # Errors
/// When no broker answers.
pub fn partition_count(settings: &Settings, topic: &str) -> Result<i32, TopicError> {
    Ok(Partitions::now(settings)?.of(topic))
}

/// Makes the topics that are missing, with the broker's default replication.
///
/// # Errors
/// When no broker answers or one cannot be made.
pub async fn ensure_topics(settings: &Settings, topics: &[TopicSpec]) -> Result<(), TopicError> {
    let unreachable = |source| TopicError::Unreachable { bootstrap: settings.bootstrap.clone(), source };
    let admin: AdminClient<DefaultClientContext> = settings.admin().create().map_err(TopicError::Client)?;
    let new: Vec<_> = topics
        .iter()
        .map(|topic| {
            let new = NewTopic::new(&topic.name, topic.partitions, TopicReplication::Fixed(-1));
            let properties = if topic.compacted { COMPACTED } else { PLAIN };
            let new = properties.iter().fold(new, |new, (name, value)| new.set(name, value));
            topic.retention_ms.iter().fold(new, |new, retention_ms| new.set("retention.ms", retention_ms))
        })
        .collect();
    let options = AdminOptions::new().operation_timeout(Some(TIMEOUT)).request_timeout(Some(TIMEOUT));
    let answers = admin.create_topics(&new, &options).await.map_err(unreachable)?;
    for (answer, topic) in answers.into_iter().zip(topics) {
        match answer {
            Ok(name) => tracing::info!(topic = name, partitions = topic.partitions, "created topic"),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((name, code)) => {
                return Err(TopicError::NotCreated { topic: name, reason: code.to_string(), partitions: topic.partitions });
            }
        }
    }
    Ok(())
}

/// Makes a compacted topic where it is missing, and gives it more partitions where it has too few.
///
/// # Errors
/// When no broker answers or it is not to be had.
pub(super) async fn ensure_partitions(settings: &Settings, topic: &str, partitions: i32) -> Result<(), TopicError> {
    ensure_topics(settings, &[TopicSpec { name: topic.to_owned(), partitions, compacted: true, retention_ms: None }]).await?;
    let unreachable = |source| TopicError::Unreachable { bootstrap: settings.bootstrap.clone(), source };
    let admin: AdminClient<DefaultClientContext> = settings.admin().create().map_err(TopicError::Client)?;
    let options = AdminOptions::new().operation_timeout(Some(TIMEOUT)).request_timeout(Some(TIMEOUT));
    let more = NewPartitions::new(topic, usize::try_from(partitions).unwrap_or(1));
    for answer in admin.create_partitions(&[more], &options).await.map_err(unreachable)? {
        match answer {
            // It has as many already.
            Ok(_) | Err((_, RDKafkaErrorCode::InvalidPartitions)) => {}
            Err((name, code)) => return Err(TopicError::NotCreated { topic: name, reason: code.to_string(), partitions }),
        }
    }
    Ok(())
}
