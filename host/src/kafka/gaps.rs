//! Records that were deleted before they were read.
//!
//! A consumer whose next offset the broker no longer has goes to the beginning of the partition by itself, and says so only in the
//! client's log. What lies between what was read and the partition's new beginning is lost. Offsets that are missing for other reasons
//! (markers, aborted transactions, compaction) make no such line.

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
///
/// Resets are to be heard before a poll: what the client fetched before them is in its queue by then, and a poll that finds nothing
/// shows that none of it is left.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    /// Offsets at which the client was sent to the beginning, and after which no message has come.
    resets: Vec<i64>,
    /// All before this offset was read, or is no record.
    read: i64,
}

impl Gaps {
    pub(super) fn is_empty(&self) -> bool {
        self.resets.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.resets.clear();
    }

    /// The client was at these offsets when it was sent to the beginning; `position`: after what was polled, markers of transactions
    /// too.
    pub(super) fn add(&mut self, resets: Vec<i64>, position: i64) {
        let Some(at) = resets.iter().max() else { return };
        if self.is_empty() {
            // The client drops what it has fetched when its group shares out partitions just then, and a line may come later than the
            // messages that follow it.
            self.read = position.min(*at);
        }
        self.resets.extend(resets);
    }

    /// Looks at the next messages, and adds what they show to `found`. `next`: the first offset that was not read. `start`: where the
    /// partition begins, as far as the client knows.
    pub(super) fn look(&mut self, mut next: i64, start: i64, offsets: impl Iterator<Item = i64>, found: &mut Vec<Found>) {
        for offset in offsets {
            if self.is_empty() {
                return;
            }
            if offset < next {
                return found.push(Found::Backwards);
            }
            let before = self.resets.len();
            self.resets.retain(|at| *at > offset);
            let follows_reset = self.resets.len() < before || (self.read < start && start <= offset);
            let until = if start > self.read { start.min(offset) } else { offset };
            if follows_reset && self.read < until {
                found.push(Found::Lost(self.read..until));
            }
            self.read = self.read.max(offset + 1);
            next = offset + 1;
        }
    }

    /// Nothing came after the reset: what the broker says of the partition decides.
    pub(super) fn at_rest(&mut self, next: i64, held: &Range<i64>) -> Option<Found> {
        let at = self.resets.drain(..).max()?.max(next);
        if at > held.end {
            return Some(Found::Backwards);
        }
        (self.read < held.start).then_some(Found::Lost(self.read..held.start))
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

    fn after(resets: &[i64], position: i64, start: i64, offsets: &[i64]) -> Option<Found> {
        let (mut gaps, mut found) = (Gaps::default(), Vec::new());
        gaps.add(resets.to_vec(), position);
        gaps.look(offsets[0].min(position), start, offsets.iter().copied(), &mut found);
        assert!(found.len() <= 1, "{found:?}");
        found.pop()
    }

    #[test]
    fn what_lies_between_the_position_and_the_new_beginning_is_lost() {
        assert_eq!(after(&[100], 100, 15_000, &[15_000, 15_001]), Some(Found::Lost(100..15_000)));
        // Fetched before, and polled after the line.
        assert_eq!(after(&[102], 100, 500, &[100, 101, 500]), Some(Found::Lost(102..500)));
        assert_eq!(after(&[106], 100, 500, &[100, 105, 500]), Some(Found::Lost(106..500)));
        // The client has dropped what it had fetched.
        assert_eq!(after(&[103], 100, 500, &[500]), Some(Found::Lost(100..500)));
        assert_eq!(after(&[103], 100, 102, &[102, 103]), Some(Found::Lost(100..102)));
        // The beginning has moved on since: what came is read all the same.
        assert_eq!(after(&[100], 100, 900, &[500, 501]), Some(Found::Lost(100..500)));
        // The first record after the beginning was compacted away.
        assert_eq!(after(&[100], 100, 500, &[507]), Some(Found::Lost(100..500)));
        // Sent to the beginning twice, since the client thought that it was 0.
        assert_eq!(after(&[100, 0], 100, 500, &[500, 501, 502]), Some(Found::Lost(100..500)));
        // Without a reset an offset that is missing was never a record.
        assert_eq!(after(&[], 100, 500, &[500]), None);
        // Nothing was deleted.
        assert_eq!(after(&[100], 100, 0, &[100, 101]), None);
    }

    #[test]
    fn a_line_that_comes_after_its_messages_tells_of_the_loss() {
        assert_eq!(after(&[100], 502, 500, &[502]), Some(Found::Lost(100..500)));
    }

    #[test]
    fn what_is_lost_twice_is_two_ranges() {
        let (mut gaps, mut found) = (Gaps::default(), Vec::new());
        gaps.add(vec![100], 100);
        gaps.add(vec![502], 100);
        gaps.look(100, 900, [500, 501, 900].into_iter(), &mut found);
        assert_eq!(found, [Found::Lost(100..500), Found::Lost(502..900)]);
    }

    #[test]
    fn offsets_that_begin_again_are_of_another_log() {
        let (mut gaps, mut found) = (Gaps::default(), Vec::new());
        gaps.add(vec![300], 300);
        gaps.look(300, 0, [0, 1].into_iter(), &mut found);
        assert_eq!(found, [Found::Backwards]);
    }

    #[test]
    fn where_nothing_follows_the_broker_says_what_is_lost() {
        let at_rest = |position: i64, held: Range<i64>| {
            let mut gaps = Gaps::default();
            gaps.add(vec![300], position);
            gaps.at_rest(position, &held)
        };
        assert_eq!(at_rest(300, 0..50), Some(Found::Backwards));
        assert_eq!(at_rest(300, 900..900), Some(Found::Lost(300..900)));
        assert_eq!(at_rest(297, 900..900), Some(Found::Lost(297..900)));
        assert_eq!(at_rest(300, 0..900), None);
    }
}
