//! Where the keeper and the lanes meet: the lineup of now one way, what lanes have done about it the other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Lineup;

/// What a lane has come to.
#[derive(Clone, Debug, Default)]
pub struct LaneReport {
    /// The lineup that it runs.
    pub generation: u64,
    /// Plugins that get to know its meters, by file.
    pub warm_ups: BTreeMap<String, WarmUp>,
}

/// How far a warm-up is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct WarmUp {
    /// Earlier readings gone through.
    pub read: u64,
    /// Earlier readings there are.
    pub total: u64,
    /// It knows the meters of this lane.
    pub done: bool,
}

/// A plugin took the place of another in a lane.
#[derive(Clone, Debug)]
pub struct Swap {
    /// Which lane.
    pub partition: i32,
    /// The first offset that the new one takes; none: before any.
    pub offset: Option<i64>,
    /// The plugin's name.
    pub plugin: String,
    /// The version that takes over.
    pub version: String,
    /// Its digest.
    pub digest: String,
    /// The digest of the one before; none: there was none.
    pub replaced: Option<String>,
    /// Meters whose state came along.
    pub meters: usize,
    /// How long the lane did nothing else, at its longest.
    pub pause: Duration,
    /// Processor time of that step: the rest of the pause the lane waited for a processor.
    pub busy: Duration,
}

/// Shared by the keeper and all lanes.
#[derive(Debug, Default)]
pub struct Lineups {
    generation: AtomicU64,
    current: Mutex<Arc<Lineup>>,
    lanes: Mutex<BTreeMap<i32, LaneReport>>,
    swaps: Mutex<Vec<Swap>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lineups {
    /// The number of the lineup of now; cheap enough for every batch.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The lineup of now.
    #[must_use]
    pub fn current(&self) -> Arc<Lineup> {
        Arc::clone(&lock(&self.current))
    }

    /// Lanes are to follow this one.
    pub(crate) fn publish(&self, lineup: Lineup) {
        let generation = lineup.generation;
        *lock(&self.current) = Arc::new(lineup);
        self.generation.store(generation, Ordering::Release);
    }

    /// A lane says how far it is.
    pub fn report(&self, partition: i32, change: impl FnOnce(&mut LaneReport)) {
        change(lock(&self.lanes).entry(partition).or_default());
    }

    /// A lane has ended.
    pub fn leave(&self, partition: i32) {
        lock(&self.lanes).remove(&partition);
    }

    /// What each lane has come to, by partition.
    #[must_use]
    pub fn lanes(&self) -> BTreeMap<i32, LaneReport> {
        lock(&self.lanes).clone()
    }

    /// A lane has swapped a plugin.
    pub fn swapped(&self, swap: Swap) {
        lock(&self.swaps).push(swap);
    }

    pub(super) fn take_swaps(&self) -> Vec<Swap> {
        std::mem::take(&mut lock(&self.swaps))
    }
}
