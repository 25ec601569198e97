//! A broker inside the process, for the demo: librdkafka's mock cluster.
//!
//! Groups and transactions work on it; it keeps no committed offsets and little of each partition, so it shows no delivery.

use rdkafka::error::KafkaResult;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

/// Lives as long as the value.
pub struct EmbeddedBroker {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl EmbeddedBroker {
    /// Starts it with these topics, of `partitions` each.
    ///
    /// # Errors
    /// When the client library cannot.
    pub fn start(topics: &[&str], partitions: i32) -> KafkaResult<Self> {
        let cluster = MockCluster::new(1)?;
        for topic in topics {
            cluster.create_topic(topic, partitions, 1)?;
        }
        Ok(Self { cluster })
    }

    /// Its address.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        self.cluster.bootstrap_servers()
    }
}
