//! Whether readings go through a topic that is keyed by building first, and what lanes and rekeyers read then.

use std::collections::HashMap;

use crate::config::{Config, Repartition};
use crate::decode::BuildingFinder;
use crate::domain::Fingerprint;
use crate::kafka::{KafkaError, Settings, TopicError, TopicSpec, ensure_topics, has_read, newest_records, partition_count};

/// Of each partition, to find buildings that come in two of them.
const LOOKED_AT: i64 = 1_000;

/// What lanes read and write instead of the input.
pub(super) fn of_lanes(config: &Config) -> Config {
    let mut lanes = config.clone();
    lanes.kafka.topic.clone_from(&config.topics.repartition);
    // What lanes of the input itself knew is of other meters.
    lanes.topics.state.push_str(".repartition");
    lanes
}

/// As whom the input is read then.
pub(super) fn of_rekeyers(config: &Config) -> Config {
    let mut rekeyers = config.clone();
    rekeyers.kafka.group.push_str(".repartition");
    rekeyers
}

/// Decides, in the same way on all hosts of a group.
///
/// # Errors
/// When the broker does not answer.
pub(super) fn is_needed(config: &Config, settings: &Settings) -> Result<bool, Undecided> {
    let of_broker = |source| Undecided::Broker { topic: config.kafka.topic.clone(), source };
    Ok(match config.input.repartition {
        Repartition::Never => false,
        Repartition::Always => true,
        // Decided before.
        Repartition::Auto if partition_count(settings, &config.topics.repartition)? > 0 => true,
        Repartition::Auto if has_read(settings, &config.kafka.group, &config.kafka.topic).map_err(of_broker)? => false,
        Repartition::Auto => {
            let split = split_building(config, settings).map_err(of_broker)?;
            if let Some(building) = &split {
                let topic = &config.topics.repartition;
                tracing::warn!(
                    building,
                    topic,
                    "a building comes in two partitions of the input; readings go through a topic of ours"
                );
            }
            split.is_some()
        }
    })
}

/// A building that comes in two partitions.
fn split_building(config: &Config, settings: &Settings) -> Result<Option<String>, KafkaError> {
    let topic = &config.kafka.topic;
    let mut finder = BuildingFinder::new(&config.input);
    let (mut homes, mut split) = (HashMap::new(), None);
    for partition in 0..partition_count(settings, topic).unwrap_or(0) {
        newest_records(settings, topic, partition, LOOKED_AT, |message| {
            let Some(building) = finder.find(&message) else { return };
            if *homes.entry(Fingerprint::of(building).0).or_insert(partition) != partition {
                split.get_or_insert_with(|| building.to_owned());
            }
        })?;
    }
    Ok(split)
}

/// Makes the topic where it is missing, with as many partitions as the input has now; it keeps them, or meters would move.
/// Returns how many.
///
/// # Errors
/// When it cannot be made.
pub(super) async fn make_topic(config: &Config, settings: &Settings, of_input: i32) -> Result<i32, TopicError> {
    let name = &config.topics.repartition;
    let partitions = partition_count(settings, name)?;
    if partitions > 0 {
        return Ok(partitions);
    }
    ensure_topics(settings, &[TopicSpec { name: name.clone(), partitions: of_input, compacted: false }]).await?;
    Ok(of_input)
}

/// Why nobody can say.
#[derive(Debug, thiserror::Error)]
pub enum Undecided {
    /// The broker does not say which topics there are.
    #[error(transparent)]
    Topics(#[from] TopicError),
    /// The broker does not let us look.
    #[error(
        "cannot see whether topic `{topic}` is keyed by building: {source}; set `input.repartition` to \"always\" or \"never\""
    )]
    Broker {
        /// The input.
        topic: String,
        /// What the client says.
        source: KafkaError,
    },
}
