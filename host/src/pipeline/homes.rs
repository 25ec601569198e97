//! In which partition each building's readings come, over all lanes of a host.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use smallvec::SmallVec;

use crate::domain::{Fingerprint, MeterTable};
use crate::metrics::Gauge;

/// The partitions of each building, by the fingerprint of its name.
#[derive(Debug)]
pub(super) struct Homes {
    partitions: Mutex<HashMap<u64, SmallVec<[i32; 2]>>>,
    /// Buildings that have more than one.
    split: Gauge,
}

impl Homes {
    pub(super) fn new(split: Gauge) -> Self {
        Self { partitions: Mutex::default(), split }
    }

    /// A lane has a building; says which other one had it before.
    fn arrive(&self, building: &str, partition: i32) -> Option<i32> {
        let mut homes = self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        let partitions = homes.entry(Fingerprint::of(building).0).or_default();
        partitions.push(partition);
        if partitions.len() == 2 {
            self.split.inc();
        }
        partitions.first().copied().filter(|first| *first != partition)
    }

    fn leave(&self, partition: i32) {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, partitions| {
            let before = partitions.len();
            partitions.retain(|of| *of != partition);
            if before > 1 && partitions.len() == 1 {
                self.split.dec();
            }
            !partitions.is_empty()
        });
    }
}

/// A lane's part of them; gives it up when it ends.
#[derive(Debug)]
pub(super) struct Residents {
    homes: Arc<Homes>,
    partition: i32,
    /// Buildings of the lane that have been looked at.
    seen: usize,
    told: bool,
}

impl Residents {
    pub(super) fn of(homes: Arc<Homes>, partition: i32) -> Self {
        Self { homes, partition, seen: 0, told: false }
    }

    /// Looks at the buildings that are new to the lane, and says which of them another lane has.
    pub(super) fn look(&mut self, meters: &MeterTable) {
        let buildings = &meters.buildings()[self.seen..];
        self.seen += buildings.len();
        for building in buildings {
            let Some(other) = self.homes.arrive(building, self.partition) else { continue };
            if !std::mem::replace(&mut self.told, true) {
                warn(building, self.partition, other);
            }
        }
    }
}

/// Says that a building has no home.
pub(super) fn warn(building: &str, partition: i32, other: i32) {
    tracing::warn!(
        building,
        partition,
        other,
        "a building's readings come in several partitions, so no lane sees all of its windows; have the topic keyed by building, or set \
         `input.repartition = \"always\"`. `wattdog_split_buildings` says how many lanes of this host have met"
    );
}

impl Drop for Residents {
    fn drop(&mut self) {
        self.homes.leave(self.partition);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buildings_in_two_partitions_are_counted_while_they_are_there() {
        let split = Gauge::default();
        let homes = Arc::new(Homes::new(split.clone()));
        let [mut first, mut second] = [0, 1].map(|partition| Residents::of(Arc::clone(&homes), partition));
        let (mut of_first, mut of_second) = (MeterTable::default(), MeterTable::default());
        of_first.intern("A/1", "A", None);
        of_first.intern("B/1", "B", None);
        first.look(&of_first);
        of_second.intern("B/2", "B", None);
        second.look(&of_second);
        second.look(&of_second);
        assert_eq!(split.get(), 1);
        drop(first);
        assert_eq!(split.get(), 0);
        of_second.intern("A/1", "A", None);
        second.look(&of_second);
        assert_eq!(split.get(), 0);
        Residents::of(homes, 2).look(&of_first);
        assert_eq!(split.get(), 0, "a lane that has ended has no buildings");
    }
}
