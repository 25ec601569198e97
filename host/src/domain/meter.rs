//! Meters and buildings, each known by a dense number within its lane.

use std::collections::HashMap;

use bytemuck::TransparentWrapper;

use super::{Fingerprint, Passes};

/// Index of a meter in its lane's [`MeterTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, TransparentWrapper)]
#[repr(transparent)]
pub struct MeterId(pub u32);

/// Index of a building in its lane's [`MeterTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BuildingId(pub u32);

/// What is known of a meter.
#[derive(Clone, Debug, PartialEq)]
pub struct Meter {
    /// Unique within the topic: the configured meter fields joined with `/`.
    pub name: String,
    /// The building whose windows its readings go to.
    pub building: BuildingId,
    /// The floor as it came, if readings have one.
    pub floor: Option<String>,
}

/// Names to numbers and back; grows with what a lane has seen and never forgets, so that a number keeps its meaning.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeterTable {
    meters: Vec<Meter>,
    buildings: Vec<String>,
    /// Of the meters' names, each worked out once.
    fingerprints: Vec<Fingerprint>,
    by_meter: HashMap<String, MeterId, ahash::RandomState>,
    by_building: HashMap<String, BuildingId, ahash::RandomState>,
    /// In which order meters' readings came, around an hour that comes twice.
    pub passes: Passes,
}

impl MeterTable {
    /// The number of meters; their ids are below it.
    #[must_use]
    pub fn count(&self) -> usize {
        self.meters.len()
    }

    /// The number of a meter that was seen before.
    #[must_use]
    pub fn known(&self, name: &str) -> Option<MeterId> {
        self.by_meter.get(name).copied()
    }

    /// The number of a building that was seen before.
    #[must_use]
    pub fn known_building(&self, name: &str) -> Option<BuildingId> {
        self.by_building.get(name).copied()
    }

    /// The number of a meter, known or new.
    pub fn intern(&mut self, name: &str, building: &str, floor: Option<&str>) -> MeterId {
        if let Some(id) = self.known(name) {
            return id;
        }
        let building = self.intern_building(building);
        let id = MeterId(dense(self.meters.len()));
        self.meters.push(Meter { name: name.to_owned(), building, floor: floor.map(str::to_owned) });
        self.fingerprints.push(Fingerprint::of(name));
        self.by_meter.insert(name.to_owned(), id);
        id
    }

    /// The number of a building, known or new.
    fn intern_building(&mut self, name: &str) -> BuildingId {
        if let Some(&id) = self.by_building.get(name) {
            return id;
        }
        let id = BuildingId(dense(self.buildings.len()));
        self.buildings.push(name.to_owned());
        self.by_building.insert(name.to_owned(), id);
        id
    }

    /// The meter of a number that this table gave out.
    #[must_use]
    pub fn meter(&self, id: MeterId) -> &Meter {
        &self.meters[id.0 as usize]
    }

    /// The fingerprint of a meter's name.
    #[must_use]
    pub fn fingerprint(&self, id: MeterId) -> Fingerprint {
        self.fingerprints[id.0 as usize]
    }

    /// The name of a building of this table.
    #[must_use]
    pub fn building(&self, id: BuildingId) -> &str {
        &self.buildings[id.0 as usize]
    }

    /// All buildings, in the order of their numbers.
    #[must_use]
    pub fn buildings(&self) -> &[String] {
        &self.buildings
    }

    /// All meters, in the order of their numbers.
    #[must_use]
    pub fn meters(&self) -> &[Meter] {
        &self.meters
    }
}

fn dense(len: usize) -> u32 {
    u32::try_from(len).expect("a lane's topic cannot name four billion meters within its memory limit")
}
