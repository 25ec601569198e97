//! Recorded readings: JSON lines or CSV, `.gz` of both.

mod recorded;
mod tally;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

pub(crate) use recorded::{Recorded, Taken};
pub(crate) use tally::Tally;

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {source}", path.display())]
pub struct FileError {
    path: PathBuf,
    source: std::io::Error,
}

/// A record of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    /// From 1.
    pub(crate) line: u64,
    /// An object.
    pub(crate) json: &'a [u8],
}

/// Gives each record to `take` as a JSON line: JSON lines as they are, a CSV row as an object with the header's names.
///
/// # Errors
/// When the file cannot be read, or `take` fails.
pub fn for_each_line(path: &Path, mut take: impl FnMut(&[u8]) -> anyhow::Result<()>) -> anyhow::Result<()> {
    for_each_record(path, |record| take(record.json))
}

/// The same, with the line of each record.
pub(crate) fn for_each_record(path: &Path, mut take: impl FnMut(Record<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let failed = |source| FileError { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let name = path.to_string_lossy();
    let plain_name = name.strip_suffix(".gz").unwrap_or(&name);
    let reader: Box<dyn Read> = if name.ends_with(".gz") { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    if plain_name.ends_with(".csv") {
        return csv_lines(reader, path, take);
    }
    let mut reader = BufReader::with_capacity(1 << 20, reader);
    let (mut text, mut line) = (Vec::new(), 0);
    while reader.read_until(b'\n', &mut text).map_err(failed)? > 0 {
        line += 1;
        let json = text.trim_ascii();
        if !json.is_empty() {
            take(Record { line, json })?;
        }
        text.clear();
    }
    Ok(())
}

fn csv_lines(reader: impl Read, path: &Path, mut take: impl FnMut(Record<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let failed = |error: csv::Error| FileError { path: path.to_owned(), source: error.into() };
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(reader);
    let header = reader.headers().map_err(failed)?.clone();
    for record in reader.records() {
        let record = record.map_err(failed)?;
        let object: serde_json::Map<_, _> =
            header.iter().zip(&record).map(|(name, cell)| (name.to_owned(), value(cell))).collect();
        let line = record.position().map_or(0, csv::Position::line);
        take(Record { line, json: &serde_json::to_vec(&object)? })?;
    }
    Ok(())
}

/// A cell that is a JSON number is one; an empty cell is null; anything else is text.
fn value(cell: &str) -> serde_json::Value {
    if cell.is_empty() {
        return serde_json::Value::Null;
    }
    match serde_json::from_str::<serde_json::Number>(cell) {
        Ok(number) => number.into(),
        Err(_) => cell.into(),
    }
}
