//! What a plugin keeps goes with the meter: to another lane, another version, another day.

use super::Verdict;
use super::subject::{LARGEST_BATCH, Subject, failed};
use crate::kit::driver::{Driver, lines_with_moves};
use crate::kit::rows::Rows;

/// A run is cut into so many parts.
const PARTS: usize = 8;
/// Meters that go on alone.
const ALONE: usize = 3;

pub(super) fn moves(subject: &Subject) -> Verdict {
    let length = subject.rows.count().div_ceil(PARTS).min(LARGEST_BATCH);
    let how = format!("with all state moved to a fresh instance after each {length} readings");
    let lines = lines_with_moves(&subject.setup, &subject.rows, length).map_err(|fault| failed(&how, &fault))?;
    subject.same(&subject.all(), &lines, &how, remedy(subject))?;
    if !subject.description.stateful {
        return Ok("a fresh instance goes on as the last one: it keeps nothing, as it says".into());
    }
    Ok(format!("a fresh instance goes on to the bit, after each {length} readings"))
}

fn remedy(subject: &Subject) -> &'static str {
    if subject.description.stateful {
        "what `export-state` writes must hold all that an answer depends on"
    } else {
        "it keeps something between batches: describe it as stateful, and export it"
    }
}

/// Each of some meters goes on in an instance that knows no other.
pub(super) fn per_meter(subject: &Subject) -> Verdict {
    if !subject.description.stateful {
        return Ok("it keeps nothing".into());
    }
    let half = subject.rows.count() / 2;
    let mut first = Driver::new(&subject.setup, &subject.rows).map_err(|fault| failed("at its start", &fault))?;
    for from in (0..half).step_by(LARGEST_BATCH) {
        first.send(from..(from + LARGEST_BATCH).min(half)).map_err(|fault| failed("on the first half", &fault))?;
    }
    let states = first.export().map_err(|fault| failed("at export", &fault))?;
    if states.is_empty() {
        return Err("it says that it keeps state, and exports none; export it, or describe it as not stateful".into());
    }
    for (meter, state) in states.iter().take(ALONE) {
        goes_on_alone(subject, half, *meter, state.clone())?;
    }
    let bytes: usize = states.iter().map(|(_, state)| state.len()).sum();
    Ok(format!("a meter goes on to the bit without the others; {} bytes for a meter", bytes / states.len()))
}

fn goes_on_alone(subject: &Subject, half: usize, meter: u32, state: Vec<u8>) -> Result<(), String> {
    let of: Vec<usize> = (half..subject.rows.count()).filter(|&reading| subject.rows.meters[reading] == meter).collect();
    if of.is_empty() {
        return Ok(());
    }
    let how = "when only its own meter's state is taken over";
    let rows = Rows::new(of.iter().map(|&reading| &subject.readings[reading]), &subject.description.inputs);
    // Alone, it is the first meter.
    let mut alone = Driver::from_states(&subject.setup, &rows, &vec![(0, state)]).map_err(|fault| failed(how, &fault))?;
    let mut lines = Vec::new();
    for from in (0..of.len()).step_by(LARGEST_BATCH) {
        lines.extend(alone.lines(from..(from + LARGEST_BATCH).min(of.len())).map_err(|fault| failed(how, &fault))?);
    }
    subject.same(&of, &lines, how, "a meter's state must hold all that is known about it, and nothing about others")
}
