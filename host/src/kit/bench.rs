//! How fast is a plugin, and how sure is that figure?

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use wattdog_plugin_runtime::Fault;

use super::component::{Component, Setup};
use super::driver::Driver;
use super::inspect::millis;
use super::readings::{Reading, made_up};
use super::rows::Rows;
use crate::clock;
use crate::generate::Shape;

/// Calls before the first that counts: memory grows, averages fill.
const WARM_UP: usize = 5;
/// A pair of rounds after another, for as long as this.
const LONGEST: Duration = Duration::from_secs(3);
const FEWEST_PAIRS: usize = 5;
const MOST_PAIRS: usize = 2_000;
/// Starts whose median is told.
const STARTS: usize = 5;
const INTERVAL_US: i64 = 60_000_000;
const CAMPUS: Shape = Shape { buildings: 4, floors: 4, interval_us: INTERVAL_US, anomaly_rate: 0.02 };

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Rows of a call.
    pub rows: usize,
    /// Calls that count.
    pub calls: usize,
    /// Median of all rounds, elapsed time.
    pub ns_per_reading: f64,
    /// Median of one run over that of the other: the two do the same, so what differs from 1 is noise.
    pub noise_ratio: f64,
    /// WebAssembly's operations, counted: the same on every machine, and higher where a plugin does more, if not always slower.
    pub fuel_per_reading: f64,
    /// The slowest call.
    pub slowest_call_ms: f64,
    /// Of the instance in the end.
    pub memory_bytes: usize,
    /// Mean of what it keeps about a meter.
    pub state_bytes_per_meter: usize,
    /// Median of some starts.
    pub start_ms: f64,
    /// Once, as a host keeps the result; none: taken from there.
    pub compile_ms: Option<f64>,
    /// Measured in a build without optimisation, whose share of a call is larger.
    pub debug_build: bool,
}

/// Sends batch after batch, each later than the last. `measured` is told after each pair how much of the time is over, 0 to 1.
///
/// # Errors
/// When the plugin does not start, or fails.
pub fn bench(
    component: &Component,
    readings: Option<Vec<Reading>>,
    rows: usize,
    measured: &mut dyn FnMut(f64),
) -> Result<Report, String> {
    let setup = component.configure()?;
    let in_words = |fault: Fault| format!("{fault}; `wattdog plugin check` says more");
    let start_ms = median(starts(&setup).map_err(in_words)?);
    let inputs = setup.start().map_err(in_words)?.description().inputs.clone();
    let readings = readings.unwrap_or_else(|| made_up(CAMPUS, &inputs, rows));
    // Recorded ones are repeated until there are enough.
    let rows = Rows::new(readings.iter().cycle().take(rows), &inputs);
    let mut driver = Driver::new(&setup, &rows).map_err(in_words)?;
    let mut rounds = Rounds { driver: &mut driver, rows: &rows, sent: 0 };
    for _ in 0..WARM_UP {
        rounds.time().map_err(in_words)?;
    }
    let [one, other] = pairs(&mut rounds, measured).map_err(in_words)?;
    let states = driver.export().map_err(in_words)?;
    let fuel = fuel(&component.file, &rows)?;
    let state_bytes: usize = states.iter().map(|(_, bytes)| bytes.len()).sum();
    let all: Vec<f64> = one.iter().chain(&other).copied().collect();
    Ok(Report {
        rows: rows.count(),
        calls: all.len(),
        slowest_call_ms: all.iter().copied().fold(0.0, f64::max),
        noise_ratio: median(one) / median(other),
        fuel_per_reading: fuel / rows.count() as f64,
        ns_per_reading: median(all) * 1e6 / rows.count() as f64,
        memory_bytes: driver.memory_bytes(),
        state_bytes_per_meter: state_bytes / states.len().max(1),
        start_ms,
        compile_ms: (!component.compiled.from_cache()).then(|| millis(component.compile_time)),
        debug_build: cfg!(debug_assertions),
    })
}

/// What a call takes of it, after some others.
fn fuel(file: &Path, rows: &Rows) -> Result<f64, String> {
    let setup = Component::open_counting(file)?.configure()?;
    let in_words = |fault: Fault| fault.to_string();
    let mut driver = Driver::new(&setup, rows).map_err(in_words)?;
    let mut rounds = Rounds { driver: &mut driver, rows, sent: 0 };
    for _ in 0..WARM_UP {
        rounds.time().map_err(in_words)?;
    }
    let used = |rounds: &Rounds<'_, '_>| rounds.driver.fuel_used().expect("opened to count it");
    let before = used(&rounds);
    rounds.time().map_err(in_words)?;
    Ok((used(&rounds) - before) as f64)
}

fn starts(setup: &Setup) -> Result<Vec<f64>, Fault> {
    let start = |_| {
        let started = clock::monotonic();
        setup.start().map(|_| millis(started.elapsed()))
    };
    (0..STARTS).map(start).collect()
}

/// Milliseconds of each round of two runs in turn, so that what comes and goes on the machine meets both.
fn pairs(rounds: &mut Rounds<'_, '_>, measured: &mut dyn FnMut(f64)) -> Result<[Vec<f64>; 2], Fault> {
    let started = clock::monotonic();
    let mut runs = [Vec::new(), Vec::new()];
    for pair in 0..MOST_PAIRS {
        // Who is first in a pair may have it easier.
        for run in if pair % 2 == 0 { [0, 1] } else { [1, 0] } {
            runs[run].push(rounds.time()?);
        }
        let share = started.elapsed().as_secs_f64() / LONGEST.as_secs_f64();
        measured(share.min(1.0));
        if pair + 1 >= FEWEST_PAIRS && share >= 1.0 {
            break;
        }
    }
    Ok(runs)
}

struct Rounds<'a, 'r> {
    driver: &'a mut Driver<'r>,
    rows: &'r Rows,
    sent: i64,
}

impl Rounds<'_, '_> {
    fn time(&mut self) -> Result<f64, Fault> {
        let times = &self.rows.times_us;
        let span_us = times.iter().max().zip(times.iter().min()).map_or(0, |(last, first)| last - first) + INTERVAL_US;
        self.driver.set_shift(self.sent * span_us);
        self.sent += 1;
        let started = clock::monotonic();
        self.driver.send(0..self.rows.count())?;
        Ok(millis(started.elapsed()))
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn half_of_the_values_are_below_the_median() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), 2.5);
    }
}
