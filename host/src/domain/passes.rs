//! The local hour that comes twice, when clocks are put back: a meter's own order tells which of the two a reading is of.
//!
//! 1. A reading is of the first pass where that is later than all that its meter has sent, unless the second is one usual step later.
//! 2. Otherwise it is of the second, but for a reading that is sent again: where a meter sends in steps shorter than the hour, one that
//!    goes back by no more than half an hour less a step.
//! 3. Readings that are sent later, in their own order, follow the one before them; so do readings that come newest first.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::{EventTime, MeterId};

/// Readings in a row, each earlier than the one before, from which on a meter is taken to send the newest first.
const FALLS: u8 = 2;

/// In which order a meter's readings came. Times are the meter's own stamps, in microseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    latest_us: i64,
    /// The last two steps from one latest stamp to the next; 0: there was none yet.
    steps_us: [i64; 2],
    /// Readings of the latest stamp, and of the latest one before it.
    readings: [u8; 2],
    previous_us: i64,
    falls: u8,
}

impl Order {
    fn beginning(stamp_us: i64) -> Self {
        Self { latest_us: stamp_us, steps_us: [0; 2], readings: [1, 0], previous_us: stamp_us, falls: 0 }
    }

    fn follow(&mut self, stamp_us: i64) {
        self.falls = if stamp_us < self.previous_us { self.falls.saturating_add(1) } else { 0 };
        self.previous_us = stamp_us;
        if stamp_us > self.latest_us {
            self.steps_us = [self.steps_us[1], stamp_us - self.latest_us];
            self.readings = [1, self.readings[0]];
            self.latest_us = stamp_us;
        } else if stamp_us == self.latest_us {
            self.readings[0] = self.readings[0].saturating_add(1);
        }
    }

    /// The shorter of the last two: a reading that is lost makes one of them longer.
    fn step_us(&self) -> Option<i64> {
        self.steps_us.into_iter().filter(|&step| step > 0).min()
    }

    fn is_first(&self, first_us: i64, second_us: i64) -> bool {
        let Self { latest_us, previous_us, .. } = *self;
        if self.falls >= FALLS && first_us < previous_us {
            return second_us >= previous_us;
        }
        let repeated = second_us - first_us;
        let Some(step) = self.step_us() else { return first_us > latest_us };
        let follows = |stamp: i64, before: i64| (stamp - before - step).abs() < step.min(repeated) / 2;
        if first_us > latest_us {
            return follows(first_us, latest_us) || !follows(second_us, latest_us);
        }
        if previous_us < latest_us && follows(first_us, previous_us) && !follows(second_us, latest_us) {
            return true;
        }
        match latest_us - first_us {
            // A meter may send each of its measures by itself.
            0 => step < repeated || self.readings[0] < self.readings[1],
            back => back <= repeated / 2 - step,
        }
    }
}

/// The order of meters' readings, kept around the hours that come twice.
#[derive(Clone, Debug, Default)]
pub struct Passes {
    orders: HashMap<MeterId, Order, ahash::RandomState>,
    changed: HashSet<MeterId, ahash::RandomState>,
}

/// Equality ignores which changes were already written.
impl PartialEq for Passes {
    fn eq(&self, other: &Self) -> bool {
        self.orders == other.orders
    }
}

impl Passes {
    /// Which of two instants a meter's next reading is of. A meter that is not known, or was not seen for a day, is in its first pass.
    #[must_use]
    pub fn resolve(&self, meter: Option<MeterId>, first: EventTime, second: EventTime) -> EventTime {
        let order = meter.and_then(|meter| self.orders.get(&meter));
        if order.is_none_or(|order| order.is_first(first.0, second.0)) { first } else { second }
    }

    /// Keeps a reading's place in its meter's order while it is `near` an hour that comes twice, and forgets the meter after it.
    pub fn follow(&mut self, meter: MeterId, stamp: EventTime, near: bool) {
        if near {
            self.orders.entry(meter).and_modify(|order| order.follow(stamp.0)).or_insert_with(|| Order::beginning(stamp.0));
            self.changed.insert(meter);
        } else if !self.orders.is_empty() && self.orders.get(&meter).is_some_and(|order| order.latest_us < stamp.0) {
            self.orders.remove(&meter);
            self.changed.insert(meter);
        }
    }

