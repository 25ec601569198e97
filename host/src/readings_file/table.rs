//! All rows of a table: of a text with separators, or of a workbook's sheet.

use std::io::{BufReader, Cursor, Read as _};
use std::sync::Arc;

use anyhow::anyhow;
use calamine::{Data, Reader as _};
use encoding_rs::Encoding;

use super::charset::Utf8;
use super::error::Fault;
use super::lines::{End, for_each_line};
use super::open::Packed;
use super::row::{Row, Splitter};

/// A cell of a header may have line breaks in it; more of them than that are a quote that nobody closed.
pub(super) const MOST_LINES_OF_A_CELL: u64 = 6;
/// A workbook is read as a whole.
const MAX_WORKBOOK: u64 = 128 << 20;

/// Where rows come from.
#[derive(Clone, Debug)]
pub(super) enum Cells {
    Text { separator: char, quote: char, encoding: &'static Encoding },
    Sheet(Arc<Vec<Row>>),
}

impl Cells {
    /// Gives each row after line `after` to `take`; true: it is the last one and has no line break.
    pub(super) fn for_each_row(
        &self,
        packed: &Packed,
        after: u64,
        mut take: impl FnMut(&Row, bool) -> anyhow::Result<()>,
    ) -> anyhow::Result<End> {
        match self {
            Self::Sheet(rows) => {
                for row in rows.iter().filter(|row| row.line > after && !row.is_empty()) {
                    take(row, false)?;
                }
                Ok(End { lines: rows.len() as u64, unfinished: false })
            }
            Self::Text { separator, quote, encoding } => packed.read(|bytes| {
                let mut text = BufReader::with_capacity(1 << 18, Utf8::new(bytes, encoding)?);
                let mut splitter = Splitter::new(*separator, *quote);
                let (mut row, mut pending) = (Row::default(), String::new());
                let fault = |fault: Fault| anyhow!(fault.in_file(&packed.path));
                let end = for_each_line(&mut text, |number, line| {
                    let line = std::str::from_utf8(line).map_err(|_| {
                        fault(Fault::at(
                            number,
                            "not UTF-8, as the lines before; set `input.file.charset`, as to \"windows-1252\"",
                        ))
                    })?;
                    let whole = if pending.is_empty() {
                        row.line = number;
                        line
                    } else {
                        pending.push_str(line);
                        &pending
                    };
                    if !splitter.split(whole, &mut row).map_err(fault)? {
                        if row.line > after || number - row.line >= MOST_LINES_OF_A_CELL {
                            return Err(fault(Fault::at(
                                row.line,
                                "a quote is opened and not closed; correct the line, or set `input.file.quote`",
                            )));
                        }
                        if pending.is_empty() {
                            pending.push_str(line);
                        }
                        return Ok(());
                    }
                    pending.clear();
                    if row.line > after && !row.is_empty() { take(&row, !line.ends_with('\n')) } else { Ok(()) }
                })?;
                end.map_err(fault)
            }),
        }
    }
}

/// The rows of a workbook's sheet: the named one, or the only one that has any.
pub(super) fn sheet(packed: &Packed, name: Option<&str>) -> anyhow::Result<(Vec<Row>, String)> {
    let refused = |message: String| anyhow!(Fault::of_form(message).in_file(&packed.path));
    let mut bytes = Vec::new();
    packed.file()?.take(MAX_WORKBOOK + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_WORKBOOK {
        return Err(refused(format!("a workbook of more than {} MiB; save its sheet as CSV", MAX_WORKBOOK >> 20)));
    }
    let unreadable = |error: calamine::Error| refused(format!("cannot read the workbook: {error}"));
    let mut workbook = calamine::open_workbook_auto_from_rs(Cursor::new(bytes)).map_err(unreadable)?;
    let names = workbook.sheet_names();
    let mut filled = Vec::new();
    for sheet in names.iter().filter(|sheet| name.is_none_or(|name| name == *sheet)) {
        let range = workbook.worksheet_range(sheet).map_err(unreadable)?;
        if range.height() > 1 {
            filled.push((sheet.clone(), range));
        }
    }
    if filled.len() > 1 {
        let names: Vec<_> = filled.iter().map(|(name, _)| name.as_str()).collect();
        return Err(refused(format!("{} sheets have rows: set `input.file.table` to one of {}", names.len(), names.join(", "))));
    }
    let Some((sheet, range)) = filled.pop() else {
        let which = name.map_or_else(|| "no sheet".to_owned(), |name| format!("no sheet {name:?} (`input.file.table`)"));
        return Err(refused(format!("{which} has rows; there are {}", names.join(", "))));
    };
    let (top, left) = range.start().unwrap_or_default();
    let rows = range.rows().enumerate().map(|(index, cells)| {
        let before = (0..left).map(|_| String::new());
        Row::of(u64::from(top) + index as u64 + 1, before.chain(cells.iter().map(text)))
    });
    Ok((rows.collect(), sheet))
}

/// As CSV would have it: numbers with a point, times by ISO 8601.
fn text(cell: &Data) -> String {
    match cell {
        Data::Empty | Data::Error(_) => String::new(),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => text.clone(),
        Data::Int(number) => number.to_string(),
        Data::Float(number) => number.to_string(),
        Data::Bool(truth) => truth.to_string(),
        Data::DateTime(time) => {
            // Days as a float are some microseconds off.
            let (year, month, day, hour, minute, second, milli) = time.to_ymd_hms_milli();
            let round = u32::from(second) + u32::from(milli >= 500);
            let civil = jiff::civil::DateTime::new(year as i16, month as i8, day as i8, hour as i8, minute as i8, 0, 0);
            match civil.and_then(|civil| civil.checked_add(jiff::SignedDuration::from_secs(i64::from(round)))) {
                Ok(civil) if time.is_datetime() && time.as_f64() >= 1.0 => civil.strftime("%Y-%m-%d %H:%M:%S").to_string(),
                Ok(civil) => civil.strftime("%H:%M:%S").to_string(),
                Err(_) => String::new(),
            }
        }
    }
}
