//! A plugin stays within its limits when it runs for long, and when all is unusual.

use std::time::Duration;

use serde_json::Value;

use super::subject::{LARGEST_BATCH, MADE_UP, Subject, failed};
use super::{Verdict, mebibytes};
use crate::clock;
use crate::generate::Shape;
use crate::kit::driver::Driver;
use crate::kit::inspect::millis;
use crate::kit::readings::made_up;
use crate::kit::rows::Rows;

const REPEATS: usize = 100;
/// The repeats are looked at in parts of so many.
const PART: usize = 20;
const QUARTER_OF_AN_HOUR_US: i64 = 900_000_000;
/// Sixteen meters for sixteen hours.
const LONG: Shape = Shape { buildings: 4, floors: 4, interval_us: QUARTER_OF_AN_HOUR_US, anomaly_rate: 0.02 };
const LONG_ROWS: usize = 1_024;
/// State that has become so much longer in the second half of the run holds a history.
const MOST_STATE_GROWTH: f64 = 1.5;
/// Far enough from every usual value.
const UNUSUAL: f64 = 100.0;

/// The same day of sixteen meters a hundred times, each later than the last.
pub(super) fn memory(subject: &Subject) -> Verdict {
    let readings = made_up(LONG, &subject.description.inputs, LONG_ROWS);
    let rows = Rows::new(&readings, &subject.description.inputs);
    let span_us = QUARTER_OF_AN_HOUR_US * LONG_ROWS as i64 / 16;
    let mut driver = Driver::new(&subject.setup, &rows).map_err(|fault| fault.to_string())?;
    let (mut memory, mut state) = (Vec::new(), Vec::new());
    for repeat in 0..REPEATS {
        driver.set_shift(repeat as i64 * span_us);
        let number = repeat + 1;
        driver.send(0..rows.count()).map_err(|fault| failed(&format!("in batch {number} of {REPEATS}"), &fault))?;
        if number % PART == 0 {
            let states = driver.export().map_err(|fault| failed("at export", &fault))?;
            state.push(states.iter().map(|(_, bytes)| bytes.len()).sum::<usize>());
            memory.push(driver.memory_bytes());
        }
    }
    grows(&memory, &state).map_or(Ok(()), Err)?;
    let (first, last, most) = (mebibytes(memory[0]), mebibytes(memory[memory.len() - 1]), mebibytes(subject.limits.memory));
    Ok(format!("{first:.1} MiB after {PART} batches of {LONG_ROWS} readings, {last:.1} after {REPEATS}, of {most:.0}"))
}

/// What grows without end. Memory may grow in steps, so only one that grows in every part does.
fn grows(memory: &[usize], state: &[usize]) -> Option<String> {
    let readings = REPEATS * LONG_ROWS;
    if memory.windows(2).all(|pair| pair[0] < pair[1]) {
        let (first, last) = (mebibytes(memory[0]), mebibytes(memory[memory.len() - 1]));
        return Some(format!(
            "memory grew all along, from {first:.1} to {last:.1} MiB in {readings} readings; drop what is kept too long"
        ));
    }
    let (half, last) = (state[state.len() / 2 - 1], state[state.len() - 1]);
    let is_history = last as f64 > half as f64 * MOST_STATE_GROWTH;
    is_history.then(|| {
        format!("state grew from {half} to {last} bytes in {readings} readings of 16 meters; keep a summary, not all readings")
    })
}

/// A lane's largest batch, after an ordinary one: all values far from what is usual.
pub(super) fn output(subject: &Subject) -> Verdict {
    let mut readings = made_up(MADE_UP, &subject.description.inputs, 2 * LARGEST_BATCH);
    for value in readings[LARGEST_BATCH..].iter_mut().flat_map(|reading| reading.fields.values_mut()) {
        if let Some(number) = value.as_f64() {
            *value = Value::from(number * UNUSUAL);
        }
    }
    let rows = Rows::new(&readings, &subject.description.inputs);
    let mut driver = Driver::new(&subject.setup, &rows).map_err(|fault| fault.to_string())?;
    let mut slowest = Duration::ZERO;
    for range in [0..LARGEST_BATCH, LARGEST_BATCH..rows.count()] {
        let started = clock::monotonic();
        driver.send(range).map_err(|fault| failed(&format!("on {LARGEST_BATCH} unusual readings in one batch"), &fault))?;
        slowest = slowest.max(started.elapsed());
    }
    let (most_ms, memory) = (millis(subject.limits.batch_time), mebibytes(driver.memory_bytes()));
    Ok(format!("{LARGEST_BATCH} unusual readings in one batch, {:.1} of {most_ms:.0} ms, with {memory:.1} MiB", millis(slowest)))
}

#[cfg(test)]
mod tests {
    use super::grows;

    #[test]
    fn only_what_grows_all_along_is_unbounded() {
        let flat = [100; 5];
        assert_eq!(grows(&[1, 2, 2, 4, 4], &flat), None);
        assert!(grows(&[1, 2, 3, 4, 5], &flat).unwrap().contains("memory grew all along"));
        assert!(grows(&[1; 5], &[20, 40, 60, 80, 100]).unwrap().contains("keep a summary"));
        assert_eq!(grows(&[1; 5], &[20, 90, 98, 100, 100]), None);
    }
}
