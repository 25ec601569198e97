//! Counters: a register's total becomes what it has grown by since the meter's previous accepted reading.
//!
//! The order of the log counts. The growth of a reading is worked out first ([`Counters::weigh`]) and booked only when its window
//! accepts the reading ([`Counters::book`]), so a rejected reading moves nothing and its growth is part of the next accepted one.
//! A meter's first reading has no growth, so its value is missing (NaN). So is the value of a reading taken before one that is
//! booked already: its growth is within that one. A counter that falls has rolled over, where `rollover` is set and the growth is
//! below half of it, or else was reset and has grown by what it shows.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::config::{Config, MeasureKind};
use crate::domain::{Batch, MeterId};

/// What a counter showed last.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// Event time, microseconds since the epoch.
    time_us: i64,
    value: f64,
}

/// What a meter's counters showed last, in their order.
pub type LastShown = SmallVec<[Option<Shown>; 2]>;

/// A measure that is one.
#[derive(Clone, Debug)]
struct Counter {
    measure: usize,
    rollover: Option<f64>,
}

/// The counters of a lane's meters.
#[derive(Clone, Debug)]
pub struct Counters {
    of: Vec<Counter>,
    /// By meter.
    last: Vec<LastShown>,
    /// What the weighed reading's meter shows once it is booked.
    weighed: LastShown,
    /// Meters that show something else than when [`Counters::take_changes`] was last asked.
    changed: Vec<MeterId>,
    listed: Vec<bool>,
}

/// Equality ignores which changes were already written.
impl PartialEq for Counters {
    fn eq(&self, other: &Self) -> bool {
        self.last == other.last
    }
}

impl Counters {
    /// The configured counters, before a reading.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let counter = |(measure, config): (usize, &crate::config::Measure)| {
            (config.kind == MeasureKind::Counter).then_some(Counter { measure, rollover: config.rollover })
        };
        let of = config.input.measures.values().enumerate().filter_map(counter).collect();
        Self { of, last: Vec::new(), weighed: LastShown::new(), changed: Vec::new(), listed: Vec::new() }
    }

    /// True where no measure is a counter.
    #[must_use]
    pub fn are_none(&self) -> bool {
        self.of.is_empty()
    }

    /// Replaces each register of a row by its growth, in the measure's unit. Books nothing.
    pub fn weigh(&mut self, batch: &mut Batch, row: usize) {
        if self.are_none() {
            return;
        }
        let (meter, time_us) = (batch.meters[row], batch.event_times_us[row]);
        self.make_room(meter);
        self.weighed.clone_from(&self.last[meter.0 as usize]);
        for (Counter { measure, rollover }, shown) in self.of.iter().zip(&mut self.weighed) {
            let value = &mut batch.measures[*measure][row];
            let sent = *value;
            let is_older = shown.is_some_and(|shown| time_us < shown.time_us);
            *value = match *shown {
                Some(before) if !is_older => growth(before.value, sent, *rollover),
                _ => f64::NAN,
            };
            if !is_older && !sent.is_nan() {
                *shown = Some(Shown { time_us, value: sent });
            }
        }
    }

    /// Books the reading that was weighed last.
    pub fn book(&mut self, meter: MeterId) {
        if self.are_none() {
            return;
        }
        let last = &mut self.last[meter.0 as usize];
        if *last == self.weighed {
            return;
        }
        last.clone_from(&self.weighed);
        if !std::mem::replace(&mut self.listed[meter.0 as usize], true) {
            self.changed.push(meter);
        }
    }

    /// Weighs and books every row, where no window decides which readings are accepted.
    pub fn convert(&mut self, batch: &mut Batch) {
        if self.are_none() {
            return;
        }
        for row in 0..batch.len() {
            self.weigh(batch, row);
            self.book(batch.meters[row]);
        }
    }

    /// Gives what each meter's counters show, where that differs from what was given before, or restored.
    pub fn take_changes(&mut self, mut take: impl FnMut(MeterId, &LastShown)) {
        for meter in self.changed.drain(..) {
            self.listed[meter.0 as usize] = false;
            take(meter, &self.last[meter.0 as usize]);
        }
    }

    /// What a meter's counters showed, as it was given. False: they were others.
    #[must_use]
    pub fn restore(&mut self, meter: MeterId, shown: LastShown) -> bool {
        if shown.len() != self.of.len() {
            return false;
        }
        self.make_room(meter);
        self.last[meter.0 as usize] = shown;
        true
    }

    fn make_room(&mut self, meter: MeterId) {
        let needed = meter.0 as usize + 1;
        if self.last.len() < needed {
            self.last.resize(needed, SmallVec::from_elem(None, self.of.len()));
            self.listed.resize(needed, false);
        }
    }
}

