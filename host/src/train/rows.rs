//! Training rows out of recorded readings.

use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};

use crate::config::{Config, Input};
use crate::decode::Decoder;
use crate::domain::{EventTime, Message};
use crate::readings_file::{ReadingsFile, Record, Recorded, Taken, Tally, for_each_record};
use crate::wording::count;

/// Column by column.
pub(super) struct Rows {
    pub(super) columns: Vec<Vec<f64>>,
    /// Of each row: its file and line.
    places: Vec<(u32, u64)>,
    files: Vec<String>,
    /// Records of the files.
    pub(super) read: u64,
    /// No readings, or without a feature.
    pub(super) unusable: Tally,
    /// Before `--since`, or from `--until` on.
    pub(super) outside: u64,
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
    fn none(features: &[String], files: &[PathBuf]) -> anyhow::Result<Self> {
        ensure!(!features.is_empty() && features.iter().all(|f| !f.is_empty()), "--features names no column");
        let name = |file: &PathBuf| file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self {
            columns: vec![Vec::new(); features.len()],
            places: Vec::new(),
            files: files.iter().map(name).collect(),
            read: 0,
            unusable: Tally::default(),
            outside: 0,
        })
    }

    pub(super) fn kept(&self) -> usize {
        self.places.len()
    }

    /// The line of a row, with its file where there are several.
    pub(super) fn line(&self, row: usize) -> String {
        let (file, line) = self.places[row];
        line_of(&self.files, file, line)
    }

    /// Leaves rows out; ascending.
    pub(super) fn leave_out(&mut self, rows: &[usize]) {
        let keep = |index: usize| rows.binary_search(&index).is_err();
        for column in &mut self.columns {
            let mut row = 0..;
            column.retain(|_| keep(row.next().unwrap_or_default()));
        }
        let mut row = 0..;
        self.places.retain(|_| keep(row.next().unwrap_or_default()));
    }

    /// Keeps a row with a value for each feature.
    fn take(&mut self, features: &[String], place: (u32, u64), values: &[Option<f64>], mut progress: impl FnMut(usize)) {
        if let Some(missing) = values.iter().position(Option::is_none) {
            let files = &self.files;
            self.unusable.add(&format!("no number in `{}`", features[missing]), || line_of(files, place.0, place.1), String::new);
            return;
        }
        self.columns.iter_mut().zip(values).for_each(|(column, value)| column.extend(*value));
        self.places.push(place);
        if self.kept().is_multiple_of(10_000) {
            progress(self.kept());
        }
    }

    fn reject(&mut self, word: &str, place: (u32, u64), example: impl FnOnce() -> String) {
        let files = &self.files;
        self.unusable.add(word, || line_of(files, place.0, place.1), example);
    }

    /// Where most records are none, a model of the rest would be of who knows what.
    fn check(self) -> anyhow::Result<Self> {
        let unusable = self.unusable.records();
        let considered = self.kept() as u64 + unusable;
        let reasons = || self.unusable.text().join("; ");
        ensure!(
            considered > 0 || self.outside == 0,
            "no rows to train on: all {} lie outside --since and --until",
            count(self.outside, "reading")
        );
        ensure!(considered > 0, "no rows to train on: {} holds no records", self.files.join(", "));
        ensure!(self.kept() > 0, "no rows to train on: none of {} can be used: {}", count(considered, "record"), reasons());
        ensure!(
            unusable * 2 <= considered,
            "{} of {} cannot be used, more than half: {}",
            crate::wording::thousands(unusable),
            count(considered, "record"),
            reasons()
        );
        Ok(self)
    }
}

fn line_of(files: &[String], file: u32, line: u64) -> String {
    match files {
        [_] => line.to_string(),
        files => format!("{}:{line}", files[file as usize]),
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
    let mut rows = Rows::none(features, files)?;
    let measures = config.measure_names();
    let column = |feature: &String| {
        let place = measures.iter().position(|measure| measure == feature);
        place.with_context(|| {
            format!(
                "no measure `{feature}` in the configuration; there are {}: name features among them in --features",
                measures.join(", ")
            )
        })
    };
    let columns = features.iter().map(column).collect::<anyhow::Result<Vec<_>>>()?;
    let (mut recorded, mut values) = (Recorded::new(config, &config.input), Vec::new());
    let names = rows.files.clone();
    for (index, path) in (0u32..).zip(files) {
        let file = ReadingsFile::open(path, Some(config))?;
        file.say();
        recorded.decode_by(&file.input);
        let skipped = recorded.for_each_batch(
            &file,
            |line| line_of(&names, index, line),
            |Taken { batch, lines, .. }| {
                for (row, line) in (0..batch.len()).zip(lines) {
                    if !period.has(batch.event_time(row)) {
                        rows.outside += 1;
                        continue;
                    }
                    values.clear();
                    values.extend(
                        columns.iter().map(|column| Some(batch.measures[*column][row]).filter(|value| value.is_finite())),
                    );
                    rows.take(features, (index, *line), &values, &mut progress);
                }
                Ok(())
            },
        )?;
        file.say_skipped(&skipped);
    }
    rows.read = recorded.read;
    rows.unusable.append(recorded.broken);
    rows.check()
}

/// The numbers of each row under the names of the features.
pub(super) fn as_they_are(
    files: &[PathBuf],
    features: &[String],
    period: &Period,
    mut progress: impl FnMut(usize),
) -> anyhow::Result<Rows> {
    let mut rows = Rows::none(features, files)?;
    let mut values = Vec::new();
    let mut known: Vec<String> = Vec::new();
    let mut decoder = Decoder::new(&Input::default());
    for (index, file) in (0u32..).zip(files) {
        for_each_record(file, |Record { line, json }| {
            rows.read += 1;
            let place = (index, line);
            let fields = match serde_json::from_slice(json) {
                Ok(serde_json::Value::Object(fields)) => fields,
                Ok(_) => {
                    rows.reject("not an object", place, String::new);
                    return Ok(());
                }
                Err(error) => {
                    rows.reject("not JSON", place, || error.to_string());
                    return Ok(());
                }
            };
            if !period.is_all() {
                match decoder.time(&Message::of(json)) {
                    Some(time) if period.has(time) => {}
                    Some(_) => {
                        rows.outside += 1;
                        return Ok(());
                    }
                    None => {
                        rows.reject("no time in `timestamp`", place, String::new);
                        return Ok(());
                    }
                }
            }
            if known.is_empty() {
                known = fields.keys().cloned().collect();
            }
            values.clear();
            values.extend(features.iter().map(|feature| fields.get(feature)?.as_f64()));
            rows.take(features, place, &values, &mut progress);
            Ok(())
        })?;
    }
    if rows.kept() == 0 && !known.is_empty() {
        let unknown: Vec<_> = features.iter().filter(|feature| !known.contains(feature)).cloned().collect();
        if !unknown.is_empty() {
            bail!("no column `{}`; there are {}: name features among them in --features", unknown.join("`, `"), known.join(", "));
        }
    }
    rows.check()
}
