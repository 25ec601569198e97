//! A plugin that has answered all readings once; every other way to ask must give the same answers.

use serde_json::Value;
use wattdog_plugin_runtime::{Description, Fault, Limits};

use crate::generate::Shape;
use crate::kit::component::Setup;
use crate::kit::driver::lines_in_batches;
use crate::kit::readings::{Reading, made_up};
use crate::kit::rows::Rows;
use crate::wording::count;

/// Four meters, hour by hour: slow averages see weeks in some thousand readings.
pub(super) const MADE_UP: Shape = Shape { buildings: 2, floors: 2, interval_us: 3_600_000_000, anomaly_rate: 0.02 };
/// Five weeks.
const MADE_UP_COUNT: usize = 5 * 7 * 24 * 4;
/// A lane's largest batch.
pub(super) const LARGEST_BATCH: usize = 4_096;

pub(super) struct Subject {
    pub(super) limits: Limits,
    pub(super) setup: Setup,
    pub(super) description: Description,
    pub(super) readings: Vec<Reading>,
    pub(super) rows: Rows,
    /// What it says of each, in batches as large as a lane's.
    pub(super) lines: Vec<Value>,
}

impl Subject {
    pub(super) fn new(
        limits: Limits,
        setup: Setup,
        description: Description,
        given: Option<Vec<Reading>>,
        recorded: Vec<Reading>,
    ) -> Result<(Self, String), String> {
        let (readings, text) = match given {
            Some(given) => {
                let text = count(given.len(), "reading");
                (given, text)
            }
            None => {
                let mut readings = made_up(MADE_UP, &description.inputs, MADE_UP_COUNT);
                let text = format!("{} and {} of its cases", count(readings.len(), "made-up reading"), recorded.len());
                // Recorded ones have their own dates, mostly later ones; before them is the past.
                readings.extend(recorded);
                (readings, text)
            }
        };
        let rows = Rows::new(&readings, &description.inputs);
        let lines = lines_in_batches(&setup, &rows, LARGEST_BATCH).map_err(|fault| failed("on ordinary readings", &fault))?;
        let text = format!("{text}, {}: {}", count(rows.meter_count(), "meter"), outcome(&lines));
        Ok((Self { limits, setup, description, readings, rows, lines }, text))
    }

    /// Are these the same answers? `lines` are of the readings with the same place in `of`.
    pub(super) fn same(&self, of: &[usize], lines: &[Value], how: &str, remedy: &str) -> Result<(), String> {
        let Some((&reading, says)) = of.iter().zip(lines).find(|&(&reading, says)| self.lines[reading] != *says) else {
            return Ok(());
        };
        let (meter, time, otherwise) = (self.readings[reading].meter(), self.readings[reading].time, &self.lines[reading]);
        let number = reading + 1;
        Err(format!("reading {number} ({meter}, {time}) gets {says} {how}, and {otherwise} else; {remedy}"))
    }

    /// The places of all readings, in order.
    pub(super) fn all(&self) -> Vec<usize> {
        (0..self.readings.len()).collect()
    }
}

/// Detectors that judge nothing are checked too, and their authors should know.
fn outcome(lines: &[Value]) -> String {
    let judged = lines.iter().filter(|line| line.get("score").is_some_and(Value::is_number)).count();
    let found = lines.iter().filter(|line| line.get("severity").is_some()).count();
    match lines.first().is_some_and(|line| line.get("score").is_some()) {
        true => format!("{judged} judged, {found} found"),
        false => "all enriched".into(),
    }
}

/// A fault in the midst of a check.
pub(super) fn failed(when: &str, fault: &Fault) -> String {
    format!("it fails {when}: {fault}; the log above has its own words, if it had any")
}
