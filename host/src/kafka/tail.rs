//! Topics from now on, as they grow; in nobody's group.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaResult;
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};

use super::Settings;
use super::detached::Detached;
use super::whole_topic::{Context, partitions};
use crate::clock;

/// How often it is asked whether a topic has more partitions.
const LOOK_INTERVAL: Duration = Duration::from_secs(60);

/// What is committed to some topics from now on.
pub struct Tail {
    consumer: Detached<BaseConsumer<Context>>,
    topics: Vec<String>,
    assigned: TopicPartitionList,
    looked: Instant,
}

impl Tail {
    /// From the present ends of the topics.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub fn open(settings: &Settings, topics: &[&str]) -> KafkaResult<Self> {
        let mut config = settings.consumer("wattdog.tail");
        // A page shows the latest; what it does not take in time is of no use to it, and would be fetched for nothing.
        config.set("queued.min.messages", "500").set("queued.max.messages.kbytes", "128").set("auto.offset.reset", "latest");
        let consumer = Detached::new(config.create_with_context(Context)?);
        let topics = topics.iter().map(|&topic| topic.to_owned()).collect();
        let mut tail = Self { consumer, topics, assigned: TopicPartitionList::new(), looked: clock::monotonic() };
        tail.look()?;
        Ok(tail)
    }

    /// Takes in new partitions, from their ends.
    fn look(&mut self) -> KafkaResult<()> {
        self.looked = clock::monotonic();
        let mut grown = TopicPartitionList::new();
        for topic in &self.topics {
            for partition in partitions(&self.consumer, topic)? {
                if self.assigned.find_partition(topic, partition).is_none() {
                    self.assigned.add_partition(topic, partition);
                    grown.add_partition_offset(topic, partition, Offset::End)?;
                }
            }
        }
        if grown.count() > 0 { self.consumer.incremental_assign(&grown) } else { Ok(()) }
    }

    /// Gives topic, key and value of each record to `take` until `wait` has passed. True: there were `most` before, and there may be
    /// more.
    ///
    /// # Errors
    /// When the broker does not answer; ask again later.
    pub fn read(&mut self, wait: Duration, most: usize, mut take: impl FnMut(&str, &[u8], &[u8])) -> KafkaResult<bool> {
        if self.looked.elapsed() > LOOK_INTERVAL {
            self.look()?;
        }
        let deadline = clock::monotonic() + wait;
        for _ in 0..most {
            let Some(message) = self.consumer.poll(deadline.saturating_duration_since(clock::monotonic())) else {
                return Ok(false);
            };
            let message = message?;
            take(message.topic(), message.key().unwrap_or_default(), message.payload().unwrap_or_default());
        }
        Ok(true)
    }

    /// Fetches nothing for so long, then goes on from the present ends; what came meanwhile is skipped.
    ///
    /// # Errors
    /// When the broker does not answer; ask again later.
    pub fn rest(&mut self, pause: Duration) -> KafkaResult<()> {
        self.consumer.incremental_unassign(&self.assigned)?;
        std::thread::sleep(pause);
        self.assigned.set_all_offsets(Offset::End)?;
        self.consumer.incremental_assign(&self.assigned)
    }
}
