//! What a topic holds.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use crate::feeder::PARTITIONS;

pub(crate) fn header(message: &BorrowedMessage<'_>, name: &str) -> String {
    let headers = message.headers().expect("a dead letter has headers");
    let header = headers.iter().find(|header| header.key == name).unwrap_or_else(|| panic!("no header {name}"));
    String::from_utf8(header.value.unwrap().to_vec()).unwrap()
}

/// Every committed message of a topic, as it is now.
pub(crate) fn read_topic(kafka: &str, topic: &str, mut take: impl FnMut(&BorrowedMessage<'_>)) {
    let consumer: BaseConsumer = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", kafka)
        .set("group.id", format!("{topic}-test"))
        .set("enable.partition.eof", "true")
        .create()
        .unwrap();
    let mut assignment = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        assignment.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&assignment).unwrap();
    let (mut ended, deadline) = (0, Instant::now() + Duration::from_secs(60));
    while ended < PARTITIONS {
        assert!(Instant::now() < deadline, "{topic} cannot be read to its end");
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => take(&message),
            Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => ended += 1,
            Some(Err(error)) => panic!("{topic}: {error}"),
            None => {}
        }
    }
}
