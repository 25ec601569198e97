//! Training rows out of recorded readings.

use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};

use crate::domain::EventTime;
use crate::readings_file::for_each_line;

/// Column by column.
pub(super) struct Rows {
    pub(super) columns: Vec<Vec<f64>>,
    pub(super) kept: usize,
    /// Not JSON, a feature missing or not a finite number, or no time where one was asked for.
    pub(super) skipped: usize,
}

pub(super) fn read(
    files: &[PathBuf],
    features: &[String],
    since: Option<&str>,
    until: Option<&str>,
    mut progress: impl FnMut(usize),
) -> anyhow::Result<Rows> {
    let time = |name: &str, text: Option<&str>| {
        text.map(|text| EventTime::parse(text).with_context(|| format!("--{name} {text} is not a time"))).transpose()
    };
    let (since, until) = (time("since", since)?, time("until", until)?);
    ensure!(!features.is_empty() && features.iter().all(|f| !f.is_empty()), "--features names no column");
    let mut rows = Rows { columns: vec![Vec::new(); features.len()], kept: 0, skipped: 0 };
    let mut values = Vec::new();
    let mut known: Vec<String> = Vec::new();
    for file in files {
        for_each_line(file, |line| {
            let Ok(serde_json::Value::Object(fields)) = serde_json::from_slice(line) else {
                rows.skipped += 1;
                return Ok(());
            };
            if since.is_some() || until.is_some() {
                let Some(at) = fields.get("timestamp").and_then(|t| t.as_str()).and_then(EventTime::parse) else {
                    rows.skipped += 1;
                    return Ok(());
                };
                if since.is_some_and(|since| at < since) || until.is_some_and(|until| at >= until) {
                    return Ok(());
                }
            }
            if known.is_empty() {
                known = fields.keys().cloned().collect();
            }
            values.clear();
            values.extend(features.iter().filter_map(|feature| fields.get(feature)?.as_f64()));
            if values.len() == features.len() {
                rows.columns.iter_mut().zip(&values).for_each(|(column, value)| column.push(*value));
                rows.kept += 1;
                if rows.kept.is_multiple_of(10_000) {
                    progress(rows.kept);
                }
            } else {
                rows.skipped += 1;
            }
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
