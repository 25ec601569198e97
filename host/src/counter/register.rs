//! One register: which growth a reading stands for, and whether that can be believed.
//!
//! A register is a meter's total. It trembles, shows a single 0, is reset, rolls over, is exchanged for one that stands elsewhere, or
//! shows nonsense. Growth is counted from one level. A reading that does not follow from that level is doubted, and its value is
//! missing, until the next readings show what it was: the old level again (a glitch: growth goes on from the old level) or growth from
//! the new level (a reset or an exchange: growth counts from there). So no difference between two levels is ever taken for growth.

use serde::{Deserialize, Serialize};

const HOUR_US: f64 = 3_600e6;
/// Two readings may be closer together than their register's resolution can show a rate for.
const SHORTEST_US: i64 = 60_000_000;
/// Of a configured rate, which is exact: that of the least step of usual time stamps.
const SHORTEST_CONFIGURED_US: i64 = 1_000_000;
/// Growths that make a history.
const HISTORY: u8 = 3;
/// Growth believed at once of a meter without a history, in the measure's unit.
const WITHOUT_HISTORY: f64 = 1_000.0;
/// The highest usual rate may be exceeded so many times in one hour. Nights and days of a building differ by a factor of some tens.
const BURST: f64 = 100.0;
/// Beyond that hour it may be exceeded so many times on average: a long gap does not make everything plausible.
const LASTING: f64 = 4.0;
/// A single growth raises the highest usual rate at most so many times.
const LEARN_AT_MOST: f64 = 10.0;
/// The highest usual rate falls by this part with each growth: by half in a week of quarters of an hour.
const FORGET: f64 = 1.0 / 1_024.0;
/// A fall within this part of the register is a tremble: resolution and rounding, not consumption.
const TREMBLE: f64 = 1e-4;
/// The same of a meter that has not grown yet.
const TREMBLE_WITHOUT_HISTORY: f64 = 1e-3;
/// A fall by more than this part of the register is never a tremble.
const MOST_TREMBLE: f64 = 0.1;
/// Two rates of one kind of consumption differ at most so many times.
const ALIKE: f64 = 10.0;
/// A register that was left returns within this time, or not at all.
const RETURNS_WITHIN_US: i64 = 48 * 3_600_000_000;
/// After so many readings in a row that follow from nothing the last one is a new level.
const MOST_DOUBTS: u8 = 4;

/// What is configured about a register.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rule {
    /// Where it begins at 0 again.
    pub(super) rollover: Option<f64>,
    /// Largest plausible growth in an hour; none: learnt from each meter's history.
    pub(super) max_rate: Option<f64>,
}

/// What a register showed at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Level {
    /// Event time, microseconds since the epoch.
    pub(super) time_us: i64,
    pub(super) value: f64,
}

/// A level that follows from no other one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Doubt {
    level: Level,
    /// Its reading was accepted, with its value missing; else it was rejected.
    accepted: bool,
    /// Readings in a row that followed from nothing.
    readings: u8,
    /// Growth booked as that of a reset. It counts once, be it a reset or not: the old level goes on from so much more.
    booked: f64,
}

/// What is known of one register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Register {
    /// Growth counts from here: the highest value of this level, and the time of the last reading.
    counted: Option<Level>,
    /// The level before this one.
    left: Option<Level>,
    doubted: Option<Doubt>,
    /// Since when how much growth has not been learnt from: the growth of a second shows the register's resolution, not a rate.
    learning: Level,
    /// The highest usual rate, by the hour.
    peak: f64,
    /// Growths that the rate was learnt from, up to [`HISTORY`].
    growths: u8,
}

/// What one reading of a register means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Growth {
    /// Nothing is known of its growth.
    Missing,
    /// It has grown by so much since then.
    Since(Level, f64),
    /// It has grown by more than is plausible: the reading is to be rejected.
    Implausible(Implausible),
}

/// A growth above the limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Implausible {
    /// The register's value.
    pub value: f64,
    /// Its growth.
    pub growth: f64,
    /// Event time of the reading before, microseconds since the epoch.
    pub since_us: i64,
    /// The largest growth that is plausible since then.
    pub limit: f64,
}

/// How a value follows from a level.
enum Step {
    Grows(f64),
    /// Falls by so little that it stands where it stood.
    Trembles,
    Jumps(f64),
    Falls,
}

