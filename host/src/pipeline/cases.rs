//! Recorded readings and the truth beside them, in `tests/registers` and `tests/messages`: one folder for each case, taken
//! through a lane's stages.
//!
//! `wattdog.toml` is the configuration, `readings.jsonl` the log, `truth.toml` what must come of it. Each case runs whole, in batches
//! of one and of three readings, and with a restart from stored state after each batch: the outcome is the same.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::homes::Homes;
use super::lane::Shared;
use super::progress::Progress;
use super::stages::Stages;
use crate::config::{Config, load};
use crate::domain::Message;
use crate::kafka::Settings;
use crate::metrics::Metrics;
use crate::registry::Lineups;
use crate::results::{Outbox, ResultTopic};
use crate::state::{LaneState, StateWriter, StoredLane};

/// What must come of a case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Truth {
    /// What the case is about, for the reader.
    about: String,
    /// Of all windows, by measure.
    sum: BTreeMap<String, f64>,
    /// No window's sum of the first measure is above it.
    highest: f64,
    /// Reasons of dead letters, in any order.
    #[serde(default)]
    rejected: Vec<String>,
    /// Sums of the first measure of some windows, by their start.
    #[serde(default)]
    windows: BTreeMap<String, f64>,
}

/// What came of it: the last row of each window, and the reason of each dead letter.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    windows: BTreeMap<(String, String), Value>,
    rejected: Vec<String>,
}

impl Outcome {
    fn take(&mut self, outbox: &mut Outbox) {
        for record in outbox.records() {
            match record.topic {
                ResultTopic::Aggregations => {
                    let row: Value = serde_json::from_slice(record.value.unwrap()).unwrap();
                    let text = |name: &str| row[name].as_str().unwrap().to_owned();
                    let key = (text("building"), text("window_start"));
                    self.windows.insert(key, row);
                }
                ResultTopic::DeadLetters => {
                    let (_, reason) = record.headers.iter().find(|(name, _)| *name == "reason").unwrap();
                    self.rejected.push(String::from_utf8(reason.clone()).unwrap());
                }
                other => panic!("a record for {other:?}"),
            }
        }
        outbox.clear();
    }

    fn sums(&self, measure: &str) -> impl Iterator<Item = (&str, f64)> {
        let column = format!("sum_{measure}");
        self.windows.iter().filter_map(move |((_, start), row)| Some((start.as_str(), row[&column].as_f64()?)))
    }
}

fn shared(config: Config) -> Arc<Shared> {
    let settings = Settings { bootstrap: String::new(), properties: BTreeMap::new(), partitioner: Default::default() };
    let (metrics, _) = Metrics::new();
    let homes = Arc::new(Homes::new(metrics.split_buildings.clone()));
    Arc::new(Shared {
        config,
        settings,
        compacted: false,
        lineups: Arc::new(Lineups::default()),
        metrics,
        homes,
        progress: Arc::new(Progress::default()),
        planted: None,
    })
}

/// Takes readings through a lane that lives for one batch each time, or for all.
fn run(config: &Config, readings: &[&[u8]], batch: usize, restarts: bool) -> Outcome {
    let shared = shared(config.clone());
    let mut outcome = Outcome::default();
    let (mut stages, mut state) = (Stages::new(Arc::clone(&shared), 0), LaneState::new(config));
    let (mut writer, mut topic) = (StateWriter::new(config, Vec::new()), BTreeMap::<Vec<u8>, Vec<u8>>::new());
    for (number, part) in readings.chunks(batch).enumerate() {
        let first = (number * batch) as i64;
        let message = |(offset, payload)| Message { offset, ..Message::of(payload) };
        let messages: Vec<_> = (first..).zip(part.iter().copied()).map(message).collect();
        stages.process(&messages, &mut state);
        outcome.take(&mut stages.results.outbox);
        if restarts {
            let next = state.next_offset.unwrap();
            writer.write(&mut state, std::iter::empty(), next, &mut stages.results.outbox);
            for record in stages.results.outbox.records() {
                match record.value {
                    Some(value) => drop(topic.insert(record.key.unwrap().to_vec(), value.to_vec())),
                    None => drop(topic.remove(record.key.unwrap())),
                }
            }
            stages.results.outbox.clear();
            let mut stored = StoredLane::new(config);
            topic.iter().for_each(|(key, value)| stored.take(key.clone(), Some(value.clone())));
            let restored = stored.restore(config).unwrap();
            (state, writer) = (restored.state, restored.writer);
            stages = Stages::new(Arc::clone(&shared), 0);
        }
    }
    state.windows.publish_open(|building, window| stages.results.window(&state.meters, building, window));
    outcome.take(&mut stages.results.outbox);
    // A batch is decoded before any of it is put into windows.
    outcome.rejected.sort();
    outcome
}

fn check(folder: &Path) -> Result<(), String> {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut truth: Truth = toml::from_str(&read("truth.toml")).map_err(|error| error.to_string())?;
    let config = load(Some(&folder.join("wattdog.toml")), []).map_err(|error| error.to_string())?;
    let text = read("readings.jsonl");
    let readings: Vec<&[u8]> = text.lines().map(str::as_bytes).collect();
    let outcome = run(&config, &readings, readings.len(), false);
    for (batch, restarts) in [(1, false), (3, false), (1, true), (3, true)] {
        let other = run(&config, &readings, batch, restarts);
        if other != outcome {
            return Err(format!("in batches of {batch}, restarts {restarts}: {other:#?}, not {outcome:#?}"));
        }
    }
    let wrong = |what: &str| Err(format!("{what}; {} {outcome:#?}", truth.about));
    truth.rejected.sort();
    if outcome.rejected != truth.rejected {
        return wrong(&format!("rejected {:?}, not {:?}", outcome.rejected, truth.rejected));
    }
    let is_near = |one: f64, other: f64| (one - other).abs() < 1e-6;
    for (measure, sum) in &truth.sum {
        let found: f64 = outcome.sums(measure).map(|(_, sum)| sum).sum();
        if !is_near(found, *sum) {
            return wrong(&format!("the sum of {measure} is {found}, not {sum}"));
        }
    }
    let first = truth.sum.keys().next().expect("a case has a sum");
    if let Some((start, sum)) = outcome.sums(first).find(|(_, sum)| *sum > truth.highest + 1e-6) {
        return wrong(&format!("{sum} in the window of {start} is above {}", truth.highest));
    }
    for (start, sum) in &truth.windows {
        if !outcome.sums(first).any(|(of, found)| of == start && is_near(found, *sum)) {
            return wrong(&format!("the window of {start} does not have {sum}"));
        }
    }
    Ok(())
}

/// Checks every case of a folder of `tests`.
fn check_all(folder: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut cases: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    let wrong: Vec<_> = cases.iter().filter_map(|case| Some(format!("{}: {}", case.display(), check(case).err()?))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!cases.is_empty());
}

#[test]
fn registers_are_counted_as_the_truth_beside_them_says() {
    check_all("registers");
}

#[test]
fn messages_are_read_as_the_truth_beside_them_says() {
    check_all("messages");
}
