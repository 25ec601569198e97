//! Where a table's cells, header and rows are, from its first rows.

use super::error::Fault;
use super::row::{Row, Splitter};
use super::{number, times, words};
use crate::config::{Header, InputFile};

/// Lines in which a header is looked for.
const HEADER_WITHIN: usize = 100;
const SEPARATORS: [char; 4] = [';', '\t', '|', ','];

/// The first rows of a table.
pub(super) struct Layout {
    pub(super) names: Vec<String>,
    /// Line of the header; 0: the table has none.
    pub(super) header: u64,
    /// What lines before the header say, as names and values.
    pub(super) preamble: Vec<(String, String)>,
    /// The units row, where there is one.
    pub(super) units: Option<Row>,
    pub(super) rows: Vec<Row>,
}

/// All rows of some lines of text. An open quote ends them.
pub(super) fn split_all(text: &str, separator: char, quote: char) -> (Vec<Row>, Option<u64>) {
    let mut splitter = Splitter::new(separator, quote);
    let (mut rows, mut pending, mut first) = (Vec::new(), String::new(), 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if pending.is_empty() {
            first = number as u64 + 1;
        }
        let mut row = Row::default();
        row.line = first;
        let whole = if pending.is_empty() {
            line
        } else {
            pending.push_str(line);
            &pending
        };
        match splitter.split(whole, &mut row) {
            Ok(true) => {
                pending.clear();
                if !row.is_empty() {
                    rows.push(row);
                }
            }
            _ if number as u64 + 1 - first >= super::table::MOST_LINES_OF_A_CELL => return (rows, Some(first)),
            _ if pending.is_empty() => pending.push_str(line),
            _ => {}
        }
    }
    let open = (!pending.is_empty()).then_some(first);
    (rows, open)
}

/// The sign that parts most lines into equally many cells, and the rows by it.
pub(super) fn separator(text: &str, quote: char) -> Option<(char, Vec<Row>)> {
    let judged = SEPARATORS.iter().filter_map(|&separator| {
        let (rows, _) = split_all(text, separator, quote);
        let mut counts: Vec<usize> = rows.iter().map(Row::len).collect();
        counts.sort_unstable();
        let runs = counts.chunk_by(|a, b| a == b).map(|run| (run.len(), run[0])).filter(|(_, cells)| *cells > 1);
        let (rows_alike, cells) = runs.max()?;
        Some(((rows_alike as f64 / counts.len() as f64, cells), separator, rows))
    });
    let best = judged.max_by(|(a, ..), (b, ..)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))?;
    Some((best.1, best.2))
}

impl Layout {
    pub(super) fn of(rows: Vec<Row>, keys: &InputFile) -> Result<Self, Fault> {
        match &keys.header {
            Some(Header::Names(names)) => Ok(Self { names: names.clone(), header: 0, preamble: Vec::new(), units: None, rows }),
            Some(Header::Line(line)) => match rows.iter().position(|row| row.line == *line) {
                Some(at) => Self::after_header(rows, at, keys),
                None => Err(Fault::at(*line, "no row here (`input.file.header`)")),
            },
            None => match header(&rows) {
                Some(at) => Self::after_header(rows, at, keys),
                None => Err(headerless(&rows)),
            },
        }
    }

    fn after_header(mut rows: Vec<Row>, at: usize, keys: &InputFile) -> Result<Self, Fault> {
        let mut data = rows.split_off(at + 1);
        let header = rows.pop().expect("the header is within the rows");
        let preamble = pairs(&rows);
        let mut names: Vec<String> = header.cells().map(|cell| cell.replace(['\n', '\r'], " ")).collect();
        for (index, name) in names.iter_mut().enumerate() {
            if name.is_empty() {
                *name = format!("column {}", index + 1);
            }
        }
        if let Some((index, name)) = names.iter().enumerate().find(|(index, name)| names[..*index].contains(name)) {
            let message = format!(
                "column {} has the name of an earlier one, `{name}`; set `input.file.header` to a list of names, or correct it",
                index + 1
            );
            return Err(Fault::at(header.line, message));
        }
        let has_units = keys.units_row.unwrap_or_else(|| data.first().is_some_and(is_units_row));
        let units = (has_units && !data.is_empty()).then(|| data.remove(0));
        Ok(Self { names, header: header.line, preamble, units, rows: data })
    }

