//! Client settings: what we choose, and the operator's properties over it.

use std::collections::BTreeMap;

use rdkafka::ClientConfig;

/// How to reach the broker.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Addresses, separated by commas.
    pub bootstrap: String,
    /// Any librdkafka property; goes over ours.
    pub properties: BTreeMap<String, String>,
}

impl Settings {
    fn client(&self, ours: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap).set("client.id", "wattdog");
        for (name, value) in ours {
            config.set(*name, *value);
        }
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config
    }

    /// Without a group: metadata and topics.
    #[must_use]
    pub fn admin(&self) -> ClientConfig {
        self.client(&[])
    }

    /// A member of a consumer group that reads committed records and commits offsets itself.
    #[must_use]
    pub fn consumer(&self, group: &str) -> ClientConfig {
        let mut config = self.client(&[
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("auto.offset.reset", "earliest"),
            ("isolation.level", "read_committed"),
            ("partition.assignment.strategy", "cooperative-sticky"),
            // A host that was killed keeps its partitions for this long; a broker's restart must fit in.
            ("session.timeout.ms", "30000"),
            ("heartbeat.interval.ms", "1000"),
            // The default of a second between fetches, once the queue was full, loses whole seconds.
            ("fetch.queue.backoff.ms", "2"),
            // One fetch is in flight for each broker. While it waits at the end of an idle partition, a busy one starves.
            ("fetch.wait.max.ms", "10"),
            // A compressed fetch of the default megabyte unpacks to tens of thousands of messages for each partition.
            ("fetch.message.max.bytes", "131072"),
            // A fetch is asked for when fewer are left, and takes some milliseconds: with 4,000, one poll's worth, lanes stood
            // still for most of the time; with 100,000, the default, the resident set is three times as large and nothing faster.
            ("queued.min.messages", "14000"),
            ("queued.max.messages.kbytes", "8192"),
            ("topic.metadata.refresh.interval.ms", "30000"),
            ("reconnect.backoff.max.ms", "2000"),
        ]);
        config.set("group.id", group);
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config
    }

    /// A consumer that keeps its membership over a restart, where the host has a name.
    #[must_use]
    pub fn member(&self, group: &str, instance: Option<&str>) -> ClientConfig {
        let mut config = self.consumer(group);
        if let Some(instance) = instance {
            config.set("group.instance.id", instance);
        }
        config
    }

    /// A producer that loses and doubles nothing by itself.
    #[must_use]
    pub fn feeder(&self) -> ClientConfig {
        self.client(&[("enable.idempotence", "true"), ("linger.ms", "5"), ("compression.type", "lz4")])
    }

    /// A producer whose records become visible with its transaction.
    #[must_use]
    pub fn transactional_producer(&self, transactional_id: &str) -> ClientConfig {
        let mut config = self.client(&[
            // A request for each partition and few of them: a broker's cost is by request. A commit sends what lingers.
            ("linger.ms", "25"),
            ("compression.type", "lz4"),
            // A begin right after a commit meets CONCURRENT_TRANSACTIONS and waits this long (default: 100 ms).
            ("retry.backoff.ms", "2"),
            ("retry.backoff.max.ms", "500"),
            ("transaction.timeout.ms", "60000"),
            // A dead letter carries a message as large as a broker takes, and its headers.
            ("message.max.bytes", "2097152"),
            ("queue.buffering.max.kbytes", "8192"),
            // A commit says what became of all records; word of each one costs as much as sending it.
            ("delivery.report.only.error", "true"),
            ("reconnect.backoff.max.ms", "2000"),
        ]);
        config.set("transactional.id", transactional_id);
        config
    }
}
