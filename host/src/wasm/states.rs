//! What a stateful plugin keeps about each meter, outside of its instance: bytes as it wrote them, and the rows since then.
//!
//! An instance can vanish at any call; with these two another one comes to where it was. A meter is stored when its rows have
//! become too many to keep, when its plugin is swapped, and when an instance is put away.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use super::rows::{Rows, View};
use crate::domain::MeterId;

/// Rows that are kept since their meters were stored. Fewer would store busy meters more often, which takes about a microsecond
/// each; more would take longer to go through again after a fault, at some ten nanoseconds each, and some 30 bytes of memory.
const MAX_ROWS: usize = 65_536;

#[derive(Debug, Default)]
struct Slot {
    bytes: Option<Box<[u8]>>,
    /// Format of the bytes, as the plugin numbers them.
    version: u32,
    /// Rows that the plugin had taken when the meter was stored.
    stored_at: u64,
    /// Rows that it had taken after the meter's last one.
    touched_at: u64,
    /// Is to be given by [`States::take_unsaved`].
    unsaved: bool,
}

#[derive(Debug)]
struct Block {
    first_row: u64,
    rows: Rows,
}

/// States by meter, and a journal of rows.
#[derive(Debug)]
pub struct States {
    lineage: u64,
    unsaved: Vec<MeterId>,
    slots: Vec<Slot>,
    journal: VecDeque<Block>,
    journaled: usize,
    /// Rows that the plugin has taken.
    taken: u64,
}

impl Default for States {
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            lineage: NEXT.fetch_add(1, Ordering::Relaxed),
            unsaved: Vec::new(),
            slots: Vec::new(),
            journal: VecDeque::new(),
            journaled: 0,
            taken: 0,
        }
    }
}

impl States {
    /// The same for as long as these states are handed on, and for no others.
    #[must_use]
    pub fn lineage(&self) -> u64 {
        self.lineage
    }

    /// Gives what changed since this was last asked, each meter once: the format and the bytes, or none where nothing is kept.
    pub fn take_unsaved(&mut self, mut give: impl FnMut(MeterId, Option<(u32, &[u8])>)) {
        for meter in std::mem::take(&mut self.unsaved) {
            let slot = self.slot(meter);
            slot.unsaved = false;
            give(meter, slot.bytes.as_deref().map(|bytes| (slot.version, bytes)));
        }
    }

    /// Everything is to be given again.
    pub fn all_unsaved(&mut self) {
        for meter in (0..).map(MeterId).take(self.slots.len()) {
            self.mark_unsaved(meter);
        }
    }

    fn mark_unsaved(&mut self, meter: MeterId) {
        if !std::mem::replace(&mut self.slot(meter).unsaved, true) {
            self.unsaved.push(meter);
        }
    }

    /// Rows that the plugin has taken, for good.
    pub(super) fn took(&mut self, view: &View<'_>) {
        let mut row = self.taken;
        for meter in view.meters {
            row += 1;
            self.slot(*meter).touched_at = row;
        }
        self.journal.push_back(Block { first_row: self.taken, rows: Rows::copy(view) });
        self.journaled += view.meters.len();
        self.taken = row;
    }

    /// The meter as it is now.
    pub(super) fn store(&mut self, meter: MeterId, version: u32, bytes: Option<Vec<u8>>) {
        let taken = self.taken;
        let slot = self.slot(meter);
        slot.version = version;
        slot.bytes = bytes.map(Vec::into_boxed_slice);
        slot.stored_at = taken;
        self.mark_unsaved(meter);
    }

    /// The meter as it was before the first row.
    pub fn begin_with(&mut self, meter: MeterId, version: u32, bytes: Vec<u8>) {
        let slot = self.slot(meter);
        slot.version = version;
        slot.bytes = Some(bytes.into_boxed_slice());
        self.mark_unsaved(meter);
    }

    /// Forgets the states whose format is not one of these; returns how many.
    pub(super) fn retain_readable(&mut self, reads: impl Fn(u32) -> bool) -> usize {
        let unreadable = self.stored_in_other_than(reads);
        for &meter in &unreadable {
            self.slot(meter).bytes = None;
            self.mark_unsaved(meter);
        }
        unreadable.len()
    }

    /// Rows that are kept.
    pub(super) fn journaled(&self) -> usize {
        self.journaled
    }

    /// The format and the bytes of a meter.
    #[must_use]
    pub fn stored(&self, meter: MeterId) -> Option<(u32, &[u8])> {
        let slot = self.slots.get(meter.0 as usize)?;
        slot.bytes.as_deref().map(|bytes| (slot.version, bytes))
    }

    /// Lets go of the rows that these meters have taken since they were stored.
    pub(super) fn forget_rows(&mut self, meters: &[MeterId]) {
        for &meter in meters {
            let taken = self.taken;
            self.slot(meter).stored_at = taken;
        }
    }

