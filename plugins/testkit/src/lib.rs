//! Runs a plugin over recorded cases, natively: a new case is a folder and needs no Rust.
//!
//! A case is `testcases/<case>/` with
//! - `plugin.toml`, as a sidecar file: `[params]`, and `model` relative to the case;
//! - `readings.jsonl`, one reading a line: `timestamp`, `building`, optionally `floor`, and the plugin's inputs by name;
//! - `expected.jsonl`, what the plugin says of each, in the same order. Numbers may differ by 1e-9 of their size.
//!
//! Every case runs as one batch, row by row, and in parts with all state moved to a new instance in between; the answers must be
//! equal to the bit. `UPDATE_EXPECTED=1 cargo test` writes `expected.jsonl` from what the plugin says now: read it before you
//! commit it.

mod case;
mod compare;
mod driver;

use std::path::{Path, PathBuf};

use serde_json::Value;
use wattdog_plugin::{Detector, Enricher};

use case::Case;
use driver::{Driver, Subject};

/// Batch lengths that a case is cut into, beside one batch for all.
const CUTS: [usize; 3] = [1, 3, 7];

/// Runs a detector over all cases in a folder.
///
/// # Panics
/// If a case is broken, or the plugin says something else than expected.
pub fn detector<P: Detector>(cases: impl AsRef<Path>) {
    run::<driver::Detecting<P>>(cases.as_ref());
}

/// Runs an enricher over all cases in a folder.
///
/// # Panics
/// If a case is broken, or the plugin says something else than expected.
pub fn enricher<P: Enricher>(cases: impl AsRef<Path>) {
    run::<driver::Enriching<P>>(cases.as_ref());
}

fn run<S: Subject>(cases: &Path) {
    let folders = folders(cases);
    assert!(!folders.is_empty(), "no cases in {}", cases.display());
    for folder in folders {
        let case = Case::read(&folder);
        let answers = Driver::<S>::answers(&case, case.readings.len());
        for length in CUTS {
            let cut = Driver::<S>::answers(&case, length);
            assert_eq!(texts(&cut), texts(&answers), "{}: in batches of {length} it says something else", folder.display());
        }
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            case.write_expected(&answers);
        } else {
            compare::same(&folder, &answers, &case.expected());
        }
    }
}

fn texts(answers: &[Value]) -> Vec<String> {
    answers.iter().map(Value::to_string).collect()
}

fn folders(cases: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(cases).unwrap_or_else(|error| panic!("{}: {error}", cases.display()));
    let mut folders: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}
