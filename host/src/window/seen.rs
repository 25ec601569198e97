//! Which readings a window has, by their fingerprints.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::Fingerprint;

/// The least that a set grows to.
const FEWEST_SLOTS: usize = 8;

/// A set of fingerprints by linear probing: they are hashes already, and their high bits are a place in it.
///
/// D. E. Knuth, "The Art of Computer Programming", volume 3, section 6.4: up to three quarters full, it takes eight or nine
/// neighbouring slots to see that one is not there, two lines of the cache.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// 0 is a free slot, of which there is always one; the fingerprint 0 is kept as 1.
    slots: Box<[u64]>,
    len: usize,
}

impl Seen {
    /// Empty, with room for as many as `like` has.
    pub(super) fn with_room_of(like: &Self) -> Self {
        let mut seen = Self::default();
        if like.len > 0 {
            seen.resize(like.len * 4 / 3 + 1);
        }
        seen
    }

    /// False where it is there already.
    pub(super) fn insert(&mut self, fingerprint: Fingerprint) -> bool {
        if self.slots.is_empty() {
            self.resize(FEWEST_SLOTS);
        }
        let fingerprint = fingerprint.0.max(1);
        let mut slot = self.slot(fingerprint);
        if self.slots[slot] == fingerprint {
            return false;
        }
        if (self.len + 1) * 4 > self.slots.len() * 3 {
            self.resize((self.slots.len() * 3 / 2).max(FEWEST_SLOTS));
            slot = self.slot(fingerprint);
        }
        self.slots[slot] = fingerprint;
        self.len += 1;
        true
    }

    pub(super) fn contains(&self, fingerprint: Fingerprint) -> bool {
        !self.slots.is_empty() && self.slots[self.slot(fingerprint.0.max(1))] != 0
    }

    /// Few will come from now on: gives back what is far too much, and leaves at most twelve bytes a reading.
    pub(super) fn settle(&mut self) {
        let enough = self.len * 8 / 7 + 1;
        if self.slots.len() > enough * 4 / 3 {
            self.resize(enough);
        }
    }

    /// Where it is, or else would be.
    fn slot(&self, fingerprint: u64) -> usize {
        let mut slot = ((u128::from(fingerprint) * self.slots.len() as u128) >> 64) as usize;
        while self.slots[slot] != 0 && self.slots[slot] != fingerprint {
            slot = if slot + 1 == self.slots.len() { 0 } else { slot + 1 };
        }
        slot
    }

    fn resize(&mut self, slots: usize) {
        let before = std::mem::replace(&mut self.slots, vec![0; slots].into());
        for &fingerprint in before.iter().filter(|&&slot| slot != 0) {
            self.slots[self.slot(fingerprint)] = fingerprint;
        }
    }

    fn iter(&self) -> impl Iterator<Item = u64> {
        self.slots.iter().copied().filter(|&slot| slot != 0)
    }
}

impl PartialEq for Seen {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().all(|fingerprint| other.slots[other.slot(fingerprint)] == fingerprint)
    }
}

impl Serialize for Seen {
    /// Eight bytes each: as numbers they would take more, since none is small.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all: Vec<u64> = self.iter().collect();
        // Where they stand depends on the order in which they came.
        all.sort_unstable();
        let bytes: Vec<u8> = all.into_iter().flat_map(u64::to_le_bytes).collect();
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (all, []) = <&[u8]>::deserialize(deserializer)?.as_chunks() else {
            return Err(D::Error::custom("fingerprints are of eight bytes"));
        };
        let mut seen = Self::default();
        // In order they would crowd at the beginning of a table that grows with them.
        seen.resize(all.len() * 4 / 3 + 2);
        for fingerprint in all {
            seen.insert(Fingerprint(u64::from_le_bytes(*fingerprint)));
        }
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_the_set_of_the_standard_library(
            // Few, and all in the same slot or around the end; or any.
            fingerprints in prop_oneof![
                proptest::collection::vec(prop_oneof![0u64..20, (u64::MAX - 10)..u64::MAX], 0..60),
                proptest::collection::vec(any::<u64>(), 0..200),
            ],
            settled_at in 0usize..200,
        ) {
            let (mut seen, mut set) = (Seen::default(), HashSet::new());
            for (index, &fingerprint) in fingerprints.iter().enumerate() {
                if index == settled_at {
                    seen.settle();
                }
                let new = seen.insert(Fingerprint(fingerprint));
                prop_assert_eq!(new, set.insert(fingerprint.max(1)));
            }
            let again = fingerprints.iter().any(|&fingerprint| seen.insert(Fingerprint(fingerprint)));
            prop_assert!(!again);
            prop_assert_eq!(seen.iter().collect::<HashSet<_>>(), set);
        }
    }
}
