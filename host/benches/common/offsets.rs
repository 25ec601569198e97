//! How far a group has come.

use std::time::Duration;

use anyhow::Result;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

const CALL: Duration = Duration::from_secs(5);

/// A group's committed offsets in a topic whose partitions begin at 0.
pub(crate) struct Offsets {
    consumer: BaseConsumer,
    asked: TopicPartitionList,
}

impl Offsets {
    pub(crate) fn of(kafka: &str, group: &str, topic: &str, partitions: i32) -> Result<Self> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", kafka)
            .set("group.id", group)
            // Otherwise the client asks again, later and later, for as long as a transaction is open.
            .set("isolation.level", "read_uncommitted")
            .create()?;
        let mut asked = TopicPartitionList::new();
        for partition in 0..partitions {
            asked.add_partition(topic, partition);
        }
        Ok(Self { consumer, asked })
    }

    /// Messages that are done with, in all partitions.
    pub(crate) fn committed(&self) -> Result<u64> {
        let answer = self.consumer.committed_offsets(self.asked.clone(), CALL)?;
        let offset = |offset: Offset| if let Offset::Offset(offset) = offset { offset.cast_unsigned() } else { 0 };
        Ok(answer.elements().iter().map(|element| offset(element.offset())).sum())
    }
}
