//! What a lane knows, and how it stands on a compacted topic: enough for any host to go on where another one stopped.
//!
//! A key is `<group>/<input topic>/<kind>/<name>`, so that several groups can share a topic. What one commit writes is one
//! consistent cut: it holds the input up to the offset of its `lane` record.

mod lane;
mod reading;
mod record;
mod writing;

#[cfg(test)]
mod tests;

pub use lane::LaneState;
pub use reading::{Restored, StoredLane};
pub use record::StateError;
pub use writing::StateWriter;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::config::Config;
use crate::domain::{Meter, MeterId, MeterTable, escape_part, split_part};
use crate::wasm::Identity;

/// The record on which all others of a lane depend.
#[derive(Debug, Deserialize, Serialize)]
struct LaneRecord {
    /// The first input offset that is not in the state.
    next_offset: i64,
    /// The id of the input topic; none where the broker has no ids.
    topic_id: Option<Uuid>,
    shape: Shape,
    /// How many other records the state has; fewer say that some are gone.
    records: usize,
    /// What ran then.
    plugins: Vec<Identity>,
}

/// What windows are of. Windows of another shape cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Shape {
    measures: Vec<String>,
    window_size_us: i64,
    time_zone: String,
}

impl Shape {
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            measures: config.measure_names(),
            window_size_us: config.window.size.micros(),
            time_zone: config.window.time_zone.clone(),
        }
    }
}

#[derive(Debug, Deserialize, Serialize)]
struct MeterRecord<'a> {
    floor: Option<&'a str>,
}

/// Where a lane's records stand among those of others.
fn prefix(config: &Config) -> String {
    format!("{}/{}/", config.kafka.group, config.kafka.topic)
}

/// The name of a meter among the records of a kind: its building, escaped, and its own name.
fn meter_key(meters: &MeterTable, meter: MeterId) -> String {
    let Meter { name, building, .. } = meters.meter(meter);
    let mut key = meters.building(*building).to_owned();
    escape_part(&mut key, 0);
    key.push('/');
    key.push_str(name);
    key
}

/// The meter of a [`meter_key`], if it is known.
fn known_meter(meters: &MeterTable, key: &str) -> Option<MeterId> {
    let (building, name) = split_part(key)?;
    meters.known(name, &building)
}

const LANE: &str = "lane";
const METER: &str = "meter/";
const COUNTER: &str = "counter/";
const PASS: &str = "pass/";
const TIME: &str = "time/";
const WINDOW: &str = "window/";
const PLUGIN: &str = "plugin/";
