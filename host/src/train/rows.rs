//! Training rows out of recorded readings.

use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};

use crate::config::Config;
use crate::domain::EventTime;
use crate::readings_file::{Recorded, for_each_line};

/// Column by column.
pub(super) struct Rows {
    pub(super) columns: Vec<Vec<f64>>,
    pub(super) kept: usize,
    /// Not JSON, a feature missing or not a finite number, or no time where one was asked for.
    pub(super) skipped: usize,
}

/// From when to when.
pub(super) struct Period {
    since: Option<EventTime>,
    until: Option<EventTime>,
}

impl Period {
    pub(super) fn new(since: Option<&str>, until: Option<&str>) -> anyhow::Result<Self> {
        let time = |name: &str, text: Option<&str>| {
            text.map(|text| EventTime::parse(text).with_context(|| format!("--{name} {text} is not a time"))).transpose()
        };
        Ok(Self { since: time("since", since)?, until: time("until", until)? })
    }

    fn is_all(&self) -> bool {
        self.since.is_none() && self.until.is_none()
    }

    fn has(&self, time: EventTime) -> bool {
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
    }
}

impl Rows {
    fn none(features: &[String]) -> anyhow::Result<Self> {
        ensure!(!features.is_empty() && features.iter().all(|f| !f.is_empty()), "--features names no column");
        Ok(Self { columns: vec![Vec::new(); features.len()], kept: 0, skipped: 0 })
    }

    /// Keeps a row with a value for each feature.
    fn take(&mut self, values: &[f64], mut progress: impl FnMut(usize)) {
        if values.len() < self.columns.len() {
            self.skipped += 1;
            return;
        }
        self.columns.iter_mut().zip(values).for_each(|(column, value)| column.push(*value));
        self.kept += 1;
        if self.kept.is_multiple_of(10_000) {
            progress(self.kept);
        }
    }
}

/// Readings as the host sees them: decoded, in the measures' units, counters as what they have grown by.
pub(super) fn of_readings(
    files: &[PathBuf],
    features: &[String],
    period: &Period,
    config: &Config,
    mut progress: impl FnMut(usize),
) -> anyhow::Result<Rows> {
    let mut rows = Rows::none(features)?;
    let measures = config.measure_names();
    let column = |feature: &String| {
        let place = measures.iter().position(|measure| measure == feature);
        place.with_context(|| format!("no measure `{feature}` in the configuration; there are {}", measures.join(", ")))
    };
    let columns = features.iter().map(column).collect::<anyhow::Result<Vec<_>>>()?;
    let (mut recorded, mut values) = (Recorded::new(config), Vec::new());
    for file in files {
        recorded.for_each_batch(file, |batch, _| {
            for row in (0..batch.len()).filter(|row| period.has(batch.event_time(*row))) {
                values.clear();
                values.extend(columns.iter().map(|column| batch.measures[*column][row]).filter(|value| value.is_finite()));
                rows.take(&values, &mut progress);
            }
            Ok(())
        })?;
    }
    rows.skipped += usize::try_from(recorded.broken).unwrap_or(usize::MAX);
    ensure!(rows.kept > 0, "no rows to train on: {} broken ones skipped", rows.skipped);
    Ok(rows)
}

/// The numbers of each row under the names of the features.
pub(super) fn as_they_are(
    files: &[PathBuf],
    features: &[String],
    period: &Period,
    mut progress: impl FnMut(usize),
) -> anyhow::Result<Rows> {
    let mut rows = Rows::none(features)?;
    let mut values = Vec::new();
    let mut known: Vec<String> = Vec::new();
    for file in files {
        for_each_line(file, |line| {
            let Ok(serde_json::Value::Object(fields)) = serde_json::from_slice(line) else {
                rows.skipped += 1;
                return Ok(());
            };
            if !period.is_all() {
                match fields.get("timestamp").and_then(|t| t.as_str()).and_then(EventTime::parse) {
                    Some(time) if period.has(time) => {}
                    Some(_) => return Ok(()),
                    None => {
                        rows.skipped += 1;
                        return Ok(());
                    }
                }
            }
            if known.is_empty() {
                known = fields.keys().cloned().collect();
            }
            values.clear();
            values.extend(features.iter().filter_map(|feature| fields.get(feature)?.as_f64()));
            rows.take(&values, &mut progress);
            Ok(())
        })?;
    }
    if rows.kept == 0 && !known.is_empty() {
        let unknown: Vec<_> = features.iter().filter(|feature| !known.contains(feature)).cloned().collect();
        if !unknown.is_empty() {
            bail!("no column `{}`; there are {}", unknown.join("`, `"), known.join(", "));
        }
    }
    ensure!(rows.kept > 0, "no rows to train on: {} broken ones skipped", rows.skipped);
    Ok(rows)
}
