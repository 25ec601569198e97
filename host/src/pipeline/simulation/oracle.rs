//! What must come out of an input, told once more in the plainest way, and compared with what came out.

use std::collections::BTreeMap;

use serde_json::Value;

use super::UNBEARABLE;
use super::broker::{Input, Output};
use crate::results::ResultTopic;

const WINDOW: i64 = 30;
const LATENESS: i64 = 120;

#[derive(Clone, Debug, Default, PartialEq)]
struct Row {
    count: i64,
    sum: f64,
    revision: i64,
    is_final: bool,
}

#[derive(Debug, Default, PartialEq)]
pub(super) struct Expected {
    /// (building, window start in seconds)
    windows: BTreeMap<(String, i64), Row>,
    /// Offset to the number of the reading among those of its meter.
    findings: BTreeMap<i64, i64>,
    /// (kind, reason) by offset.
    dead_letters: BTreeMap<i64, (String, String)>,
}

impl Expected {
    pub(super) fn of(input: &[Input]) -> Self {
        let mut expected = Self::default();
        let (mut watermarks, mut seen) = (BTreeMap::<String, i64>::new(), BTreeMap::<String, i64>::new());
        for (offset, message) in (0..).zip(input) {
            let mut set_aside = |kind: &str, reason: &str| {
                expected.dead_letters.insert(offset, (kind.to_owned(), reason.to_owned()));
            };
            let Ok(reading) = serde_json::from_slice::<Value>(&message.payload) else {
                set_aside("reading", "not-json");
                continue;
            };
            let building = reading["building"].as_str().unwrap().to_owned();
            let (second, value) = (reading["timestamp"].as_i64().unwrap(), reading["electricity"].as_f64().unwrap());
            let start = second - second.rem_euclid(WINDOW);
            let watermark = watermarks.get(&building).copied().unwrap_or(i64::MIN);
            if start + WINDOW + LATENESS <= watermark {
                set_aside("reading", "late");
                continue;
            }
            if value == UNBEARABLE {
                set_aside("scoring", "plugin");
            } else {
                let seen = seen.entry(format!("{building}/{}", reading["floor"])).or_default();
                *seen += 1;
                expected.findings.insert(offset, *seen);
            }
            let watermark = watermark.max(second);
            watermarks.insert(building.clone(), watermark);
            for ((of, start), row) in &mut expected.windows {
                row.is_final |= *of == building && start + WINDOW <= watermark;
            }
            let row = expected.windows.entry((building, start)).or_default();
            row.count += 1;
            row.sum += value;
            if start + WINDOW <= watermark {
                row.revision += i64::from(row.is_final);
                row.is_final = true;
            }
        }
        expected
    }

    pub(super) fn compare(&self, results: &[Output]) -> Result<(), String> {
        let mut found = Self::default();
        for result in results {
            match result.topic {
                ResultTopic::Aggregations => found.take_window(result),
                ResultTopic::Anomalies => {
                    let row = json(result);
                    let context: Value = row["context"].clone();
                    let seen = context["seen"].as_f64().unwrap() as i64;
                    let offset = row["source_offset"].as_i64().unwrap();
                    if found.findings.insert(offset, seen).is_some() {
                        return Err(format!("the finding of offset {offset} is doubled"));
                    }
                }
                ResultTopic::DeadLetters => {
                    let offset = result.headers["offset"].parse().unwrap();
                    let word = |name: &str| result.headers[name].clone();
                    if found.dead_letters.insert(offset, (word("kind"), word("reason"))).is_some() {
                        return Err(format!("the dead letter of offset {offset} is doubled"));
                    }
                }
                other => return Err(format!("a record for {other:?}")),
            }
        }
        same("dead letter", &self.dead_letters, &found.dead_letters)?;
        same("finding", &self.findings, &found.findings)?;
        same("window", &self.windows, &found.windows)
    }

    /// The last row of a window is the true one.
    fn take_window(&mut self, result: &Output) {
        let row = json(result);
        assert_eq!(row["count_electricity"], row["count"], "every reading has electricity: {row}");
        let start: jiff::Timestamp = row["window_start"].as_str().unwrap().parse().unwrap();
        self.windows.insert(
            (row["building"].as_str().unwrap().to_owned(), start.as_second()),
            Row {
                count: row["count"].as_i64().unwrap(),
                sum: row["sum_electricity"].as_f64().unwrap(),
                revision: row["revision"].as_i64().unwrap(),
                is_final: row["final"].as_bool().unwrap(),
            },
        );
    }
}

fn json(result: &Output) -> Value {
    serde_json::from_slice(result.value.as_deref().unwrap()).unwrap()
}

fn same<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
    what: &str,
    expected: &BTreeMap<K, V>,
    found: &BTreeMap<K, V>,
) -> Result<(), String> {
    for (key, value) in expected {
        match found.get(key) {
            None => return Err(format!("{what} {key:?} is lost")),
            Some(other) if other != value => return Err(format!("{what} {key:?} is {other:?}, not {value:?}")),
            Some(_) => {}
        }
    }
    match found.keys().find(|key| !expected.contains_key(key)) {
        Some(key) => Err(format!("{what} {key:?} should not be")),
        None => Ok(()),
    }
}
