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
        // A building keeps its number, so only new ones have their names copied.
        buildings.extend(state.meters.buildings()[buildings.len()..].iter().map(|name| (name.clone(), None)));
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