impl Register {
    /// The growth that a reading stands for, and the register once the reading is booked.
    pub(super) fn read(&self, rule: &Rule, now: Level) -> (Growth, Self) {
        let Some(counted) = self.counted.filter(|_| !now.value.is_nan()) else {
            if self.counted.is_some() || now.value.is_nan() {
                return (Growth::Missing, *self);
            }
            let learning = Level { time_us: now.time_us, value: 0.0 };
            return (Growth::Missing, Self { counted: Some(now), learning, ..*self });
        };
        let booked = self.doubted.map_or(0.0, |doubt| doubt.booked);
        let last_us = self.doubted.filter(|doubt| doubt.accepted).map_or(counted.time_us, |doubt| doubt.level.time_us);
        if now.time_us < last_us.max(counted.time_us) {
            return (Growth::Missing, *self);
        }
        let counted = Level { value: counted.value + booked, ..counted };
        let step = self.step(rule, counted, booked, now);
        if !self.skips_the_level_before(rule, counted, now)
            && let Some(followed) = self.follow(counted, &step, now)
        {
            return followed;
        }
        if let Some(left) = self.left.filter(|left| now.time_us.saturating_sub(left.time_us) <= RETURNS_WITHIN_US)
            && let Some((growth, register)) = self.follow(left, &self.step(rule, left, 0.0, now), now)
        {
            return (growth, Self { left: None, ..register });
        }
        if let Some(doubt) = self.doubted.filter(|doubt| doubt.level.time_us < now.time_us)
            && let Some(resolved) = self.resolve(rule, counted, doubt, now)
        {
            return resolved;
        }
        self.doubt(rule, counted, now, &step)
    }

    /// Without a limit to go by, growth that passes the level before this one is rather a return to it.
    fn skips_the_level_before(&self, rule: &Rule, counted: Level, now: Level) -> bool {
        let passes = |left: Level| counted.value < left.value && left.value - self.tremble(left.value) <= now.value;
        !self.is_experienced(rule) && self.left.is_some_and(passes)
    }

    /// The reading goes on from a level; none: it does not.
    fn follow(&self, from: Level, step: &Step, now: Level) -> Option<(Growth, Self)> {
        let (growth, value) = match *step {
            Step::Grows(growth) => (growth, now.value),
            Step::Trembles => (0.0, from.value),
            Step::Jumps(_) | Step::Falls => return None,
        };
        let counted = Some(Level { time_us: now.time_us, value });
        let register = Self { counted, doubted: None, ..self.learn(growth, now.time_us) };
        Some((Growth::Since(from, growth), register))
    }

    fn step(&self, rule: &Rule, from: Level, booked: f64, now: Level) -> Step {
        let (fall, since_us) = (from.value - now.value, since(from, now));
        let is_plausible = |growth: f64| growth <= self.limit(rule, since_us) * (1.0 + 1e-9) + now.value.abs() * 1e-12;
        if fall <= 0.0 {
            return if is_plausible(-fall) { Step::Grows(-fall) } else { Step::Jumps(-fall) };
        }
        if fall <= self.tremble(from.value).max(booked) {
            return Step::Trembles;
        }
        // A 0 is the usual glitch: whether the register rolled over shows with the next reading.
        let is_glitch = now.value == 0.0 && self.doubted.is_none_or(|doubt| doubt.level.time_us >= now.time_us);
        match rule.rollover.map(|end| (end, end - fall)) {
            Some((end, growth)) if !is_glitch && (0.0..end / 2.0).contains(&growth) && is_plausible(growth) => {
                Step::Grows(growth)
            }
            _ => Step::Falls,
        }
    }

    /// The largest fall that is no consumption and no reset.
    fn tremble(&self, value: f64) -> f64 {
        let value = value.abs();
        let usual = if self.peak > 0.0 { self.peak.max(value * TREMBLE) } else { value * TREMBLE_WITHOUT_HISTORY };
        usual.min(value * MOST_TREMBLE)
    }

    /// The largest plausible growth in a time.
    fn limit(&self, rule: &Rule, since_us: i64) -> f64 {
        if let Some(rate) = rule.max_rate {
            return rate * since_us.max(SHORTEST_CONFIGURED_US) as f64 / HOUR_US;
        }
        let learnt = limit_of(self.peak, since_us);
        if self.growths < HISTORY { learnt.max(WITHOUT_HISTORY) } else { learnt }
    }

    /// Growth in a time at the highest usual rate, or a few times that.
    fn usual(&self, rule: &Rule, since_us: i64) -> f64 {
        match rule.max_rate {
            Some(_) => self.limit(rule, since_us),
            None => self.peak * LASTING * since_us.max(SHORTEST_US) as f64 / HOUR_US,
        }
    }

    fn is_experienced(&self, rule: &Rule) -> bool {
        rule.max_rate.is_some() || self.growths >= HISTORY
    }