fn growth(before: f64, now: f64, rollover: Option<f64>) -> f64 {
    if now >= before || now.is_nan() {
        return now - before;
    }
    match rollover.map(|end| (end, end - before + now)) {
        Some((end, grown)) if (0.0..end / 2.0).contains(&grown) => grown,
        _ => now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load_text;

    fn config() -> Config {
        let text = "[input.measures.gas]\nfield = \"gas\"\nkind = \"counter\"\nrollover = 1000.0\n\
                    [input.measures.heat]\nfield = \"heat\"";
        load_text(text, "test", []).unwrap()
    }

    fn batch(rows: &[(u32, i64, f64)]) -> Batch {
        let mut batch = Batch::new(2);
        for &(meter, time_us, gas) in rows {
            batch.offsets.push(0);
            batch.record_times_ms.push(-1);
            batch.meters.push(MeterId(meter));
            batch.event_times_us.push(time_us);
            batch.measures[0].push(gas);
            batch.measures[1].push(7.0);
        }
        batch
    }

    /// What the first measure has grown by; -1: missing.
    fn grown(counters: &mut Counters, rows: &[(u32, i64, f64)]) -> Vec<f64> {
        let mut batch = batch(rows);
        counters.convert(&mut batch);
        assert_eq!(batch.measures[1], vec![7.0; rows.len()], "an interval value stays as it is");
        batch.measures[0].iter().map(|grown| if grown.is_nan() { -1.0 } else { *grown }).collect()
    }

    #[test]
    fn each_meter_grows_by_itself_and_over_batches() {
        let mut counters = Counters::new(&config());
        assert_eq!(grown(&mut counters, &[(0, 1, 10.0), (1, 1, 500.0), (0, 2, 12.5)]), [-1.0, -1.0, 2.5]);
        assert_eq!(grown(&mut counters, &[(1, 2, 501.0), (0, 2, 12.5), (0, 3, 13.0)]), [1.0, 0.0, 0.5]);
    }

    #[test]
    fn a_counter_that_falls_has_rolled_over_or_was_reset() {
        let mut counters = Counters::new(&config());
        assert_eq!(grown(&mut counters, &[(0, 1, 990.0), (0, 2, 15.0)]), [-1.0, 25.0], "rolled over at 1000");
        assert_eq!(grown(&mut counters, &[(0, 3, 400.0), (0, 4, 3.0)]), [385.0, 3.0], "reset: 603 would be too much to believe");
    }

    #[test]
    fn what_was_taken_earlier_is_within_what_is_counted_and_a_missing_value_changes_nothing() {
        let mut counters = Counters::new(&config());
        assert_eq!(
            grown(&mut counters, &[(0, 10, 100.0), (0, 20, 110.0), (0, 15, 105.0), (0, 30, 111.0)]),
            [-1.0, 10.0, -1.0, 1.0]
        );
        assert_eq!(grown(&mut counters, &[(0, 40, f64::NAN), (0, 50, 113.0)]), [-1.0, 2.0]);
    }

    #[test]
    fn a_reading_that_is_not_booked_moves_nothing() {
        let mut counters = Counters::new(&config());
        grown(&mut counters, &[(0, 1, 400.0)]);
        let mut late = batch(&[(0, 2, 500.0)]);
        counters.weigh(&mut late, 0);
        counters.take_changes(|_, _| {});
        assert_eq!(grown(&mut counters, &[(0, 3, 510.0)]), [110.0], "with the growth of the reading that was rejected");
    }

    #[test]
    fn what_is_restored_goes_on_where_it_was() {
        let mut counters = Counters::new(&config());
        grown(&mut counters, &[(0, 1, 10.0), (2, 1, 30.0)]);
        let mut restored = Counters::new(&config());
        counters.take_changes(|meter, shown| assert!(restored.restore(meter, shown.clone())));
        assert_eq!(grown(&mut restored, &[(2, 2, 31.0), (0, 2, 11.0)]), [1.0, 1.0]);
        counters.take_changes(|meter, _| panic!("{meter:?} was given before"));
        let mut others = Counters::new(&Config::default());
        assert!(!others.restore(MeterId(0), SmallVec::from_elem(None, 1)), "counters that are none any more");
    }
}
