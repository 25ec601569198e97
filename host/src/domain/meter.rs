//! Meters and buildings, each known by a dense number within its lane.

use bytemuck::TransparentWrapper;
use hashbrown::HashTable;

use super::{Fingerprint, Passes};

/// Index of a meter in its lane's [`MeterTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, TransparentWrapper)]
#[repr(transparent)]
pub struct MeterId(pub u32);

/// Index of a building in its lane's [`MeterTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BuildingId(pub u32);

/// What is known of a meter. Its building and its name together are unique.
#[derive(Clone, Debug, PartialEq)]
pub struct Meter {
    /// The configured meter fields joined with `/`.
    pub name: String,
    /// The building whose windows its readings go to.
    pub building: BuildingId,
    /// The floor as it came, if readings have one.
    pub floor: Option<String>,
}

/// A meter whose name another building has too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The new meter.
    pub meter: MeterId,
    /// The building that had the name first.
    pub before: BuildingId,
    /// The second building of this name; a third and later ones are not worth a line of the log.
    pub is_first: bool,
}

/// Names to numbers and back; grows with what a lane has seen and never forgets, so that a number keeps its meaning.
#[derive(Clone, Debug, Default)]
pub struct MeterTable {
    meters: Vec<Meter>,
    buildings: Vec<String>,
    /// Of each meter's name and building, computed once.
    fingerprints: Vec<Fingerprint>,
    by_meter: HashTable<MeterId>,
    by_building: HashTable<BuildingId>,
    /// The first meter of each name.
    by_name: HashTable<FirstOfName>,
    moved: Vec<Moved>,
    hasher: ahash::RandomState,
    /// In which order meters' readings came, around an hour that comes twice.
    pub passes: Passes,
}

#[derive(Clone, Copy, Debug)]
struct FirstOfName {
    meter: MeterId,
    has_moved: bool,
}

impl PartialEq for MeterTable {
    fn eq(&self, other: &Self) -> bool {
        self.meters == other.meters && self.buildings == other.buildings && self.passes == other.passes
    }
}

impl MeterTable {
    /// The number of meters; their ids are below it.
    #[must_use]
    pub fn count(&self) -> usize {
        self.meters.len()
    }

    /// The number of a meter that was seen before.
    #[must_use]
    pub fn known(&self, name: &str, building: &str) -> Option<MeterId> {
        let is_it = |id: &MeterId| {
            let meter = &self.meters[id.0 as usize];
            meter.name == name && self.buildings[meter.building.0 as usize] == building
        };
        self.by_meter.find(self.hasher.hash_one((name, building)), is_it).copied()
    }

    /// The number of a building that was seen before.
    #[must_use]
    pub fn known_building(&self, name: &str) -> Option<BuildingId> {
        self.by_building.find(self.hasher.hash_one(name), |id| self.buildings[id.0 as usize] == name).copied()
    }

    /// The number of a meter, known or new.
    pub fn intern(&mut self, name: &str, building: &str, floor: Option<&str>) -> MeterId {
        if let Some(id) = self.known(name, building) {
            return id;
        }
        let id = MeterId(dense(self.meters.len()));
        let meter = Meter { name: name.to_owned(), building: self.intern_building(building), floor: floor.map(str::to_owned) };
        self.meters.push(meter);
        self.fingerprints.push(Fingerprint::of(name).with(Fingerprint::of(building).0));
        let Self { meters, buildings, by_meter, hasher, .. } = self;
        by_meter.insert_unique(hasher.hash_one((name, building)), id, |id| {
            let meter = &meters[id.0 as usize];
            hasher.hash_one((meter.name.as_str(), buildings[meter.building.0 as usize].as_str()))
        });
        self.note_name(id);
        id
    }

    /// Notices that another building has a meter of this name.
    fn note_name(&mut self, id: MeterId) {
        let Self { meters, by_name, moved, hasher, .. } = self;
        let name = meters[id.0 as usize].name.as_str();
        let hash = hasher.hash_one(name);
        if let Some(first) = by_name.find_mut(hash, |first| meters[first.meter.0 as usize].name == name) {
            let is_first = !std::mem::replace(&mut first.has_moved, true);
            moved.push(Moved { meter: id, before: meters[first.meter.0 as usize].building, is_first });
        } else {
            let first = FirstOfName { meter: id, has_moved: false };
            by_name.insert_unique(hash, first, |first| hasher.hash_one(meters[first.meter.0 as usize].name.as_str()));
        }
    }

