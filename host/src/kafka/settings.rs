//! Client settings: what we choose, and the operator's properties over it.

use std::collections::BTreeMap;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;

use super::read_topics::ReadTopics;
use super::{Partitioner, Partitions};
use crate::config::Kafka;

/// What a partition has fetched ahead, at least in messages and at most in KiB; with more partitions than so many, each has less.
const FETCHED_MESSAGES: u32 = 14_000;
const FETCHED_KBYTES: u32 = 8_192;
const FULL_FETCHES: u32 = 8;
/// Less than this would be a fetch for each poll.
const LEAST_FETCHED_MESSAGES: u32 = 1_000;
const LEAST_FETCHED_KBYTES: u32 = 256;

/// Properties of which a client has to be as we make it.
const OURS: [&str; 10] = [
    "bootstrap.servers",
    "group.id",
    "group.instance.id",
    "transactional.id",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "auto.offset.reset",
    "isolation.level",
    "partition.assignment.strategy",
    "enable.idempotence",
];

/// How to reach the broker.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Addresses, separated by commas.
    pub bootstrap: String,
    /// Any librdkafka property; goes over ours.
    pub properties: BTreeMap<String, String>,
    /// How producers choose the partition of a key.
    pub partitioner: Partitioner,
}

impl Settings {
    /// As the configuration says.
    #[must_use]
    pub fn of(kafka: &Kafka) -> Self {
        Self { bootstrap: kafka.bootstrap.clone(), properties: kafka.properties.clone(), partitioner: Partitioner::default() }
    }

    /// Whether the operator's properties can be used.
    ///
    /// # Errors
    /// Naming the one that cannot.
    pub fn validate(&self) -> Result<(), String> {
        if self.properties.contains_key("partitioner") {
            return Err("`kafka.properties` has `partitioner`: results are keyed as Java's clients do (murmur2), and a change would split \
                        buildings over two partitions; leave it out"
                .into());
        }
        self.validate_client()
    }

    /// Whether a command that only sends readings can use these properties; its partitioner is the one that is asked for.
    ///
    /// # Errors
    /// Naming the one that cannot.
    pub fn validate_client(&self) -> Result<(), String> {
        if let Some(name) = self.properties.keys().find(|name| OURS.contains(&name.as_str())) {
            return Err(format!(
                "`kafka.properties` has `{name}`, on which depends that nothing is lost or doubled; leave it out"
            ));
        }
        match self.admin().create_native_config() {
            // Not with its value, which may be a secret.
            Err(KafkaError::ClientConfig(_, words, name, _)) => {
                Err(format!("`kafka.properties` has `{name}`, which cannot be used: {words}"))
            }
            Err(error) => Err(format!("`kafka.properties` cannot be used: {error}")),
            Ok(_) => Ok(()),
        }
    }

    /// With the partitioner that a topic's newest records show; where they show none, as they are. A topic that two producers key in two
    /// ways has its buildings in two partitions.
    #[must_use]
    pub fn keyed_as(&self, topic: &str) -> Self {
        let shown = Partitions::now(self)
            .ok()
            .filter(|there| there.of(topic) > 1 && !self.properties.contains_key("partitioner"))
            .and_then(|there| {
                Partitioner::of_topic(self, topic, there.of(topic))
                    .inspect_err(|error| tracing::debug!(topic, %error, "cannot see how the topic is keyed"))
                    .ok()?
            });
        if shown == Some(Partitioner::Crc32) {
            tracing::warn!(
                topic,
                "the topic is keyed with librdkafka's own partitioner (CRC32) and not with Java's (murmur2); new records are keyed alike, so \
                 that no building is in two partitions"
            );
        }
        Self { partitioner: shown.unwrap_or(self.partitioner), ..self.clone() }
    }

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
            ("queued.min.messages", &FETCHED_MESSAGES.to_string()),
            ("queued.max.messages.kbytes", &FETCHED_KBYTES.to_string()),
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
        // That a client has gone to the beginning of a partition, or to another topic of the same name, is a line of its log,
        // whatever level is asked for.
        config.set_log_level(RDKafkaLogLevel::Debug);
        let asked = self.properties.get("debug").map_or(String::new(), |debug| format!(",{debug}"));
        config.set("debug", format!("{}{asked}", ReadTopics::DEBUG));
        if let Some(instance) = instance {
            config.set("group.instance.id", instance);
        }
        config
    }

    /// A member that gives each of a topic's partitions to a lane. One host may come to have them all, so what is fetched ahead is
    /// bounded for all of them together: many lanes take little more memory than [`FULL_FETCHES`].
    #[must_use]
    pub fn member_with_lanes(&self, group: &str, instance: Option<&str>, partitions: i32) -> ClientConfig {
        let mut config = self.member(group, instance);
        let crowd = u32::try_from(partitions).unwrap_or(0).div_ceil(FULL_FETCHES).max(1);
        let shares = [
            ("queued.min.messages", (FETCHED_MESSAGES / crowd).max(LEAST_FETCHED_MESSAGES)),
            ("queued.max.messages.kbytes", (FETCHED_KBYTES / crowd).max(LEAST_FETCHED_KBYTES)),
        ];
        for (name, share) in shares.into_iter().filter(|(name, _)| !self.properties.contains_key(*name)) {
            config.set(name, share.to_string());
        }
        config
    }

    /// A producer that loses and doubles nothing by itself.
    #[must_use]
    pub fn feeder(&self) -> ClientConfig {
        self.client(&[
            ("enable.idempotence", "true"),
            ("linger.ms", "5"),
            ("compression.type", "lz4"),
            ("partitioner", self.partitioner.property()),
        ])
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
            ("partitioner", self.partitioner.property()),
            ("reconnect.backoff.max.ms", "2000"),
        ]);
        config.set("transactional.id", transactional_id);
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_that_is_none_or_ours_is_named_and_its_value_is_not() {
        let wrong = |name: &str, value: &str| {
            let properties = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            Settings { bootstrap: "localhost:9092".into(), properties, partitioner: Partitioner::default() }
                .validate()
                .unwrap_err()
        };
        assert!(wrong("partitioner", "random").contains("`partitioner`"));
        assert!(wrong("isolation.level", "read_uncommitted").contains("`isolation.level`"));
        let error = wrong("sasl.pasword", "s3cret");
        assert!(error.contains("`sasl.pasword`") && !error.contains("s3cret"), "{error}");
    }

    #[test]
    fn a_hundred_lanes_fetch_ahead_little_more_than_eight() {
        let mut settings = Settings::of(&Kafka { bootstrap: "localhost:9092".into(), ..Kafka::default() });
        let ahead = |settings: &Settings, partitions| {
            let config = settings.member_with_lanes("group", None, partitions);
            ["queued.min.messages", "queued.max.messages.kbytes"].map(|name| config.get(name).unwrap().parse::<i32>().unwrap())
        };
        assert_eq!(ahead(&settings, 3), [14_000, 8_192]);
        for partitions in [8, 9, 24, 100] {
            let [messages, kbytes] = ahead(&settings, partitions);
            assert!(partitions * messages <= 8 * 14_000 && partitions * kbytes <= 8 * 8_192, "{partitions} partitions");
        }
        settings.properties.insert("queued.min.messages".into(), "100000".into());
        assert_eq!(ahead(&settings, 100), [100_000, 630]);
    }
}
