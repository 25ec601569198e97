//! A lane's partition of the state topic, as it is when its predecessor can write no more.
//!
//! Taking the right to write from a predecessor takes up to a second, in steps of the client's own half second. What is there
//! already is read meanwhile; afterwards only what came since.

use std::thread::JoinHandle;

use rdkafka::Offset;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};

use super::Settings;
use super::partition_reader::PartitionReader;
use crate::pipeline::TakeRecord;

/// A record's key, and its value if it has one.
type Record = (Vec<u8>, Option<Vec<u8>>);

/// What is read ahead.
pub(super) struct StoredState(JoinHandle<KafkaResult<(PartitionReader, Vec<Record>)>>);

impl StoredState {
    /// Begins to read.
    pub(super) fn read_ahead(settings: &Settings, topic: &str, partition: i32) -> std::io::Result<Self> {
        let (settings, topic) = (settings.clone(), topic.to_owned());
        let read = move || {
            let mut reader = PartitionReader::open(&settings, &topic, partition, Offset::Beginning)?;
            if !reader.is_there {
                return Err(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownPartition));
            }
            let mut records = Vec::new();
            read_on(&mut reader, &mut |key, value| records.push((key, value)))?;
            Ok((reader, records))
        };
        Ok(Self(std::thread::Builder::new().name(format!("state-{partition}")).spawn(read)?))
    }

    /// Gives everything, once nobody else writes. False: nothing could be read ahead.
    pub(super) fn take_all(self, take: &mut TakeRecord<'_>) -> KafkaResult<bool> {
        let Ok(Ok((mut reader, records))) = self.0.join() else { return Ok(false) };
        records.into_iter().for_each(|(key, value)| take(key, value));
        read_on(&mut reader, take)?;
        Ok(true)
    }
}

/// Gives everything, without having read ahead.
pub(super) fn read_all(settings: &Settings, topic: &str, partition: i32, take: &mut TakeRecord<'_>) -> KafkaResult<()> {
    read_on(&mut PartitionReader::open(settings, topic, partition, Offset::Beginning)?, take)
}

fn read_on(reader: &mut PartitionReader, take: &mut TakeRecord<'_>) -> KafkaResult<()> {
    reader.read_to_end(|message| {
        if let Some(key) = message.key {
            take(key.to_vec(), message.payload.map(<[u8]>::to_vec));
        }
    })
}
