//! Sends records as some gateway would, without the program's own code.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use crate::servers::World;

pub(crate) const PARTITIONS: i32 = 3;

/// Makes the world's topic.
pub(crate) async fn make_topic(world: &World) {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new().set("bootstrap.servers", &world.kafka).create().unwrap();
    // Some records say that they are older than a broker keeps them, and it looks every five minutes.
    let topic = NewTopic::new(&world.name, PARTITIONS, TopicReplication::Fixed(1)).set("retention.ms", "-1");
    let made = admin.create_topics([&topic], &AdminOptions::new()).await.unwrap();
    made[0].as_ref().unwrap();
}

pub(crate) struct Feeder {
    producer: BaseProducer,
    topic: String,
}

impl Feeder {
    pub(crate) fn new(world: &World, compression: &str) -> Self {
        Self::to(&world.kafka, &world.name, compression)
    }

    pub(crate) fn to(kafka: &str, topic: &str, compression: &str) -> Self {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", kafka)
            .set("enable.idempotence", "true")
            .set("compression.type", compression)
            // As long as it takes: a broker that is away is part of some tests.
            .set("message.timeout.ms", "0")
            .set("linger.ms", "20")
            .create()
            .unwrap();
        Self { producer, topic: topic.to_owned() }
    }

    pub(crate) fn send(&self, key: &str, value: Option<&[u8]>) {
        self.send_record(BaseRecord { payload: value, ..BaseRecord::to(&self.topic).key(key) });
    }

    /// With a record timestamp in milliseconds, which is now otherwise.
    pub(crate) fn send_at(&self, timestamp_ms: i64, key: &str, value: &[u8]) {
        self.send_record(BaseRecord::to(&self.topic).key(key).payload(value).timestamp(timestamp_ms));
    }

    /// With a header, and a key that says nothing of the building.
    pub(crate) fn send_with_header(&self, name: &str, text: &str, value: &[u8]) {
        let headers = OwnedHeaders::new().insert(Header { key: name, value: Some(text) });
        self.send_record(BaseRecord::to(&self.topic).key("gateway").payload(value).headers(headers));
    }

    fn send_record(&self, mut record: BaseRecord<'_, str, [u8]>) {
        while let Err((error, returned)) = self.producer.send(record) {
            assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::QueueFull), "{error}");
            self.producer.poll(Duration::from_millis(10));
            record = returned;
        }
        self.producer.poll(Duration::ZERO);
    }

    /// A reading of the generator, keyed by its building.
    pub(crate) fn send_line(&self, line: &str) {
        let building = line.split("\"building\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a reading");
        self.send(building, Some(line.as_bytes()));
    }

    /// Sends each line, and waits until the broker has them.
    pub(crate) fn send_lines(&self, lines: impl IntoIterator<Item = String>) {
        lines.into_iter().for_each(|line| self.send_line(&line));
        self.finish();
    }

    pub(crate) fn finish(&self) {
        self.producer.flush(Duration::from_secs(60)).expect("the broker takes all records");
    }
}
