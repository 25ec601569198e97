//! Whether readings go through a topic that is keyed by building first, and what lanes and rekeyers read then.

use std::collections::HashMap;

use super::{HostError, homes};
use crate::config::{Config, Repartition};
use crate::decode::Decoder;
use crate::domain::{Batch, MeterTable};
use crate::kafka::{
    KafkaError, Partitions, Settings, TopicError, TopicSpec, ensure_topics, hand_over, has_read, newest_records, topic_property,
};

/// Added to the name of the state topic where lanes read our topic.
pub(super) const STATE_SUFFIX: &str = ".repartition";
/// Of each partition, to find buildings that come in two of them.
const LOOKED_AT: i64 = 1_000;

/// What there is instead of the input, where that is not keyed by building.
pub(super) struct Repartitioned {
    /// Of lanes, which read our topic.
    pub(super) lanes: Config,
    /// Of rekeyers, which read the input.
    pub(super) rekeyers: Config,
    /// Of our topic.
    pub(super) partitions: i32,
}

/// Decides, and makes what is needed then.
///
/// # Errors
/// When the broker does not answer, or the topic cannot be made.
pub(super) async fn prepare(
    config: &Config,
    settings: &Settings,
    there: &Partitions,
    of_input: i32,
) -> Result<Option<Repartitioned>, HostError> {
    if !is_needed(config, settings, there)? {
        return Ok(None);
    }
    let partitions = make_topic(config, settings, there, of_input).await?;
    let (mut lanes, mut rekeyers) = (config.clone(), config.clone());
    lanes.kafka.topic.clone_from(&config.topics.repartition);
    // What lanes of the input itself knew is of other meters.
    lanes.topics.state.push_str(STATE_SUFFIX);
    rekeyers.kafka.group.push_str(".repartition");
    take_over(config, &rekeyers, settings)?;
    Ok(Some(Repartitioned { lanes, rekeyers, partitions }))
}

/// What lanes have read of the input itself is not brought over once more.
fn take_over(config: &Config, rekeyers: &Config, settings: &Settings) -> Result<(), HostError> {
    let (topic, group) = (&config.kafka.topic, &config.kafka.group);
    let handed_over = hand_over(settings, topic, group, &rekeyers.kafka.group)
        .map_err(|source| HostError::TakeOver { group: group.clone(), source })?;
    if handed_over {
        tracing::warn!(
            topic,
            group,
            "readings go through a topic of ours from where this group has read the input; what lanes knew of meters is gone, and \
             windows that are open now may be incomplete"
        );
    }
    Ok(())
}

/// In the same way on all hosts of a group.
fn is_needed(config: &Config, settings: &Settings, there: &Partitions) -> Result<bool, Undecided> {
    let undecided = |source| Undecided { topic: config.kafka.topic.clone(), source };
    let read_directly = || {
        look_for_split_buildings(config.clone(), settings.clone(), there.of(&config.kafka.topic));
        false
    };
    Ok(match config.input.repartition {
        Repartition::Never => read_directly(),
        Repartition::Always => true,
        // Decided before.
        Repartition::Auto if there.of(&config.topics.repartition) > 0 => true,
        Repartition::Auto if there.of(&config.kafka.topic) < 2 => false,
        Repartition::Auto if has_read(settings, &config.kafka.group, &config.kafka.topic).map_err(undecided)? => read_directly(),
        Repartition::Auto => {
            let split = split_building(config, settings, there.of(&config.kafka.topic)).map_err(undecided)?;
            if let Some(Split { building, .. }) = &split {
                let topic = &config.topics.repartition;
                tracing::warn!(
                    building,
                    topic,
                    "a building comes in several partitions of the input; readings go through a topic of ours"
                );
            }
            split.is_some()
        }
    })
}

/// A building whose readings come in two partitions.
struct Split {
    building: String,
    partitions: [i32; 2],
}

/// Lanes of one host see each other's buildings; those that other hosts have are looked for here, once and beside all else.
fn look_for_split_buildings(config: Config, settings: Settings, partitions: i32) {
    let look = move || match split_building(&config, &settings, partitions) {
        Ok(Some(Split { building, partitions: [one, other] })) => homes::warn(&building, other, one),
        Ok(None) => {}
        Err(error) => tracing::debug!(%error, "cannot see whether a building comes in several partitions"),
    };
    if partitions > 1
        && let Err(error) = std::thread::Builder::new().name("split-buildings".into()).spawn(look)
    {
        tracing::debug!(%error, "nobody looks for buildings in two partitions");
    }
}

/// Among the newest records. What is no reading may be keyed by anything.
fn split_building(config: &Config, settings: &Settings, partitions: i32) -> Result<Option<Split>, KafkaError> {
    let topic = &config.kafka.topic;
    let mut decoder = Decoder::new(&config.input);
    let (mut meters, mut batch) = (MeterTable::default(), Batch::new(config.input.measures.len()));
    let (mut homes, mut split) = (HashMap::new(), None);
    for partition in 0..partitions {
        newest_records(settings, topic, partition, LOOKED_AT, |message| {
            batch.clear();
            decoder.decode_each(&message, &mut meters, &mut batch, |_, _| {});
            for meter in &batch.meters {
                let building = meters.meter(*meter).building;
                let home = *homes.entry(building).or_insert(partition);
                if home != partition {
                    let building = meters.building(building);
                    split.get_or_insert_with(|| Split { building: building.to_owned(), partitions: [home, partition] });
                }
            }
        })?;
    }
    Ok(split)
}

/// Makes the topic where it is missing, with as many partitions as the input has now; it keeps them, or meters would move.
/// Returns how many.
async fn make_topic(config: &Config, settings: &Settings, there: &Partitions, of_input: i32) -> Result<i32, TopicError> {
    let name = &config.topics.repartition;
    if there.of(name) > 0 {
        return Ok(there.of(name));
    }
    // Records keep their timestamps, so the broker would delete at once what is older than its default, and nobody has read yet.
    let retention_ms = topic_property(settings, &config.kafka.topic, "retention.ms").await.ok().flatten();
    ensure_topics(settings, &[TopicSpec { name: name.clone(), partitions: of_input, compacted: false, retention_ms }]).await?;
    Ok(of_input)
}

/// Nobody can say, since the broker does not let us look.
#[derive(Debug, thiserror::Error)]
#[error("cannot see whether topic `{topic}` is keyed by building: {source}; set `input.repartition` to \"always\" or \"never\"")]
pub struct Undecided {
    /// The input.
    pub(super) topic: String,
    /// What the client says.
    pub(super) source: KafkaError,
}
