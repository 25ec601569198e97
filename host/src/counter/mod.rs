//! Counters: a register's total becomes what it has grown by since the meter's previous accepted reading.
//!
//! The order of the log counts. The growth of a reading is worked out first ([`Counters::weigh`]) and booked only when its window
//! accepts the reading ([`Counters::book`]), so a rejected reading moves nothing and its growth is part of the next accepted one.
//! A meter's first reading has no growth, so its value is missing (NaN). So is the value of a reading taken before one that is
//! booked already: its growth is within that one. What a register does beside growing is in [`register`].

mod register;

use register::{Growth, Level, Rule};
pub use register::{Implausible, Register};
use smallvec::SmallVec;

use crate::config::{Config, Gap, MeasureKind};
use crate::domain::{Batch, MeterId};

/// A measure that is a counter.
#[derive(Clone, Debug)]
struct Counter {
    measure: usize,
    rule: Rule,
    /// Growth of a gap is spread.
    spreads: bool,
}

/// What a register of the weighed reading comes to.
#[derive(Clone, Copy, Debug)]
struct Weighed {
    /// Once the reading is booked.
    register: Register,
    growth: Growth,
}

/// Growth that may be that of a gap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grown {
    /// The measure's place.
    pub measure: usize,
    /// Event time of the reading before, microseconds since the epoch.
    pub since_us: i64,
    /// Its growth since then.
    pub growth: f64,
}

/// A counter whose growth cannot be believed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Refused {
    /// The measure's place.
    pub measure: usize,
    /// Why.
    pub why: Implausible,
}

/// The counters of a lane's meters.
#[derive(Clone, Debug)]
pub struct Counters {
    of: Vec<Counter>,
    /// By meter, and within it by counter.
    registers: Vec<Register>,
    weighed: SmallVec<[Weighed; 2]>,
    /// Meters that show something else than when [`Counters::take_changes`] was last asked.
    changed: Vec<MeterId>,
    listed: Vec<bool>,
}

/// Equality ignores which changes were already written.
impl PartialEq for Counters {
    fn eq(&self, other: &Self) -> bool {
        self.registers == other.registers
    }
}

impl Counters {
    /// The configured counters, before a reading.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let counter = |(measure, config): (usize, &crate::config::Measure)| {
            let counter = config.counter.clone().unwrap_or_default();
            let rule = Rule { rollover: config.rollover, max_rate: counter.max_rate };
            (config.kind == MeasureKind::Counter).then_some(Counter { measure, rule, spreads: counter.gap == Gap::Spread })
        };
        let of = config.input.measures.values().enumerate().filter_map(counter).collect();
        Self { of, registers: Vec::new(), weighed: SmallVec::new(), changed: Vec::new(), listed: Vec::new() }
    }

    /// True where no measure is a counter.
    #[must_use]
    pub fn are_none(&self) -> bool {
        self.of.is_empty()
    }

    /// Replaces each register of a row by its growth, in the measure's unit, and says which growth cannot be believed. Books nothing.
    pub fn weigh(&mut self, batch: &mut Batch, row: usize) -> Option<Refused> {
        if self.are_none() {
            return None;
        }
        let (meter, time_us) = (batch.meters[row], batch.event_times_us[row]);
        self.make_room(meter);
        self.weighed.clear();
        let mut refused = None;
        let first = self.first(meter);
        for (Counter { measure, rule, .. }, register) in self.of.iter().zip(&self.registers[first..]) {
            let value = &mut batch.measures[*measure][row];
            let (growth, next) = register.read(rule, Level { time_us, value: *value });
            *value = match growth {
                Growth::Since(_, growth) => growth,
                Growth::Missing | Growth::Implausible(_) => f64::NAN,
            };
            if let Growth::Implausible(why) = growth {
                refused = refused.or(Some(Refused { measure: *measure, why }));
            }
            self.weighed.push(Weighed { register: next, growth });
        }
        refused
    }

    /// The growths of the weighed reading that are spread where they are those of a gap.
    pub fn spread(&self) -> impl Iterator<Item = Grown> {
        let of = self.of.iter().zip(&self.weighed).filter(|(counter, _)| counter.spreads);
        of.filter_map(|(counter, weighed)| match weighed.growth {
            Growth::Since(level, growth) if growth > 0.0 => {
                Some(Grown { measure: counter.measure, since_us: level.time_us, growth })
            }
            _ => None,
        })
    }

    /// Books the reading that was weighed last: its window has accepted it.
    pub fn book(&mut self, meter: MeterId) {
        self.keep(meter, |_| true);
    }

    /// Remembers the level that was refused, so that the meter's next readings can confirm it. Nothing else is booked.
    pub fn doubt(&mut self, meter: MeterId) {
        self.keep(meter, |growth| matches!(growth, Growth::Implausible(_)));
    }

    fn keep(&mut self, meter: MeterId, is_kept: impl Fn(Growth) -> bool) {
        if self.are_none() {
            return;
        }
        let first = self.first(meter);
        let mut changed = false;
        for (register, weighed) in self.registers[first..].iter_mut().zip(&self.weighed) {
            if is_kept(weighed.growth) && *register != weighed.register {
                *register = weighed.register;
                changed = true;
            }
        }
        if changed && !std::mem::replace(&mut self.listed[meter.0 as usize], true) {
            self.changed.push(meter);
        }
    }

    /// Weighs and books every row, where no window decides which readings are accepted. A refused row keeps its other measures.
    pub fn convert(&mut self, batch: &mut Batch) {
        if self.are_none() {
            return;
        }
        for row in 0..batch.len() {
            let meter = batch.meters[row];
            match self.weigh(batch, row) {
                None => self.book(meter),
                Some(_) => self.doubt(meter),
            }
        }
    }

    /// Gives what each meter's registers are, where that differs from what was given before, or restored.
    pub fn take_changes(&mut self, mut take: impl FnMut(MeterId, &[Register])) {
        for meter in std::mem::take(&mut self.changed) {
            self.listed[meter.0 as usize] = false;
            let first = self.first(meter);
            take(meter, &self.registers[first..first + self.of.len()]);
        }
    }

    /// A meter's registers, as they were given. False: they are of other counters.
    #[must_use]
    pub fn restore(&mut self, meter: MeterId, registers: &[Register]) -> bool {
        if registers.len() != self.of.len() {
            return false;
        }
        self.make_room(meter);
        let first = self.first(meter);
        self.registers[first..first + registers.len()].copy_from_slice(registers);
        true
    }

    fn first(&self, meter: MeterId) -> usize {
        meter.0 as usize * self.of.len()
    }

    fn make_room(&mut self, meter: MeterId) {
        let needed = meter.0 as usize + 1;
        if self.listed.len() < needed {
            self.registers.resize(needed * self.of.len(), Register::default());
            self.listed.resize(needed, false);
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
