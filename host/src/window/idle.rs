//! Which buildings have been silent for too long, in the time of the input's records.
//!
//! The lane's time is the latest record time among the readings that were placed, and a building's last reading is taken to be of
//! the lane's time. So the lane's time is the latest of its buildings' times, and is stored with them; readings that are set aside
//! leave no trace in either.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::building::Building;
use crate::domain::BuildingId;

/// The lane's time, and until when its buildings may be silent.
#[derive(Clone, Debug)]
pub(super) struct Idle {
    /// None: for ever.
    after_ms: Option<i64>,
    /// The lane's time, milliseconds since the epoch; none before a reading that has a record time.
    now_ms: Option<i64>,
    /// The deadline that each awaited building once had. It moves on with each reading, which is looked at only when the old one
    /// is reached: for most readings one comparison is all.
    deadlines: BinaryHeap<Reverse<(i64, BuildingId)>>,
}

impl Idle {
    pub(super) fn new(after_ms: Option<i64>) -> Self {
        Self { after_ms, now_ms: None, deadlines: BinaryHeap::new() }
    }

    pub(super) fn now_ms(&self) -> Option<i64> {
        self.now_ms
    }

    /// A reading of this record time is about to be placed; true when a deadline may have been reached.
    pub(super) fn hear(&mut self, record_time_ms: Option<i64>) -> bool {
        self.now_ms = self.now_ms.max(record_time_ms);
        self.deadlines.peek().is_some_and(|Reverse((deadline_ms, _))| Some(*deadline_ms) <= self.now_ms)
    }

    /// A building has an open window. Its deadline is looked at again when `deadline_ms` is reached, or is reckoned from now.
    pub(super) fn wait_for(&mut self, id: BuildingId, building: &mut Building, deadline_ms: Option<i64>) {
        let from_now_ms = || Some(self.now_ms?.saturating_add(self.after_ms?));
        if !building.awaited
            && let Some(deadline_ms) = deadline_ms.or_else(from_now_ms)
        {
            building.awaited = true;
            self.deadlines.push(Reverse((deadline_ms, id)));
        }
    }

    /// Those whose deadline has been reached, in the order of their numbers.
    pub(super) fn due(&mut self, buildings: &mut [Building]) -> Vec<BuildingId> {
        let mut due = Vec::new();
        while let Some(&Reverse((reached_ms, id))) = self.deadlines.peek()
            && Some(reached_ms) <= self.now_ms
        {
            self.deadlines.pop();
            let building = &mut buildings[id.0 as usize];
            let last_ms = building.time.record_time_ms.filter(|_| building.is_open());
            match last_ms.zip(self.after_ms).map(|(last_ms, after_ms)| last_ms.saturating_add(after_ms)) {
                Some(deadline_ms) if Some(deadline_ms) > self.now_ms => self.deadlines.push(Reverse((deadline_ms, id))),
                Some(_) => {
                    building.awaited = false;
                    due.push(id);
                }
                None => building.awaited = false,
            }
        }
        due.sort_unstable();
        due
    }
}
