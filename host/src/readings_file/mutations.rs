//! Real files with faults of real exports put into them: whatever comes of it, no wrong value is accepted in silence.
//!
//! The truth is what the file without the fault says. `WATTDOG_READINGS` names larger tables, joined with `:`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::*;
use crate::decode::Decoder;
use crate::domain::{Batch, Message, MeterTable};

/// Time, building and values of a reading.
type Reading = (i64, String, Vec<u64>);

/// Small numbers from a seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

fn readings(path: &Path) -> anyhow::Result<(Vec<Reading>, Checked, ReadingsFile)> {
    let file = ReadingsFile::open(path, None)?;
    let checked = check(&file, 3_600_000_000, |_| {})?;
    let mut decoder = Decoder::new(&file.input);
    let (mut meters, mut batch) = (MeterTable::default(), Batch::new(file.input.measures.len()));
    let mut found = Vec::new();
    file.for_each(|Record { json, .. }| {
        batch.clear();
        if decoder.decode(&Message::of(json), &mut meters, &mut batch).is_ok() {
            let building = meters.building(meters.meter(batch.meters[0]).building).to_owned();
            // Nine digits: a conversion of units may differ in the last bit.
            let values = batch.measures.iter().map(|column| (column[0] * 1e9).round().to_bits());
            found.push((batch.event_time(0).0, building, values.collect()));
        }
        Ok(())
    })?;
    Ok((found, checked, file))
}

/// A table as lines of cells that are apart by its separator.
struct Table {
    separator: char,
    /// Lines before the first row.
    head: Vec<String>,
    rows: Vec<String>,
    latin1: bool,
}

impl Table {
    fn of(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap_or_else(|_| bytes.iter().map(|byte| char::from(*byte)).collect());
        let latin1 = std::str::from_utf8(&bytes).is_err();
        let separator = if text.matches(';').count() > text.lines().count() { ';' } else { ',' };
        let lines: Vec<String> = text.lines().map(str::to_owned).filter(|line| !line.trim().is_empty()).collect();
        let first = lines
            .iter()
            .position(|line| {
                line.starts_with(|sign: char| sign.is_ascii_digit()) && line.contains("00:00") || line.starts_with("17684")
            })
            .unwrap();
        Self { separator, head: lines[..first].to_vec(), rows: lines[first..].to_vec(), latin1 }
    }

    fn bytes(&self) -> Vec<u8> {
        let lines: Vec<_> = self.head.iter().chain(&self.rows).map(String::as_str).collect();
        let text = lines.join("\n") + "\n";
        if self.latin1 { text.chars().map(|sign| sign as u8).collect() } else { text.into_bytes() }
    }

    fn cells(&self, line: &str) -> Vec<String> {
        let (mut cells, mut quoted) = (vec![String::new()], false);
        for sign in line.chars() {
            quoted ^= sign == '"';
            if sign == self.separator && !quoted { cells.push(String::new()) } else { cells.last_mut().unwrap().push(sign) }
        }
        cells
    }
}

const KINDS: [&str; 9] = [
    "columns swapped",
    "units row inside",
    "decimal sign changes",
    "cut off",
    "mixed encodings",
    "shuffled",
    "doubled",
    "total row inside",
    "cells swapped in some rows",
];

fn mutated(mut table: Table, kind: &str, chance: &mut Chance) -> Vec<u8> {
    let (count, separator) = (table.rows.len(), table.separator.to_string());
    let half = count / 2 + chance.below(count / 4);
    match kind {
        "columns swapped" => {
            let width = table.cells(&table.rows[0]).len();
            let (a, b) = (chance.below(width), chance.below(width));
            let swapped = |line: &String| {
                let mut cells = table.cells(line);
                if cells.len() == width {
                    cells.swap(a, b);
                }
                cells.join(&separator)
            };
            let (head, rows) = (table.head.iter().map(swapped).collect(), table.rows.iter().map(swapped).collect());
            (table.head, table.rows) = (head, rows);
        }
        "units row inside" => {
            let width = table.cells(&table.rows[0]).len();
            let at = [0, half][chance.below(2)];
            let units: Vec<_> = (0..width).map(|column| if column + 1 == width { "kWh" } else { "" }).collect();
            table.rows.insert(at, units.join(&separator));
        }
        "decimal sign changes" => {
            for row in &mut table.rows[half..] {
                let swap = |sign| match sign {
                    '.' => ',',
                    ',' => '.',
                    other => other,
                };
                let cells = Table { separator: table.separator, head: Vec::new(), rows: Vec::new(), latin1: false }.cells(row);
                let changed = cells.iter().enumerate().map(|(at, cell)| {
                    let bare = cell.trim().trim_matches('"');
                    let is_number = at > 0 && number::looks_like_one(bare);
                    if is_number { format!("\"{}\"", bare.chars().map(swap).collect::<String>()) } else { cell.clone() }
                });
                *row = changed.collect::<Vec<_>>().join(&separator);
            }
        }
        "cut off" => {
            let bytes = table.bytes();
            let end = bytes.len() / 2 + chance.below(bytes.len() / 2);
            return bytes[..end].to_vec();
        }
        "mixed encodings" => {
            let mut bytes = table.bytes();
            bytes.extend(format!("{}\n", table.rows[0].replace("Hall", "Höhe")).into_bytes());
            bytes.extend(
                format!("{}\n", table.rows[1].replace("Hall", "H\u{1}he")).bytes().map(|b| if b == 1 { 0xf6 } else { b }),
            );
            return bytes;
        }
        "shuffled" => (1..count).rev().for_each(|at| table.rows.swap(at, chance.below(at + 1))),
        "doubled" => {
            let again: Vec<_> = [table.head.last().unwrap().clone()].into_iter().chain(table.rows.clone()).collect();
            table.rows.extend(again);
        }
        "total row inside" => {
            let width = table.cells(&table.rows[0]).len();
            let total: Vec<_> = (0..width).map(|column| if column == 0 { "Total" } else { "60000" }).collect();
            table.rows.insert(half, total.join(&separator));
        }
        _ => {
            for _ in 0..3 {
                let at = chance.below(count);
                let mut cells = table.cells(&table.rows[at]);
                cells.swap(0, 1);
                table.rows[at] = cells.join(&separator);
            }
        }
    }
    table.bytes()
}