    /// Gives each meter's order where it differs from what was given before, or restored; none where it is forgotten.
    pub fn take_changes(&mut self, mut take: impl FnMut(MeterId, Option<&Order>)) {
        let mut changed: Vec<_> = self.changed.drain().collect();
        changed.sort_unstable();
        changed.into_iter().for_each(|meter| take(meter, self.orders.get(&meter)));
    }

    /// An order as it was given.
    pub fn restore(&mut self, meter: MeterId, order: Order) {
        self.orders.insert(meter, order);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;
    const HOUR: i64 = 60 * MINUTE;

    /// Reads stamps of a clock that is put back from 3 to 2 when 180 minutes have passed, and gives the minutes that have.
    fn read(clock: &[i64]) -> Vec<i64> {
        let mut passes = Passes::default();
        let meter = MeterId(0);
        let mut read = |minute: &i64| {
            let at = |minute: i64| EventTime(minute * MINUTE);
            let stamp = match *minute {
                ..120 => at(*minute),
                120..180 => passes.resolve(Some(meter), at(*minute), at(*minute + 60)),
                _ => at(*minute + 60),
            };
            passes.follow(meter, stamp, true);
            stamp.0 / MINUTE
        };
        clock.iter().map(&mut read).collect()
    }

    fn clock(passed: i64) -> i64 {
        if passed < 180 { passed } else { passed - 60 }
    }

    #[test]
    fn every_step_comes_out_right_in_order_newest_first_and_sent_later() {
        for step in [1, 5, 10, 15, 20, 30, 60, 120] {
            let truth: Vec<i64> = (0..960 / step).map(|reading| reading * step).collect();
            let clocks: Vec<i64> = truth.iter().copied().map(clock).collect();
            assert_eq!(read(&clocks), truth, "{step}");
            let later = |minutes: &[i64], from: usize| [&minutes[from..], &minutes[..from]].concat();
            let from = (300 / step) as usize;
            assert_eq!(read(&later(&clocks, from)), later(&truth, from), "sent later, {step}");
            if step > 60 {
                continue;
            }
            let backwards = |minutes: &[i64]| minutes.iter().rev().copied().collect::<Vec<_>>();
            assert_eq!(read(&backwards(&clocks)), backwards(&truth), "newest first, {step}");
        }
    }

    #[test]
    fn a_reading_that_is_sent_again_stays_in_its_hour() {
        for step in [1, 5, 10, 15, 20, 30] {
            let truth: Vec<i64> = (0..480 / step).flat_map(|reading| [reading * step; 3]).collect();
            let clocks: Vec<i64> = truth.iter().copied().map(clock).collect();
            assert_eq!(read(&clocks), truth, "{step}");
        }
        // A minute meter repeats the last ten of its readings.
        assert_eq!(read(&[149, 150, 151, 152, 142, 143, 153])[4..], [142, 143, 153]);
        // A straggler from before the hour changes nothing.
        assert_eq!(read(&[105, 120, 135, 150, 165, 90, 120, 135])[6..], [180, 195]);
    }

    #[test]
    fn an_hourly_meter_that_sends_each_measure_by_itself() {
        assert_eq!(read(&[60, 60, 120, 120, 120, 120, 180, 180]), [60, 60, 120, 120, 180, 180, 240, 240]);
    }

    #[test]
    fn readings_that_are_lost_before_the_hour_do_not_matter() {
        assert_eq!(read(&[0, 15, 150, 165, 120])[2..], [150, 165, 180]);
        assert_eq!(read(&[0, 15, 30, 165, 135])[3..], [165, 195]);
    }

    #[test]
    fn a_meter_is_forgotten_after_the_hour_and_restored_as_it_was() {
        let mut passes = Passes::default();
        for (meter, stamp) in [(0, 1), (1, 1), (0, 2)] {
            passes.follow(MeterId(meter), EventTime(stamp * HOUR), true);
        }
        let mut restored = Passes::default();
        passes.take_changes(|meter, order| restored.restore(meter, *order.unwrap()));
        assert_eq!(restored, passes);
        passes.follow(MeterId(1), EventTime(0), false);
        assert_eq!(restored, passes, "a straggler from long before");
        passes.follow(MeterId(1), EventTime(40 * HOUR), false);
        let mut changes = Vec::new();
        passes.take_changes(|meter, order| changes.push((meter, order.is_some())));
        assert_eq!(changes, [(MeterId(1), false)]);
        passes.take_changes(|meter, _| panic!("{meter:?} was given before"));
    }
}
