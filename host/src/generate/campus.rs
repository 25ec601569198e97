//! A campus: a day's and a week's course, noise, and now and then an anomaly of some kind.

use rand::{RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::domain::EventTime;

const DAY_US: i64 = 86_400_000_000;
/// Window averages of the system that wattdog replaces: electricity (kWh) and water (L) of buildings A, B, C.
const LEVELS: [(f64, f64); 3] = [(171.4, 328.1), (174.2, 336.5), (165.8, 315.2)];

/// How large the campus is and how often its meters speak.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Buildings.
    pub buildings: u32,
    /// Floors of each; a meter each.
    pub floors: u32,
    /// Between two readings of a meter, microseconds.
    pub interval_us: i64,
    /// Share of readings that begin an anomaly.
    pub anomaly_rate: f64,
}

/// One reading.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Event time.
    pub time: EventTime,
    /// Building name.
    pub building: String,
    /// Floor, from 1.
    pub floor: u32,
    /// kWh.
    pub electricity: f64,
    /// L.
    pub water: f64,
}

impl Reading {
    /// As a gateway sends it.
    #[must_use]
    pub fn json(&self) -> String {
        format!(
            r#"{{"timestamp":"{}","building":"{}","floor":{},"electricity":{:.1},"water":{:.1}}}"#,
            self.time, self.building, self.floor, self.electricity, self.water
        )
    }
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    /// Electricity far above what is usual, once.
    Spike,
    /// Water runs and runs.
    Leak,
    /// Both high: a party, a lab, a heater left on.
    Surge,
    /// The meter says nothing but zero.
    Zero,
}

#[derive(Clone, Copy, Debug, Default)]
struct Meter {
    fault: Option<(Fault, u32)>,
}

/// Readings without end, meter by meter, interval by interval.
#[derive(Debug)]
pub struct Campus {
    shape: Shape,
    start: EventTime,
    random: Xoshiro256PlusPlus,
    meters: Vec<Meter>,
    next: u64,
}

impl Campus {
    /// Same arguments, same readings.
    #[must_use]
    pub fn new(shape: Shape, start: EventTime, seed: u64) -> Self {
        let meters = vec![Meter::default(); shape.buildings as usize * shape.floors as usize];
        Self { shape, start, random: Xoshiro256PlusPlus::seed_from_u64(seed), meters, next: 0 }
    }

    /// Uniform in -1 to 1, three times: near enough to normal, with no tail that looks like an anomaly.
    fn noise(&mut self) -> f64 {
        (0..3).map(|_| self.random.random_range(-1.0..1.0)).sum::<f64>() / 3.0
    }

    fn fault(&mut self, meter: usize) -> Option<Fault> {
        if let Some((fault, left)) = self.meters[meter].fault {
            self.meters[meter].fault = (left > 1).then(|| (fault, left - 1));
            return Some(fault);
        }
        if self.random.random_bool(self.shape.anomaly_rate) {
            let (fault, length) = match self.random.random_range(0..4) {
                0 => (Fault::Spike, 1),
                1 => (Fault::Leak, 3),
                2 => (Fault::Surge, 2),
                _ => (Fault::Zero, 1),
            };
            self.meters[meter].fault = (length > 1).then_some((fault, length - 1));
            return Some(fault);
        }
        None
    }
}

/// Share of the usual level at this time: low at night and at weekends, highest in the early afternoon.
fn course(time: EventTime) -> f64 {
    let day = time.0.rem_euclid(DAY_US) as f64 / DAY_US as f64;
    // The epoch was a Thursday.
    let weekday = (time.0.div_euclid(DAY_US) + 3).rem_euclid(7);
    let week = if weekday >= 5 { 0.94 } else { 1.0 };
    week * (1.0 - 0.08 * (std::f64::consts::TAU * (day - 1.0 / 12.0)).cos())
}

impl Iterator for Campus {
    type Item = Reading;

    fn next(&mut self) -> Option<Reading> {
        let meters = self.meters.len() as u64;
        let (round, meter) = (self.next / meters, (self.next % meters) as usize);
        self.next += 1;
        let (building, floor) = (meter / self.shape.floors as usize, meter % self.shape.floors as usize);
        let time = EventTime(self.start.0 + i64::try_from(round).ok()? * self.shape.interval_us);
        let (electricity, water) = LEVELS[building % LEVELS.len()];
        let level = course(time) * (0.92 + 0.04 * (floor % 5) as f64);
        let mut reading = Reading {
            time,
            building: name(building),
            floor: floor as u32 + 1,
            electricity: electricity * level + 30.0 * self.noise(),
            water: water * level + 60.0 * self.noise(),
        };
        match self.fault(meter) {
            Some(Fault::Spike) => reading.electricity *= 1.7,
            Some(Fault::Leak) => reading.water *= 1.8,
            Some(Fault::Surge) => (reading.electricity, reading.water) = (reading.electricity * 1.5, reading.water * 1.5),
            Some(Fault::Zero) => (reading.electricity, reading.water) = (0.0, 0.0),
            None => {}
        }
        Some(reading)
    }
}

/// Building A to Z, then Building A1, B1, …
fn name(index: usize) -> String {
    let letter = char::from(b'A' + (index % 26) as u8);
    if index < 26 { format!("Building {letter}") } else { format!("Building {letter}{}", index / 26) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn campus(seed: u64) -> impl Iterator<Item = Reading> {
        let shape = Shape { buildings: 3, floors: 5, interval_us: 60_000_000, anomaly_rate: 0.0 };
        Campus::new(shape, EventTime(1_764_806_400_000_000), seed)
    }

    #[test]
    fn the_same_seed_makes_the_same_readings() {
        assert!(campus(1).take(500).eq(campus(1).take(500)));
        assert!(!campus(1).take(500).eq(campus(2).take(500)));
    }

    #[test]
    fn a_day_looks_like_the_figures_of_the_reference() {
        let day: Vec<_> = campus(42).take(15 * 1_440).collect();
        for (building, (electricity, water)) in ["Building A", "Building B", "Building C"].iter().zip(LEVELS) {
            let of = || day.iter().filter(|r| r.building == *building);
            let n = of().count() as f64;
            let (e, w) = (of().map(|r| r.electricity).sum::<f64>() / n, of().map(|r| r.water).sum::<f64>() / n);
            assert!((e - electricity).abs() < 5.0 && (w - water).abs() < 10.0, "{building}: {e} kWh, {w} L");
            let highest = of().map(|r| r.electricity).fold(0.0, f64::max);
            assert!((205.0..235.0).contains(&highest), "{highest}");
        }
    }
}