    fn learn(&self, growth: f64, now_us: i64) -> Self {
        let growth = self.learning.value + growth;
        let since_us = now_us.saturating_sub(self.learning.time_us);
        if since_us < SHORTEST_US {
            return Self { learning: Level { value: growth, ..self.learning }, ..*self };
        }
        let learning = Level { time_us: now_us, value: 0.0 };
        if growth <= 0.0 {
            return Self { learning, ..*self };
        }
        let rate = rate(growth, since_us);
        let peak = match self.peak {
            0.0 => rate,
            peak if rate > peak => rate.min(peak * LEARN_AT_MOST),
            peak => peak - peak * FORGET,
        };
        Self { peak, learning, growths: (self.growths + 1).min(HISTORY), ..*self }
    }

    /// A reading after one that was doubted, and not back where the register stood before; none: it follows from neither.
    fn resolve(&self, rule: &Rule, counted: Level, doubt: Doubt, now: Level) -> Option<(Growth, Self)> {
        let jump = doubt.level.value - counted.value;
        let step = self.step(rule, doubt.level, 0.0, now);
        if jump > 0.0
            && rule.max_rate.is_none()
            && let Step::Grows(growth) | Step::Jumps(growth) = step
        {
            if growth == 0.0 && !self.is_experienced(rule) {
                // Without a history only growth shows of what scale the jump was.
                return Some((Growth::Missing, Self { doubted: Some(Doubt { accepted: true, ..doubt }), ..*self }));
            }
            let (before_us, after_us) = (since(counted, doubt.level), since(doubt.level, now));
            if self.is_a_rise((jump, before_us), (growth, after_us)) {
                let total = now.value - counted.value;
                let peak = rate(growth, after_us).max(self.peak);
                let learning = Level { time_us: now.time_us, value: 0.0 };
                let growths = (self.growths + 1).min(HISTORY);
                let register = Self { counted: Some(now), doubted: None, learning, peak, growths, ..*self };
                return Some((Growth::Since(counted, total), register));
            }
        }
        let (growth, register) = self.follow(doubt.level, &step, now)?;
        Some((growth, Self { left: Some(counted), ..register }))
    }

    /// A jump and the growth after it are consumption that has risen, where both are of one scale.
    fn is_a_rise(&self, jump: (f64, i64), after: (f64, i64)) -> bool {
        let (jump_rate, after_rate) = (rate(jump.0, jump.1), rate(after.0, after.1));
        let is_alike = jump_rate <= after_rate * ALIKE && after_rate <= jump_rate * ALIKE;
        let is_usual = jump.0 <= limit_of(after_rate.max(self.peak), jump.1);
        if self.growths < HISTORY {
            return is_alike || is_usual;
        }
        let is_imaginable = jump.0 <= limit_of(self.peak, jump.1) * BURST;
        is_imaginable && (is_alike || is_usual && after.0 <= limit_of(self.peak, after.1))
    }

    /// The reading follows from nothing.
    fn doubt(&self, rule: &Rule, counted: Level, now: Level, step: &Step) -> (Growth, Self) {
        let readings = self.doubted.map_or(1, |doubt| doubt.readings + 1);
        if readings > MOST_DOUBTS {
            let learning = Level { time_us: now.time_us, value: 0.0 };
            return (Growth::Missing, Self { counted: Some(now), left: Some(counted), learning, ..Self::default() });
        }
        let booked = self.doubted.map_or(0.0, |doubt| doubt.booked);
        if matches!(step, Step::Falls) && now.value > 0.0 && now.value <= self.usual(rule, since(counted, now)) {
            let doubted = Some(Doubt { level: now, accepted: true, readings, booked: booked + now.value });
            return (Growth::Since(counted, now.value), Self { doubted, ..*self });
        }
        let is_rejected = matches!(step, Step::Jumps(_)) && self.is_experienced(rule);
        let register = Self { doubted: Some(Doubt { level: now, accepted: !is_rejected, readings, booked }), ..*self };
        if !is_rejected {
            return (Growth::Missing, register);
        }
        let limit = self.limit(rule, since(counted, now));
        let growth = now.value - counted.value;
        (Growth::Implausible(Implausible { value: now.value, growth, since_us: counted.time_us, limit }), register)
    }
}

fn since(before: Level, now: Level) -> i64 {
    now.time_us.saturating_sub(before.time_us)
}

/// By the hour.
fn rate(growth: f64, since_us: i64) -> f64 {
    growth * HOUR_US / since_us.max(SHORTEST_US) as f64
}

/// The largest plausible growth of a meter of this highest usual rate.
fn limit_of(peak: f64, since_us: i64) -> f64 {
    let hours = since_us.max(SHORTEST_US) as f64 / HOUR_US;
    peak * (LASTING * hours + (BURST - LASTING) * hours.min(1.0))
}
