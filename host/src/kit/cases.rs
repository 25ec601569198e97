//! Folders of recorded cases, run against the component itself: `<case>/{plugin.toml, readings.jsonl, expected.jsonl}`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use serde_json::Value;
use wattdog_files::read_text;
use wattdog_plugin_runtime::Kind;

use super::component::Component;
use super::driver::{lines_in_batches, lines_with_moves};
use super::readings::read_readings;
use super::rows::Rows;
use crate::registry::{PluginKind, Sidecar};
use crate::wording::count;

/// Relative difference that another order of the same arithmetic may make.
const TOLERANCE: f64 = 1e-9;
/// Batch length of the run with moves: no divisor of a round number.
const PART: usize = 7;
/// Of a file of expected answers.
const MOST_BYTES: u64 = 1 << 30;
/// Differences that are shown of a case.
const SHOWN: usize = 3;

/// How a case ended.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "lowercase", tag = "result")]
pub enum Outcome {
    /// It said what was expected.
    Passed {
        /// How many readings.
        readings: usize,
    },
    /// `expected.jsonl` is what it says now.
    Updated {
        /// How many lines are other than before.
        changed: usize,
    },
    /// The case is for the other kind of plugin.
    Skipped,
    /// It said something else, or nothing.
    Failed {
        /// What, in a line or more.
        text: String,
    },
}

/// The folder of cases that belongs to a component: `testcases` beside it, or `<name>/testcases`.
#[must_use]
pub fn cases_of(component: &Path) -> Option<PathBuf> {
    let beside = component.with_file_name("testcases");
    let below = component.with_extension("").join("testcases");
    [beside, below].into_iter().find(|folder| folder.is_dir())
}

/// The cases in a folder, by name.
///
/// # Errors
/// When the folder cannot be read, or has none.
pub fn list_cases(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let is_case = |path: &PathBuf| path.join("readings.jsonl").is_file();
    let mut cases: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_case).collect();
    cases.sort();
    if cases.is_empty() {
        bail!("no cases in {}: a case is a folder with plugin.toml, readings.jsonl and expected.jsonl", folder.display());
    }
    Ok(cases)
}

/// Is the case for that kind of plugin? One that does not say is for detectors and enrichers.
///
/// # Errors
/// When its `plugin.toml` is broken.
pub fn is_for(case: &Path, kind: Kind) -> anyhow::Result<bool> {
    let wanted = match kind {
        Kind::Detector => PluginKind::Detector,
        Kind::Enricher => PluginKind::Enricher,
    };
    Ok(sidecar(case)?.kind.is_none_or(|kind| kind == wanted))
}

/// A case's `plugin.toml`, with its model relative to the case.
fn sidecar(case: &Path) -> anyhow::Result<Sidecar> {
    Sidecar::beside(&case.join("plugin.wasm")).map_err(|error| anyhow!(error))
}

/// Runs a case as one batch, and in parts with all state moved to a fresh instance in between.
#[must_use]
pub fn run_case(component: &Component, case: &Path, update: bool) -> Outcome {
    let outcome = || -> anyhow::Result<Outcome> {
        if !is_for(case, component.kind())? {
            return Ok(Outcome::Skipped);
        }
        let lines = lines_of(component, case)?;
        if update { write(case, &lines) } else { compare(case, &lines) }
    };
    outcome().unwrap_or_else(|error| Outcome::Failed { text: format!("{error:#}") })
}

fn lines_of(component: &Component, case: &Path) -> anyhow::Result<Vec<Value>> {
    let setup = component.configure_as(&sidecar(case)?).map_err(|reason| anyhow!("plugin.toml: {reason}"))?;
    let inputs = setup.start()?.description().inputs.clone();
    let readings = read_readings(&case.join("readings.jsonl"), usize::MAX)?;
    let rows = Rows::new(&readings, &inputs);
    let lines = lines_in_batches(&setup, &rows, rows.count())?;
    let moved = lines_with_moves(&setup, &rows, PART)?;
    if let Some(row) = (0..lines.len()).find(|&row| lines[row] != moved[row]) {
        let differing = shown(row, &moved[row], &lines[row]);
        bail!(
            "with state moved after each {PART} readings it says something else; `wattdog plugin check` says more\n{differing}"
        );
    }
    Ok(lines)
}

fn write(case: &Path, lines: &[Value]) -> anyhow::Result<Outcome> {
    let before = expected(case).unwrap_or_default();
    let changed = (0..lines.len().max(before.len())).filter(|&row| lines.get(row) != before.get(row)).count();
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let file = case.join("expected.jsonl");
    std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(Outcome::Updated { changed })
}

fn expected(case: &Path) -> anyhow::Result<Vec<Value>> {
    let file = case.join("expected.jsonl");
    let text = read_text(&file, MOST_BYTES).with_context(|| format!("cannot read {}; `--update` writes it", file.display()))?;
    let parse = |(number, line)| serde_json::from_str(line).with_context(|| format!("expected.jsonl, line {}", number + 1));
    text.lines().enumerate().map(parse).collect()
}

fn compare(case: &Path, lines: &[Value]) -> anyhow::Result<Outcome> {
    let expected = expected(case)?;
    if lines.len() != expected.len() {
        let (found, needed) = (count(expected.len(), "line"), count(lines.len(), "reading"));
        bail!("expected.jsonl has {found} for {needed}; `--update` writes one for each");
    }
    let differing: Vec<_> = (0..lines.len()).filter(|&row| !alike(&lines[row], &expected[row])).collect();
    if differing.is_empty() {
        return Ok(Outcome::Passed { readings: lines.len() });
    }
    let shown: Vec<_> = differing.iter().take(SHOWN).map(|&row| shown(row, &lines[row], &expected[row])).collect();
    bail!("{} of {} differ\n{}", differing.len(), count(lines.len(), "line"), shown.join("\n"))
}

fn shown(row: usize, says: &Value, expected: &Value) -> String {
    format!("reading {}\n  - {expected}\n  + {says}", row + 1)
}

fn alike(says: &Value, expected: &Value) -> bool {
    match (says, expected) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN));
            a == b || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs())
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| alike(value, other)))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        _ => says == expected,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::alike;

    #[test]
    fn only_rounding_is_forgiven() {
        assert!(alike(&json!({"a": [0.1 + 0.2]}), &json!({"a": [0.3]})));
        assert!(alike(&json!(1.0), &json!(1)));
        assert!(!alike(&json!(1.0), &json!(1.000_001)));
        assert!(!alike(&json!({"a": 1}), &json!({"a": 1, "b": 2})));
        assert!(!alike(&json!(null), &json!(0)));
    }
}
