//! A broker inside the process, for the demo: librdkafka's mock cluster.
//!
//! Groups and transactions work on it; it keeps no committed offsets and little of each partition, so it shows no delivery.

use std::sync::OnceLock;

use rdkafka::ClientConfig;
use rdkafka::bindings as ffi;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::producer::{BaseProducer, Producer as _};

/// The process has one, if any.
static ADDRESS: OnceLock<String> = OnceLock::new();

/// Whether these addresses are those of the process's own broker, which has no ids of topics and no properties, and does not answer
/// whoever asks for them.
pub(super) fn is_embedded(bootstrap: &str) -> bool {
    ADDRESS.get().is_some_and(|address| address == bootstrap)
}

/// Lives as long as the value.
pub struct EmbeddedBroker {
    /// Owns the cluster.
    _client: BaseProducer,
    bootstrap: String,
}

impl EmbeddedBroker {
    /// Starts it with these topics, of `partitions` each.
    ///
    /// # Errors
    /// When the client library cannot.
    pub fn start(topics: &[&str], partitions: i32) -> KafkaResult<Self> {
        let client: BaseProducer = ClientConfig::new().set("test.mock.num.brokers", "1").create()?;
        let missing = KafkaError::MockCluster(ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__FAIL.into());
        let cluster = client.client().mock_cluster().ok_or(missing)?;
        for topic in topics {
            cluster.create_topic(topic, partitions, 1)?;
        }
        // Whoever starts a demo is alone: a group that waits for more members only delays the first result.
        // SAFETY: the cluster was found above, and lives as long as its client.
        unsafe {
            ffi::rd_kafka_mock_group_initial_rebalance_delay_ms(
                ffi::rd_kafka_handle_mock_cluster(client.client().native_ptr()),
                0,
            )
        };
        let bootstrap = cluster.bootstrap_servers();
        drop(cluster);
        ADDRESS.get_or_init(|| bootstrap.clone());
        Ok(Self { _client: client, bootstrap })
    }

    /// Its address.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        self.bootstrap.clone()
    }
}
