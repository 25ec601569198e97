//! Which partition a key belongs to.
//!
//! Java's clients hash a key with murmur2; librdkafka hashes it with CRC32 unless it is told otherwise. Two producers of one topic
//! that disagree split a building over two partitions, so all of our producers use murmur2, and a topic that already holds records
//! keyed by CRC32 keeps CRC32.

use std::collections::HashSet;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{Message as _, Offset, TopicPartitionList};

use super::Settings;
use super::detached::Detached;
use super::whole_topic::Context;
use crate::clock;

/// The newest records of each partition that are looked at.
const LOOKED_AT: i64 = 200;
const TIMEOUT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(100);

/// How a producer chooses the partition of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Partitioner {
    /// As Java's clients do, and all producers of ours.
    #[default]
    Murmur2,
    /// As librdkafka does by default.
    Crc32,
}

impl Partitioner {
    /// The value of librdkafka's property `partitioner`.
    #[must_use]
    pub const fn property(self) -> &'static str {
        match self {
            Self::Murmur2 => "murmur2_random",
            Self::Crc32 => "consistent_random",
        }
    }

    /// The partition of a key that is not empty.
    #[must_use]
    pub fn partition(self, key: &[u8], partitions: i32) -> i32 {
        let hash = match self {
            Self::Murmur2 => murmur2(key) & 0x7fff_ffff,
            Self::Crc32 => crc32fast::hash(key),
        };
        i32::try_from(u64::from(hash) % u64::try_from(partitions.max(1)).unwrap_or(1)).unwrap_or(0)
    }

    /// What the newest records of a topic were keyed with; none where they do not show it. With one partition every key fits.
    ///
    /// # Errors
    /// When the broker does not answer, or does not let us read.
    pub fn of_topic(settings: &Settings, topic: &str, partitions: i32) -> KafkaResult<Option<Self>> {
        if partitions < 2 {
            return Ok(None);
        }
        let mut evidence = Evidence::default();
        newest_keys(settings, topic, partitions, |key, partition| evidence.take(key, partition, partitions))?;
        Ok(evidence.verdict())
    }
}

/// Records that fit each partitioner.
#[derive(Debug, Default)]
struct Evidence {
    keyed: u32,
    murmur2: u32,
    crc32: u32,
}

impl Evidence {
    fn take(&mut self, key: &[u8], partition: i32, partitions: i32) {
        let fits = |by: Partitioner| u32::from(by.partition(key, partitions) == partition);
        self.keyed += 1;
        self.murmur2 += fits(Partitioner::Murmur2);
        self.crc32 += fits(Partitioner::Crc32);
    }

    /// Where producers differ, that of most records.
    fn verdict(&self) -> Option<Partitioner> {
        let most = self.murmur2.max(self.crc32);
        if most * 2 <= self.keyed {
            return None;
        }
        Some(if self.murmur2 == most { Partitioner::Murmur2 } else { Partitioner::Crc32 })
    }
}

fn newest_keys(settings: &Settings, topic: &str, partitions: i32, mut take: impl FnMut(&[u8], i32)) -> KafkaResult<()> {
    let mut config = settings.consumer("wattdog.reader");
    config.set("enable.partition.eof", "true");
    let consumer: Detached<BaseConsumer<Context>> = Detached::new(config.create_with_context(Context)?);
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition, Offset::OffsetTail(LOOKED_AT))?;
    }
    consumer.assign(&list)?;
    let (mut ended, started) = (HashSet::new(), clock::monotonic());
    while ended.len() < usize::try_from(partitions).unwrap_or(0) {
        match consumer.poll(POLL) {
            Some(Ok(message)) => {
                if let Some(key) = message.key().filter(|key| !key.is_empty()) {
                    take(key, message.partition());
                }
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => drop(ended.insert(partition)),
            Some(Err(error)) => return Err(error),
            None if started.elapsed() > TIMEOUT => return Err(KafkaError::NoMessageReceived),
            None => {}
        }
    }
    Ok(())
}

/// As `org.apache.kafka.common.utils.Utils.murmur2`.
fn murmur2(key: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;

    let mut hash = SEED ^ u32::try_from(key.len()).unwrap_or(u32::MAX);
    let mut words = key.chunks_exact(4);
    for word in &mut words {
        let mut k = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0, |tail, byte| tail << 8 | u32::from(*byte));
        hash = (hash ^ tail).wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of Kafka's own `UtilsTest.testMurmur2`.
    #[test]
    fn murmur2_is_that_of_java() {
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
        }
        assert_eq!(Partitioner::Murmur2.partition(b"Gym", 3), 1);
        assert_eq!(Partitioner::Crc32.partition(b"Gym", 3), 2);
    }

    #[test]
    fn records_show_what_they_were_keyed_with() {
        let evidence = |place: &dyn Fn(&[u8]) -> i32| {
            let mut evidence = Evidence::default();
            for building in 0..50 {
                let key = format!("Building {building}");
                evidence.take(key.as_bytes(), place(key.as_bytes()), 3);
            }
            evidence.verdict()
        };
        assert_eq!(evidence(&|key| Partitioner::Murmur2.partition(key, 3)), Some(Partitioner::Murmur2));
        assert_eq!(evidence(&|key| Partitioner::Crc32.partition(key, 3)), Some(Partitioner::Crc32));
        // Of a time when the topic had another number of partitions, or of no partitioner at all.
        assert_eq!(evidence(&|key| i32::from(key[key.len() - 1]) % 3), None);
        assert_eq!(Evidence::default().verdict(), None);
    }
}
