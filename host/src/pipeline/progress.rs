//! How far each building of a host is, for whoever looks.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::domain::EventTime;
use crate::state::LaneState;

/// A building, and its watermark once it has one.
type Known = (String, Option<EventTime>);

/// The watermarks of all buildings, as lanes told them last.
#[derive(Debug, Default)]
pub struct Progress(Mutex<BTreeMap<i32, Vec<Known>>>);

/// How far a building is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Watermark {
    /// Its name.
    pub building: String,
    /// Whose lane has it.
    pub partition: i32,
    /// The latest event time of its readings, RFC 3339.
    pub watermark: String,
}

impl Progress {
    /// What a lane knows now.
    pub(super) fn tell(&self, partition: i32, state: &LaneState) {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let buildings = lanes.entry(partition).or_default();
        let names = state.meters.buildings();
        // A building keeps its number for one life of the lane, so only new ones have their names copied.
        if buildings.len() > names.len() || buildings.iter().zip(names).any(|((known, _), name)| known != name) {
            buildings.clear();
        }
        buildings.extend(names[buildings.len()..].iter().map(|name| (name.clone(), None)));
        for ((_, watermark), now) in buildings.iter_mut().zip(state.windows.watermarks()) {
            *watermark = now;
        }
    }

    /// The lane has gone.
    pub(super) fn leave(&self, partition: i32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&partition);
    }

    /// Those furthest behind first.
    #[must_use]
    pub fn watermarks(&self) -> Vec<Watermark> {
        let lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_lane = |(&partition, buildings): (&i32, &Vec<Known>)| {
            buildings.iter().filter_map(move |(name, time)| Some(((*time)?, partition, name.clone()))).collect::<Vec<_>>()
        };
        let mut all: Vec<_> = lanes.iter().flat_map(of_lane).collect();
        all.sort();
        all.into_iter()
            .map(|(time, partition, building)| Watermark { building, partition, watermark: time.to_string() })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::window::BuildingTime;

    fn lane(buildings: &[(&str, i64)]) -> LaneState {
        let mut state = LaneState::new(&Config::default());
        for (name, second) in buildings {
            let meter = state.meters.intern(name, name, None);
            let time = BuildingTime { watermark_us: Some(second * 1_000_000), ..BuildingTime::default() };
            state.windows.restore_time(state.meters.meter(meter).building, time);
        }
        state
    }

    #[test]
    fn those_furthest_behind_come_first_and_another_life_of_a_lane_has_other_buildings() {
        let progress = Progress::default();
        let told = || progress.watermarks().into_iter().map(|of| format!("{} {}", of.building, of.partition)).collect::<Vec<_>>();
        progress.tell(0, &lane(&[("A", 9), ("B", 3), ("C", 5)]));
        progress.tell(1, &lane(&[("D", 4)]));
        assert_eq!(told(), ["B 0", "D 1", "C 0", "A 0"]);
        progress.tell(0, &lane(&[("C", 6)]));
        assert_eq!(told(), ["D 1", "C 0"]);
        progress.leave(1);
        assert_eq!(told(), ["C 0"]);
    }
}
