//! In which partition each building's readings come, over all lanes of a host.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::{Fingerprint, MeterTable};
use crate::metrics::Metrics;

/// Buildings by the fingerprints of their names.
#[derive(Debug, Default)]
pub(super) struct Homes(Mutex<HashMap<u64, i32>>);

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
    pub(super) fn look(&mut self, meters: &MeterTable, metrics: &Metrics) {
        let buildings = &meters.buildings()[self.seen..];
        if buildings.is_empty() {
            return;
        }
        self.seen += buildings.len();
        let mut homes = self.homes.0.lock().unwrap_or_else(PoisonError::into_inner);
        for building in buildings {
            let home = *homes.entry(Fingerprint::of(building).0).or_insert(self.partition);
            if home == self.partition {
                continue;
            }
            metrics.split_buildings.inc();
            if !std::mem::replace(&mut self.told, true) {
                tracing::warn!(
                    building,
                    partition = self.partition,
                    other = home,
                    "a building's readings come in two partitions, so no lane sees all of its windows; have the topic keyed by \
                     building. `wattdog_split_buildings_total` counts further ones"
                );
            }
        }
    }
}

impl Drop for Residents {
    fn drop(&mut self) {
        self.homes.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, partition| *partition != self.partition);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_building_in_two_partitions_is_counted_and_one_that_moves_is_not() {
        let homes = Arc::new(Homes::default());
        let (metrics, _) = Metrics::new();
        let [mut first, mut second] = [0, 1].map(|partition| Residents::of(Arc::clone(&homes), partition));
        let (mut of_first, mut of_second) = (MeterTable::default(), MeterTable::default());
        of_first.intern("A/1", "A", None);
        of_first.intern("B/1", "B", None);
        first.look(&of_first, &metrics);
        of_second.intern("B/2", "B", None);
        second.look(&of_second, &metrics);
        second.look(&of_second, &metrics);
        assert_eq!(metrics.split_buildings.get(), 1);
        drop(first);
        of_second.intern("A/1", "A", None);
        second.look(&of_second, &metrics);
        assert_eq!(metrics.split_buildings.get(), 1);
    }
}
