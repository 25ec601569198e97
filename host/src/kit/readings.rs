//! Readings for a plugin to be tried on: recorded ones with whatever fields they have, or made-up ones.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use serde_json::{Map, Value};
use wattdog_plugin_runtime::{ColumnSpec, ColumnType};

use crate::decode::time_from_number;
use crate::domain::EventTime;
use crate::generate::{Campus, Shape};
use crate::readings_file::for_each_line;

/// 2026-01-01T00:00:00Z
const START: EventTime = EventTime(1_767_225_600_000_000);
const SEED: u64 = 42;
/// What the generator makes by itself.
const GENERATED: [&str; 2] = ["electricity", "water"];

/// One reading, with the columns of enrichers among its fields.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Event time.
    pub time: EventTime,
    /// Its building.
    pub building: String,
    /// Its floor, where it has one.
    pub floor: Option<String>,
    /// All fields by name.
    pub fields: Map<String, Value>,
}

impl Reading {
    /// Reads a JSON object with the names of the default configuration.
    ///
    /// # Errors
    /// Naming the field that is wrong.
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        let fields: Map<String, Value> =
            serde_json::from_slice(line).map_err(|error| format!("a reading is a JSON object: {error}"))?;
        let time = match fields.get("timestamp") {
            Some(Value::String(text)) => EventTime::parse(text),
            Some(Value::Number(number)) => time_from_number(&number.to_string()),
            _ => None,
        };
        let time = time.ok_or("`timestamp` must be there, such as \"2026-11-24T08:00:00Z\"")?;
        let building = name(&fields, "building").ok_or("`building` must be there, a text or a number")?;
        let floor = name(&fields, "floor");
        Ok(Self { time, building, floor, fields })
    }

    /// The meter's name, as a host makes it.
    #[must_use]
    pub fn meter(&self) -> String {
        self.floor.as_ref().map_or_else(|| self.building.clone(), |floor| format!("{}/{floor}", self.building))
    }
}

/// Names are text; a number is one as it stands.
fn name(fields: &Map<String, Value>, field: &str) -> Option<String> {
    match fields.get(field)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Reads a file of readings: JSON lines or CSV, `.gz` of both; no more than `most`.
///
/// # Errors
/// Naming the file and the record that is no reading.
pub fn read_readings(file: &Path, most: usize) -> anyhow::Result<Vec<Reading>> {
    let mut readings = Vec::new();
    let mut record = 0;
    for_each_line(file, |line| {
        record += 1;
        if readings.len() < most {
            let of_record = |reason| anyhow!("{}, record {record}: {reason}; correct or remove it", file.display());
            readings.push(Reading::parse(line).map_err(of_record)?);
        }
        Ok(())
    })?;
    readings.first().with_context(|| format!("{} has no readings", file.display()))?;
    Ok(readings)
}

/// Made-up readings of a campus for these inputs, interval by interval; what no campus has gets values by the row.
#[must_use]
pub fn made_up(shape: Shape, inputs: &[ColumnSpec], count: usize) -> Vec<Reading> {
    let with_inputs = |(row, reading): (usize, crate::generate::Reading)| {
        let mut reading = Reading::parse(reading.json().as_bytes()).expect("the generator makes readings");
        for (input, spec) in inputs.iter().enumerate().filter(|(_, spec)| !GENERATED.contains(&spec.name.as_str())) {
            let value = match spec.type_ {
                ColumnType::Float => (100.0 * (1.0 + input as f64) + 50.0 * (row as f64 / 10.0).sin()).into(),
                ColumnType::Text => ["one", "other", "third"][row % 3].into(),
            };
            reading.fields.insert(spec.name.clone(), value);
        }
        reading
    };
    Campus::new(shape, START, SEED).take(count).enumerate().map(with_inputs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_names_its_meter_as_a_host_does() {
        let meter = |line: &str| Reading::parse(line.as_bytes()).map(|reading| reading.meter());
        assert_eq!(meter(r#"{"timestamp":"2026-11-24T08:00:00Z","building":"A","floor":2}"#).unwrap(), "A/2");
        assert_eq!(meter(r#"{"timestamp":1767225600,"building":"A","floor":null}"#).unwrap(), "A");
        assert_eq!(meter(r#"{"timestamp":1767225600,"building":541}"#).unwrap(), "541");
        assert!(meter(r#"{"timestamp":"now","building":"A"}"#).unwrap_err().contains("`timestamp`"));
        assert!(meter(r#"{"timestamp":1767225600}"#).unwrap_err().contains("`building`"));
    }
}
