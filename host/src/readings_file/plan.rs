//! From a row to records: which cells become which fields.

use regex_lite::Regex;

use super::error::Fault;
use super::number::{Content, NumberForm};
use super::row::Row;
use super::{times, words};

/// What a field of a record is made of.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// Cells of a time, joined with a space.
    Time(Vec<usize>),
    /// The cell's text, digit for digit.
    Name(usize),
    /// The same in every record.
    Constant(String),
    /// A number in the file's way of writing.
    Number(usize),
    /// A number where JSON has it as one, else text.
    Any(usize),
}

/// A column that is a building.
#[derive(Clone, Debug)]
pub(super) struct WideColumn {
    pub(super) column: usize,
    pub(super) building: String,
}

/// What a row's number measures.
#[derive(Clone, Debug)]
pub(super) struct NarrowColumns {
    pub(super) says: usize,
    pub(super) value: usize,
    /// Word of the column and field of the record.
    pub(super) fields: Vec<(String, String)>,
}

/// How rows become records.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) names: Vec<String>,
    /// Line of the header.
    pub(super) header: u64,
    pub(super) fields: Vec<(String, Part)>,
    pub(super) numbers: NumberForm,
    pub(super) has_format: bool,
    pub(super) year: Option<i16>,
    pub(super) units_row: bool,
    pub(super) skip: Vec<Regex>,
    /// The field of the building and the one of the measure, with a column for each building.
    pub(super) wide: Option<(String, String, Vec<WideColumn>)>,
    pub(super) narrow: Option<NarrowColumns>,
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Records,
    /// A row that sums up others.
    Total,
    /// A row that a pattern of the configuration names, or one that says something else than readings.
    Skipped,
    /// The last line of the file, without its end.
    CutOff,
}

impl Plan {
    /// Gives the row's records to `take` as JSON objects. `last`: the row has no line break.
    pub(super) fn records(
        &self,
        row: &Row,
        last: bool,
        buffer: &mut Vec<u8>,
        take: &mut dyn FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<Result<Outcome, Fault>> {
        match self.outcome(row, last) {
            Ok(Outcome::Records) => {}
            other => return Ok(other),
        }
        let shared = |buffer: &mut Vec<u8>| -> Result<(), Fault> {
            buffer.clear();
            buffer.push(b'{');
            self.fields.iter().try_for_each(|(name, part)| self.write(name, part, row, buffer))
        };
        if let Some((building, measure, columns)) = &self.wide {
            for column in columns {
                if super::number::is_missing(row.cell(column.column)) {
                    continue;
                }
                let written = shared(buffer)
                    .and_then(|()| self.write(building, &Part::Constant(column.building.clone()), row, buffer))
                    .and_then(|()| self.write(measure, &Part::Number(column.column), row, buffer));
                if let Err(fault) = written {
                    return Ok(Err(fault));
                }
                buffer.push(b'}');
                take(buffer)?;
            }
            return Ok(Ok(Outcome::Records));
        }
        let mut written = shared(buffer);
        if let Some(narrow) = &self.narrow {
            let word = row.cell(narrow.says);
            let Some((_, field)) = narrow.fields.iter().find(|(known, _)| known == word) else { return Ok(Ok(Outcome::Skipped)) };
            written = written.and_then(|()| self.write(field, &Part::Number(narrow.value), row, buffer));
        }
        if let Err(fault) = written {
            return Ok(Err(fault));
        }
        buffer.push(b'}');
        take(buffer)?;
        Ok(Ok(Outcome::Records))
    }

    fn outcome(&self, row: &Row, last: bool) -> Result<Outcome, Fault> {
        let width = self.names.len();
        if let Some(extra) = (width..row.len()).find(|index| !row.cell(*index).is_empty()) {
            let message = format!(
                "{} cells, but {width} columns: is the separator the decimal sign too, or a cell without quotes? The first cell too many is `{}`",
                row.len(),
                row.cell(extra)
            );
            return Err(Fault::at(row.line, message));
        }
        if row.has_line_break() {
            return Err(Fault::at(row.line, "a quote is not closed where its cell ends: the cell goes on into the next line"));
        }
        let first = row.cells().find(|cell| !cell.is_empty()).unwrap_or_default();
        if self.skip.iter().any(|pattern| pattern.is_match(first)) {
            return Ok(Outcome::Skipped);
        }
        // The header again, as where files were put together.
        if row.len() == width && row.cells().zip(&self.names).all(|(cell, name)| cell == name) {
            return Ok(Outcome::Skipped);
        }
        let names_total = |part: &Part| matches!(part, Part::Name(column) if words::is_total(row.cell(*column)));
        if self.fields.iter().any(|(_, part)| names_total(part)) || (words::is_total(first) && !self.has_time(row)) {
            return Ok(Outcome::Total);
        }
        if last && row.len() < width {
            return Ok(Outcome::CutOff);
        }
        Ok(Outcome::Records)
    }

    fn has_time(&self, row: &Row) -> bool {
        self.fields.iter().any(|(_, part)| match part {
            Part::Time(columns) => columns.iter().any(|column| times::kind(row.cell(*column)).is_some()),
            _ => false,
        })
    }

    fn write(&self, name: &str, part: &Part, row: &Row, out: &mut Vec<u8>) -> Result<(), Fault> {
        let start = out.len();
        if start > 1 {
            out.push(b',');
        }
        write_text(name, out);
        out.push(b':');
        match part {
            Part::Constant(text) => write_text(text, out),
            Part::Time(columns) => self.write_time(columns, row, out),
            Part::Name(column) if row.cell(*column).is_empty() => out.truncate(start),
            Part::Name(column) => write_text(row.cell(*column), out),
            Part::Any(column) => match row.cell(*column) {
                "" => out.extend_from_slice(b"null"),
                cell if serde_json::from_str::<serde_json::Number>(cell).is_ok() => out.extend_from_slice(cell.as_bytes()),
                cell => write_text(cell, out),
            },
            Part::Number(column) => {
                let cell = row.cell(*column);
                let mut literal = String::new();
                match self.numbers.write(cell, &mut literal) {
                    Content::Number => out.extend_from_slice(literal.as_bytes()),
                    Content::Missing => out.extend_from_slice(b"null"),
                    Content::Text => write_text(cell, out),
                    Content::OtherForm => return Err(self.other_form(row.line, *column, cell)),
                }
            }
        }
        Ok(())
    }

    fn write_time(&self, columns: &[usize], row: &Row, out: &mut Vec<u8>) {
        if let ([column], None) = (columns, self.year) {
            return times::write_time(row.cell(*column), self.has_format, out);
        }
        times::write_time(&self.time_text(columns, row), true, out);
    }

    /// The cells of a time as one text, with its year and single spaces.
    pub(super) fn time_text(&self, columns: &[usize], row: &Row) -> String {
        let year = self.year.map(|year| format!("{year}/"));
        let cells: Vec<_> = columns.iter().map(|column| row.cell(*column)).collect();
        let text = format!("{}{}", year.unwrap_or_default(), cells.join(" "));
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn other_form(&self, line: u64, column: usize, cell: &str) -> Fault {
        let sign = |sign: Option<char>| sign.map_or_else(|| "none".to_owned(), |sign| format!("`{sign}`"));
        Fault::at(
            line,
            format!(
                "`{cell}` in column `{}` is not written as the numbers before it (decimal sign {}, thousands {}); set `input.file.decimal` and `input.file.thousands`, or correct it",
                self.names[column],
                sign(self.numbers.decimal),
                sign(self.numbers.thousands)
            ),
        )
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a Vec takes every write");
}
