//! Records that were deleted before they were read.
//!
//! A consumer whose next offset the broker no longer has goes to the beginning of the partition by itself, and says so only in the
//! client's log. That line has the offset at which it stood, markers of transactions included, so what lies between it and the
//! partition's new beginning is exactly what was not read. Offsets that are missing for other reasons (markers, aborted
//! transactions, compaction) make no such line.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// A client that has gone to the beginning of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reset {
    pub(super) topic: String,
    pub(super) partition: i32,
    /// The offset that it asked for.
    pub(super) at: i64,
}

impl Reset {
    /// From a line of the client's log, as `[thrd:main]: readings [0]: offset reset (at offset 300 (leader epoch 0), broker 1) to …`.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (place, rest) = line.split_once("]: offset reset (at offset ")?;
        let (place, partition) = place.rsplit_once(" [")?;
        let topic = place.rsplit_once("]: ").map_or(place, |(_, topic)| topic);
        let at = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        Some(Self { topic: topic.to_owned(), partition: partition.parse().ok()?, at: at.parse().ok()? })
    }
}

/// Resets of one client that were not looked at yet.
#[derive(Debug, Default)]
pub(super) struct Resets(Mutex<Vec<Reset>>);

impl Resets {
    /// Takes a line of the client's log; true when it was one of a reset.
    pub(super) fn heard(&self, line: &str) -> bool {
        let Some(reset) = Reset::parse(line) else { return false };
        self.all().push(reset);
        true
    }

    /// Offsets at which the client was sent to the beginning of a partition.
    pub(super) fn take(&self, topic: &[u8], partition: i32) -> Vec<i64> {
        let mut all = self.all();
        if all.is_empty() {
            return Vec::new();
        }
        let is_it = |reset: &mut Reset| reset.topic.as_bytes() == topic && reset.partition == partition;
        all.extract_if(.., is_it).map(|reset| reset.at).collect()
    }

    /// All of them, of whichever partition.
    pub(super) fn take_all(&self) -> Vec<Reset> {
        std::mem::take(&mut *self.all())
    }

    fn all(&self) -> std::sync::MutexGuard<'_, Vec<Reset>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a partition's messages show after a reset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// These offsets were deleted and never read.
    Lost(Range<i64>),
    /// Offsets begin again below what was read: another topic, or a log that was cut at its end.
    Backwards,
}

/// Of one partition.
#[derive(Debug, Default)]
pub(super) struct Gaps(VecDeque<i64>);

impl Gaps {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The client was at these offsets when it was sent to the beginning.
    pub(super) fn add(&mut self, resets: Vec<i64>) {
        self.0.extend(resets);
    }

    /// Looks at the next messages, and adds what they show to `found`. `next`: the first offset that was not read. `start`: where the
    /// partition begins, as far as the client knows.
    pub(super) fn look(&mut self, mut next: i64, start: i64, offsets: impl Iterator<Item = i64>, found: &mut Vec<Found>) {
        for offset in offsets {
            if self.0.is_empty() {
                return;
            }
            if offset < next {
                return found.push(Found::Backwards);
            }
            // A client that does not know yet where the partition begins is sent there more than once; it was further on before.
            while let Some(at) = self.0.pop_front_if(|at| *at <= offset) {
                let at = at.max(next);
                let until = if start > at { start.min(offset) } else { offset };
                if until > at {
                    found.push(Found::Lost(at..until));
                }
                next = next.max(until);
            }
            next = offset + 1;
        }
    }

    /// Nothing came after the reset: what the broker says of the partition decides.
    pub(super) fn at_rest(&mut self, next: i64, held: &Range<i64>) -> Option<Found> {
        let at = self.0.drain(..).max()?.max(next);
        if at > held.end {
            return Some(Found::Backwards);
        }
        (at < held.start).then_some(Found::Lost(at..held.start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_is_read_from_the_clients_log() {
        let line = "[thrd:main]: a.b [2]: offset reset (at offset 300 (leader epoch 0), broker 1) to cached BEGINNING offset \
                    offset 15000 (leader epoch -1): fetch failed due to requested offset not available on the broker: Broker: \
                    Offset out of range";
        let reset = Reset { topic: "a.b".into(), partition: 2, at: 300 };
        assert_eq!(Reset::parse(line), Some(reset.clone()));
        assert_eq!(Reset::parse(line.trim_start_matches("[thrd:main]: ")), Some(reset));
        assert_eq!(Reset::parse("[thrd:main]: a.b [2]: offset commit failed"), None);
        let resets = Resets::default();
        assert!(resets.heard(line) && !resets.heard("another line"));
        assert_eq!((resets.take(b"a.b", 1), resets.take(b"a.b", 2), resets.take(b"a.b", 2)), (vec![], vec![300], vec![]));
    }

    fn after(resets: &[i64], next: i64, start: i64, offsets: &[i64]) -> Option<Found> {
        let (mut gaps, mut found) = (Gaps::default(), Vec::new());
        gaps.add(resets.to_vec());
        gaps.look(next, start, offsets.iter().copied(), &mut found);
        assert!(found.len() <= 1, "{found:?}");
        found.pop()
    }

    #[test]
    fn what_lies_between_the_position_and_the_new_beginning_is_lost() {
        assert_eq!(after(&[100], 100, 15_000, &[15_000, 15_001]), Some(Found::Lost(100..15_000)));
        // Fetched before; then three offsets of a transaction's marker and an aborted record, which were passed over before.
        assert_eq!(after(&[105], 100, 500, &[100, 101, 500]), Some(Found::Lost(105..500)));
        // The beginning has moved on since: what came is read all the same.
        assert_eq!(after(&[100], 100, 900, &[500, 501]), Some(Found::Lost(100..500)));
        // The first record after the beginning was compacted away.
        assert_eq!(after(&[100], 100, 500, &[507]), Some(Found::Lost(100..500)));
        // Sent to the beginning twice, since the client thought that it was 0.
        assert_eq!(after(&[100, 0], 100, 500, &[500, 501, 502]), Some(Found::Lost(100..500)));
        // Without a reset an offset that is missing was never a record.
        assert_eq!(after(&[], 100, 500, &[500]), None);
    }

    #[test]
    fn what_is_lost_twice_is_two_ranges() {
        let (mut gaps, mut found) = (Gaps::default(), Vec::new());
        gaps.add(vec![100, 502]);
        gaps.look(100, 900, [500, 501, 900].into_iter(), &mut found);
        assert_eq!(found, [Found::Lost(100..500), Found::Lost(502..900)]);
    }

    #[test]
    fn offsets_that_begin_again_are_of_another_log() {
        assert_eq!(after(&[300], 300, 0, &[0, 1]), Some(Found::Backwards));
        let at_rest = |at: i64, held: Range<i64>| {
            let mut gaps = Gaps::default();
            gaps.add(vec![at]);
            gaps.at_rest(at, &held)
        };
        assert_eq!(at_rest(300, 0..50), Some(Found::Backwards));
        assert_eq!(at_rest(300, 900..900), Some(Found::Lost(300..900)));
        assert_eq!(at_rest(300, 0..900), None);
    }
}