    /// Meters whose bytes are in a format that is not `wanted`.
    pub(super) fn stored_in_other_than(&self, wanted: impl Fn(u32) -> bool) -> Vec<MeterId> {
        let other = |slot: &Slot| slot.bytes.is_some() && !slot.is_dirty() && !wanted(slot.version);
        (0..).map(MeterId).zip(&self.slots).filter(|(_, slot)| other(slot)).map(|(meter, _)| meter).collect()
    }

    /// All that is stored.
    pub(super) fn all(&self) -> Vec<(MeterId, Vec<u8>)> {
        let bytes = |(meter, slot): (MeterId, &Slot)| slot.bytes.as_ref().map(|bytes| (meter, bytes.to_vec()));
        (0..).map(MeterId).zip(&self.slots).filter_map(bytes).collect()
    }

    /// Has it taken rows since it was stored?
    pub(super) fn is_dirty(&self, meter: MeterId) -> bool {
        self.slots.get(meter.0 as usize).is_some_and(Slot::is_dirty)
    }

    /// Up to `most` meters that have taken rows since they were stored.
    pub(super) fn dirty(&self, most: usize) -> Vec<MeterId> {
        (0..).map(MeterId).zip(&self.slots).filter(|(_, slot)| slot.is_dirty()).map(|(meter, _)| meter).take(most).collect()
    }

    /// Meters with bytes, and the bytes of all.
    pub(super) fn size(&self) -> (usize, usize) {
        let stored = self.slots.iter().filter_map(|slot| slot.bytes.as_ref());
        stored.fold((0, 0), |(meters, bytes), state| (meters + 1, bytes + state.len()))
    }

    /// The oldest rows are to go: the meters that have to be stored before they can.
    pub(super) fn overdue(&self) -> Vec<MeterId> {
        let Some(oldest) = self.journal.front().filter(|_| self.journaled > MAX_ROWS) else { return Vec::new() };
        let mut meters: Vec<_> = oldest
            .rows
            .meters
            .iter()
            .zip(oldest.first_row..)
            .filter(|(meter, row)| self.is_pending(**meter, *row))
            .map(|(meter, _)| *meter)
            .collect();
        meters.sort_unstable();
        meters.dedup();
        meters
    }

    /// Drops rows that no meter needs any more; all of them when `every` meter was stored.
    pub(super) fn trim(&mut self) {
        while let Some(oldest) = self.journal.front() {
            let mut rows = oldest.rows.meters.iter().zip(oldest.first_row..);
            let needed = rows.any(|(meter, row)| self.is_pending(*meter, row));
            if needed {
                return;
            }
            self.journaled -= oldest.rows.len();
            self.journal.pop_front();
        }
    }

    /// The rows that these meters have taken since they were stored, in the order in which they came.
    pub(super) fn since_stored(&self, meters: &[MeterId]) -> Rows {
        let mut rows = Rows::default();
        if !meters.iter().any(|meter| self.is_dirty(*meter)) {
            return rows;
        }
        let mut wanted = vec![false; self.slots.len()];
        meters.iter().filter(|meter| self.is_dirty(**meter)).for_each(|meter| wanted[meter.0 as usize] = true);
        for block in &self.journal {
            for (index, (meter, row)) in block.rows.meters.iter().zip(block.first_row..).enumerate() {
                if wanted[meter.0 as usize] && self.is_pending(*meter, row) {
                    rows.push(&block.rows, index);
                }
            }
        }
        rows
    }

    fn is_pending(&self, meter: MeterId, row: u64) -> bool {
        self.slots.get(meter.0 as usize).is_some_and(|slot| row >= slot.stored_at)
    }

    fn slot(&mut self, meter: MeterId) -> &mut Slot {
        let index = meter.0 as usize;
        if self.slots.len() <= index {
            self.slots.resize_with(index + 1, Slot::default);
        }
        &mut self.slots[index]
    }
}

impl Slot {
    fn is_dirty(&self) -> bool {
        self.touched_at > self.stored_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view<'a>(meters: &'a [MeterId], times: &'a [i64]) -> View<'a> {
        View { meters, event_times_us: times, columns: Vec::new() }
    }

    #[test]
    fn rows_are_kept_until_their_meter_is_stored() {
        let [a, b] = [MeterId(0), MeterId(1)];
        let mut states = States::default();
        states.took(&view(&[a, b, a], &[1, 2, 3]));
        states.store(a, 1, Some(vec![7]));
        states.took(&view(&[a], &[4]));
        assert_eq!(states.since_stored(&[a]).view(0..1).event_times_us, [4]);
        assert_eq!(states.since_stored(&[a, b]).view(0..2).event_times_us, [2, 4]);
        states.store(b, 1, None);
        states.trim();
        assert_eq!(states.journaled, 1, "the first rows are in the stored states");
        states.store(a, 1, Some(vec![8]));
        states.trim();
        assert_eq!((states.journaled, states.dirty(9), states.stored(a)), (0, vec![], Some((1, &[8][..]))));
    }
}