/// What became of a mutated file, or how it was accepted with values that are wrong.
fn outcome(truth: &[Reading], path: &Path, kind: &str) -> Result<&'static str, String> {
    let Ok((found, checked, _)) = readings(path) else { return Ok("refused") };
    let said = checked.rejected_count() > 0
        || checked.doubled > 0
        || checked.skipped.cut_off.is_some()
        || checked.skipped.unfinished
        || !checked.skipped.totals.is_empty()
        || !checked.skipped.others.is_empty();
    let mut left: BTreeMap<&Reading, usize> = BTreeMap::new();
    truth.iter().for_each(|reading| *left.entry(reading).or_default() += 1);
    let wrong = found.iter().filter(|reading| match left.get_mut(reading) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    });
    let wrong: Vec<_> = wrong.collect();
    let missing: usize = left.values().sum();
    match (wrong.len(), missing, said) {
        (0, 0, false) => Ok("the same readings"),
        (0, 0, true) => Ok("the same readings, with what was left out said"),
        // Nothing shows that lines after the last one are missing.
        (0, _, false) if kind == "cut off" => Ok("fewer readings, cut off between two rows"),
        (0, _, true) => Ok("fewer readings, and said which are not used"),
        // The last number of a file that is cut off may have lost digits.
        (1, _, true) if checked.skipped.unfinished => Ok("fewer readings, and said that the last may be cut off"),
        // Those that are there twice are counted as such.
        (again, 0, true) if checked.doubled >= again as u64 => Ok("readings twice, and said how many"),
        _ => Err(format!("{} wrong, {missing} missing, said: {said}; the first wrong is {:?}", wrong.len(), wrong.first())),
    }
}

#[test]
fn no_fault_of_an_export_is_accepted_with_wrong_values_in_silence() {
    let reality = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reality").join(name);
    let mut files: Vec<PathBuf> = [
        "11-thousands-separators/us-export.csv",
        "12-total-row-and-preamble/preamble.csv",
        "21-epoch-numbers-in-files/epoch-ms.csv",
        "24-tables-as-they-are-exported/semicolon.csv",
        "24-tables-as-they-are-exported/preamble-semicolon.csv",
        "24-tables-as-they-are-exported/spaces.csv",
        "24-tables-as-they-are-exported/latin1.csv",
    ]
    .map(reality)
    .to_vec();
    if let Some(more) = std::env::var_os("WATTDOG_READINGS") {
        files.extend(std::env::split_paths(&more));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut outcomes: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut tried = 0;
    for (file, seed) in (0..u64::MAX).flat_map(|seed| files.iter().map(move |file| (file, seed))).take(207) {
        let kind = KINDS[tried % KINDS.len()];
        let name = file.file_name().unwrap();
        let base = folder.path().join(name);
        std::fs::write(&base, Table::of(file).bytes()).unwrap();
        let (truth, ..) = readings(&base).unwrap();
        let content = mutated(Table::of(file), kind, &mut Chance(seed * 31 + tried as u64));
        std::fs::write(&base, content).unwrap();
        match outcome(&truth, &base, kind) {
            Ok(outcome) => *outcomes.entry((kind, outcome)).or_default() += 1,
            Err(how) => wrong.push(format!("{} with {kind}, seed {seed}: {how}", file.display())),
        }
        tried += 1;
    }
    for ((kind, outcome), count) in &outcomes {
        writeln_outcome(kind, outcome, *count);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried >= 200);
}

#[expect(clippy::print_stdout, reason = "the list of outcomes is shown with --nocapture")]
fn writeln_outcome(kind: &str, outcome: &str, count: usize) {
    println!("{count:>4}  {kind}: {outcome}");
}