    pub(super) fn cells(&self, column: usize) -> impl Iterator<Item = &str> + Clone {
        self.rows.iter().map(move |row| row.cell(column))
    }
}

fn headerless(rows: &[Row]) -> Fault {
    let first = rows.first().map(|row| row.cells().take(6).collect::<Vec<_>>().join(" | ")).unwrap_or_default();
    let shown: String = first.chars().take(80).collect();
    if first.contains("{\"") {
        return Fault::of_form(format!(
            "JSON stands after other text ({shown}): a file of readings has JSON alone; cut off what stands before the `{{`, such as a \
             record's key or the five bytes of a schema registry"
        ));
    }
    Fault::of_form(format!(
        "no line names the columns (the first cells are {shown}); set `input.file.header` to a list of names, as [\"timestamp\", \"building\", \"electricity\"]"
    ))
}

/// The row whose cells are names of what stands below them.
fn header(rows: &[Row]) -> Option<usize> {
    let judged = rows.iter().take(HEADER_WITHIN).enumerate().filter_map(|(at, row)| {
        let filled = row.cells().filter(|cell| !cell.is_empty()).count();
        let below: Vec<&Row> = rows[at + 1..].iter().take(200).collect();
        let alike = below.iter().filter(|next| next.len() == row.len()).count();
        let usual = below.iter().map(|next| next.cells().filter(|cell| !cell.is_empty()).count()).max().unwrap_or(0);
        if filled < 2 || row.cells().any(is_time) || (alike > 0 && filled * 10 < usual.min(row.len()) * 7) {
            return None;
        }
        let names_numbers = |column: usize| {
            let text = row.cell(column);
            let mut cells = below.iter().map(|next| next.cell(column)).filter(|cell| !cell.is_empty());
            let typed = cells.clone().filter(|cell| is_time(cell) || number::looks_like_one(cell)).count();
            !text.is_empty()
                && !number::looks_like_one(text)
                && cells.by_ref().count() > 0
                && typed * 10 >= cells_of(&below, column) * 7
        };
        (0..row.len()).any(names_numbers).then_some((alike, std::cmp::Reverse(at)))
    });
    judged.max().map(|(_, at)| at.0)
}

fn cells_of(rows: &[&Row], column: usize) -> usize {
    rows.iter().filter(|row| !row.cell(column).is_empty()).count()
}

fn is_time(cell: &str) -> bool {
    use times::Kind::{Clock, Compact, Date, DateTime, Epoch, WithoutYear};
    matches!(times::kind(cell), Some(DateTime | Date | Clock | WithoutYear | Epoch | Compact))
}

/// No cell is a number or a time, and one is a unit.
fn is_units_row(row: &Row) -> bool {
    let cells = || row.cells().filter(|cell| !cell.is_empty());
    cells().all(|cell| !is_time(cell) && !number::looks_like_one(cell)) && cells().any(|cell| words::unit(cell).is_some())
}

/// `Meter: 1`, `Meter;1`, or a row of names with a row of values below it.
fn pairs(rows: &[Row]) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let filled = |row: &Row| row.cells().filter(|cell| !cell.is_empty()).count();
    let mut index = 0;
    while let Some(row) = rows.get(index) {
        let next = rows.get(index + 1);
        if filled(row) == 1 {
            let cell = row.cells().find(|cell| !cell.is_empty()).unwrap_or_default();
            if let Some((name, value)) = cell.split_once(':') {
                pairs.push((name.trim().to_owned(), value.trim().to_owned()));
            }
        } else if filled(row) == 2 && !row.cell(0).is_empty() && !row.cell(1).is_empty() {
            pairs.push((row.cell(0).trim_end_matches(':').to_owned(), row.cell(1).to_owned()));
        } else if let Some(values) = next.filter(|next| filled(row) > 2 && next.len() == row.len()) {
            pairs.extend(row.cells().zip(values.cells()).map(|(name, value)| (name.to_owned(), value.to_owned())));
            index += 1;
        }
        index += 1;
    }
    pairs
}
