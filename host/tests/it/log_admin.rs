//! What an administrator does to topics: makes, deletes, cuts and grows them.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

const PATIENCE: Duration = Duration::from_secs(30);

/// An administrator of a broker.
pub(crate) struct LogAdmin {
    config: ClientConfig,
    admin: AdminClient<DefaultClientContext>,
    consumer: BaseConsumer,
}

impl LogAdmin {
    pub(crate) fn of(kafka: &str) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", kafka);
        Self { admin: config.create().unwrap(), consumer: config.create().unwrap(), config }
    }

    pub(crate) async fn make(&self, topic: &str, partitions: i32, properties: &[(&str, &str)]) {
        let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1)).set("retention.ms", "-1");
        let new = properties.iter().fold(new, |new, (name, value)| new.set(name, value));
        let began = Instant::now();
        loop {
            let made = self.admin.create_topics([&new], &AdminOptions::new()).await.unwrap();
            match &made[0] {
                Ok(_) => return,
                // One of the same name is still being deleted.
                Err((_, code)) => assert!(began.elapsed() < PATIENCE, "{topic}: {code}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(crate) async fn delete(&self, topic: &str) {
        let deleted = self.admin.delete_topics(&[topic], &AdminOptions::new()).await.unwrap();
        deleted[0].as_ref().unwrap();
    }

    /// Another topic of the same name.
    pub(crate) async fn make_anew(&self, topic: &str, partitions: i32, properties: &[(&str, &str)]) {
        self.delete(topic).await;
        self.make(topic, partitions, properties).await;
    }

    /// Records before this offset are gone.
    pub(crate) async fn cut(&self, topic: &str, partition: i32, before: Offset) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, before).unwrap();
        // A client that has run for long does not look again for the leader of a partition that is new.
        let admin: AdminClient<DefaultClientContext> = self.config.create().unwrap();
        admin.delete_records(&list, &AdminOptions::new()).await.unwrap();
    }

    pub(crate) async fn grow(&self, topic: &str, partitions: usize) {
        let grown = NewPartitions::new(topic, partitions);
        self.admin.create_partitions([&grown], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
    }

    /// First offset and end of a partition.
    pub(crate) fn held(&self, topic: &str, partition: i32) -> (i64, i64) {
        let anew = |_| {
            let consumer: BaseConsumer = self.config.create()?;
            consumer.fetch_watermarks(topic, partition, PATIENCE)
        };
        // As with a cut: one that has run for long may not know the partition.
        self.consumer.fetch_watermarks(topic, partition, PATIENCE).or_else(anew).unwrap()
    }

    /// Where a group goes on.
    pub(crate) fn committed(kafka: &str, group: &str, topic: &str, partition: i32) -> i64 {
        let mut config = ClientConfig::new();
        let consumer: BaseConsumer = config.set("bootstrap.servers", kafka).set("group.id", group).create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition(topic, partition);
        let committed = consumer.committed_offsets(list, PATIENCE).unwrap();
        committed.elements()[0].offset().to_raw().unwrap()
    }

    pub(crate) fn exists(&self, topic: &str) -> bool {
        let all = self.consumer.fetch_metadata(None, PATIENCE).unwrap();
        all.topics().iter().any(|known| known.name() == topic)
    }

    /// Records of each partition, where no transaction wrote them.
    pub(crate) fn counts(&self, topic: &str, partitions: i32) -> Vec<i64> {
        (0..partitions).map(|partition| self.held(topic, partition)).map(|(start, end)| end - start).collect()
    }
}