    /// New meters whose names another building has too, since this was last asked.
    pub fn take_moved(&mut self) -> Vec<Moved> {
        std::mem::take(&mut self.moved)
    }

    /// The number of a building, known or new.
    fn intern_building(&mut self, name: &str) -> BuildingId {
        if let Some(id) = self.known_building(name) {
            return id;
        }
        let id = BuildingId(dense(self.buildings.len()));
        self.buildings.push(name.to_owned());
        let Self { buildings, by_building, hasher, .. } = self;
        by_building.insert_unique(hasher.hash_one(name), id, |id| hasher.hash_one(buildings[id.0 as usize].as_str()));
        id
    }

    /// The meter of a number that this table gave out.
    #[must_use]
    pub fn meter(&self, id: MeterId) -> &Meter {
        &self.meters[id.0 as usize]
    }

    /// The fingerprint of a meter's name and building.
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

/// Escapes the part of a composed name that begins at `from`: `/` separates parts, so within a part it is `\/`, and `\` is `\\`.
pub fn escape_part(name: &mut String, from: usize) {
    if !name.as_bytes()[from..].iter().any(|byte| matches!(byte, b'/' | b'\\')) {
        return;
    }
    let part = name.split_off(from);
    for character in part.chars() {
        if matches!(character, '/' | '\\') {
            name.push('\\');
        }
        name.push(character);
    }
}

/// The first part of a composed name, without its escapes, and what follows its `/`.
#[must_use]
pub fn split_part(name: &str) -> Option<(String, &str)> {
    let (mut part, mut characters) = (String::new(), name.char_indices());
    while let Some((at, character)) = characters.next() {
        match character {
            '/' => return Some((part, &name[at + 1..])),
            '\\' => part.push(characters.next()?.1),
            other => part.push(other),
        }
    }
    None
}

fn dense(len: usize) -> u32 {
    u32::try_from(len).expect("a lane's topic cannot name four billion meters within its memory limit")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_meter_is_its_building_and_its_name() {
        let mut meters = MeterTable::default();
        let library = meters.intern("1", "Library", None);
        assert_eq!(meters.take_moved(), []);
        let gym = meters.intern("1", "Gym", None);
        let hall = meters.intern("1", "Hall", Some("2"));
        assert_eq!((meters.known("1", "Library"), meters.known("1", "Gym")), (Some(library), Some(gym)));
        assert_eq!(meters.known("Gym", "1"), None);
        assert_ne!(meters.fingerprint(library), meters.fingerprint(gym));
        let before = meters.meter(library).building;
        let moved = [Moved { meter: gym, before, is_first: true }, Moved { meter: hall, before, is_first: false }];
        assert_eq!(meters.take_moved(), moved);
        meters.intern("1", "Gym", None);
        assert_eq!(meters.take_moved(), []);
    }

    #[test]
    fn a_table_that_grows_finds_everything() {
        let mut meters = MeterTable::default();
        let names: Vec<_> = (0..5_000).map(|meter| (format!("B{}/{meter}", meter % 70), format!("B{}", meter % 70))).collect();
        let ids: Vec<_> = names.iter().map(|(name, building)| meters.intern(name, building, None)).collect();
        assert!(names.iter().zip(&ids).all(|((name, building), id)| meters.known(name, building) == Some(*id)));
        assert_eq!((meters.count(), meters.buildings().len(), meters.take_moved().len()), (5_000, 70, 0));
    }

    proptest! {
        #[test]
        fn a_part_comes_back_as_it_was(part in r"[a/\\é]{0,6}", rest in r"[a/\\é]{0,6}") {
            let mut name = "x/".to_owned();
            name.push_str(&part);
            escape_part(&mut name, 2);
            let plain = !part.contains(['/', '\\']);
            prop_assert_eq!(plain, name[2..] == part);
            name.push('/');
            name.push_str(&rest);
            prop_assert_eq!(split_part(&name[2..]), Some((part, rest.as_str())));
        }
    }
}
