//! Which column, or which two, hold a reading's time.

use super::error::Fault;
use super::layout::Layout;
use super::times::{self, Form, Kind, Unsure};
use super::words::{self, Edge};
use crate::config::Input;

/// Share of cells, in hundredths, that are times in a column of times.
const MOSTLY: usize = 80;

/// The time of a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TimeColumns {
    /// One, or a date and a time of day.
    pub(super) columns: Vec<usize>,
    pub(super) form: Form,
    /// The time is the end of the reading's interval, and no column has its beginning.
    pub(super) is_end: bool,
    pub(super) year: Option<i16>,
}

/// What nearly all cells of a column are.
pub(super) fn kind_of(layout: &Layout, column: usize) -> Option<Kind> {
    let mut counts: Vec<(Kind, usize)> = Vec::new();
    let mut filled = 0;
    for cell in layout.cells(column).filter(|cell| !cell.is_empty()).take(500) {
        filled += 1;
        if let Some(kind) = times::kind(cell) {
            match counts.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, count)) => *count += 1,
                None => counts.push((kind, 1)),
            }
        }
    }
    let (kind, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    (count * 100 >= filled * MOSTLY).then_some(kind)
}

/// Columns that can be a reading's time by what they hold; those of numbers by their name as well.
pub(super) fn candidates(layout: &Layout) -> Vec<Vec<usize>> {
    let kinds: Vec<_> = (0..layout.names.len()).map(|column| kind_of(layout, column)).collect();
    let named = |column: usize| words::is_time(&layout.names[column]);
    let mut found = Vec::new();
    let mut used = vec![false; kinds.len()];
    for (column, kind) in kinds.iter().enumerate() {
        match kind {
            Some(Kind::DateTime | Kind::WithoutYear) => found.push(vec![column]),
            Some(Kind::Epoch | Kind::Compact | Kind::ExcelDays) if named(column) => found.push(vec![column]),
            Some(Kind::Date) => {
                // The time of day of the same edge, where it has one.
                let edge = words::edge(&layout.names[column]);
                let clock = |other: &usize| kinds[*other] == Some(Kind::Clock) && !used[*other];
                let same_edge = |other: &usize| clock(other) && words::edge(&layout.names[*other]) == edge;
                let all = || (0..kinds.len()).filter(|other| *other != column);
                let beside = all().find(same_edge).or_else(|| {
                    let begin = |other: &usize| clock(other) && words::edge(&layout.names[*other]) != Edge::End;
                    if edge == Edge::Unsaid { all().find(begin).or_else(|| all().find(clock)) } else { None }
                });
                if let Some(clock) = beside {
                    used[clock] = true;
                }
                found.push(std::iter::once(column).chain(beside).collect());
            }
            _ => {}
        }
    }
    found
}

/// The column that names the beginning, or the only one.
pub(super) fn choose(layout: &Layout, input: &Input, year: Option<i16>) -> Result<TimeColumns, Fault> {
    let mut found = candidates(layout);
    let edge = |columns: &[usize]| {
        columns.iter().map(|c| words::edge(&layout.names[*c])).find(|e| *e != Edge::Unsaid).unwrap_or(Edge::Unsaid)
    };
    let names = |columns: &[usize]| columns.iter().map(|c| format!("`{}`", layout.names[*c])).collect::<Vec<_>>().join(" and ");
    // Dates alone beside full times say less.
    let narrow = |found: &mut Vec<Vec<usize>>, keep: &dyn Fn(&[usize]) -> bool| {
        if found.len() > 1 && found.iter().any(|columns| keep(columns)) {
            found.retain(|columns| keep(columns));
        }
    };
    narrow(&mut found, &|columns| !columns.iter().any(|c| words::is_bookkeeping(&layout.names[*c])));
    narrow(&mut found, &|columns| {
        columns.iter().any(|c| words::is_time(&layout.names[*c]) || words::edge(&layout.names[*c]) != Edge::Unsaid)
    });
    narrow(&mut found, &|columns| edge(columns) != Edge::End);
    narrow(&mut found, &|columns| columns.iter().any(|c| layout.names[*c] == input.timestamp));
    narrow(&mut found, &|columns| edge(columns) == Edge::Begin);
    match &found[..] {
        [] => Err(Fault::of_form(format!(
            "no column of times among `{}`; set `input.file.columns.{}`",
            layout.names.join("`, `"),
            input.timestamp
        ))),
        [columns] => of(layout, columns.clone(), input, year, edge(columns) == Edge::End),
        [first, second, ..] => Err(Fault::of_form(format!(
            "{} and {} can be the time of a reading; set `input.file.columns.{}` to one of them",
            names(first),
            names(second),
            input.timestamp
        ))),
    }
}

/// How the times of these columns are written.
pub(super) fn of(
    layout: &Layout,
    columns: Vec<usize>,
    input: &Input,
    year: Option<i16>,
    is_end: bool,
) -> Result<TimeColumns, Fault> {
    let name = columns.iter().map(|c| format!("`{}`", layout.names[*c])).collect::<Vec<_>>().join(" and ");
    let kinds: Vec<_> = columns.iter().map(|column| kind_of(layout, *column)).collect();
    if kinds.contains(&Some(Kind::WithoutYear)) {
        let Some(year) = year else {
            let cell = layout.cells(columns[0]).next().unwrap_or_default();
            return Err(Fault::of_form(format!("the times in {name} have no year (`{cell}`); set `input.file.year`")));
        };
        let seconds = layout.cells(columns[0]).next().is_some_and(|cell| cell.matches(':').count() == 2);
        let format = format!("%Y/%m/%d %H:%M{}", if seconds { ":%S" } else { "" });
        let form = Form { format: Some(format), by_order: false };
        // EnergyPlus writes so, at the end of each interval.
        let is_end = is_end || layout.names[columns[0]].eq_ignore_ascii_case("date/time");
        return Ok(TimeColumns { columns, form, is_end, year: Some(year) });
    }
    let joined: Vec<String> = layout
        .rows
        .iter()
        .map(|row| columns.iter().map(|column| row.cell(*column)).collect::<Vec<_>>().join(" "))
        .filter(|cell| !cell.trim().is_empty())
        .collect();
    if let Some(format) = &input.timestamp_format {
        let times = times::read(Some(format), &input.time_zone, joined.iter().map(String::as_str).take(4_000)).len();
        // The decoder says of each row why it cannot be read, unless it is nearly all of them.
        if times * 2 >= joined.len().min(4_000) || joined.is_empty() {
            return Ok(TimeColumns { columns, form: Form { format: Some(format.clone()), by_order: false }, is_end, year: None });
        }
    }
    let spreadsheet_days = |cell: &str| {
        Fault::of_form(format!(
            "the times in {name} are days as a spreadsheet counts them (`{cell}`); save the table with dates as text, or as a workbook"
        ))
    };
    if kinds.contains(&Some(Kind::ExcelDays)) && columns.len() == 1 {
        return Err(spreadsheet_days(layout.cells(columns[0]).next().unwrap_or_default()));
    }
    match times::form_of(joined.iter().map(String::as_str), &input.time_zone) {
        Ok(form) => Ok(TimeColumns { columns, form, is_end, year: None }),
        Err(Unsure::DayOrMonth(cell, one, other)) => Err(Fault::of_form(format!(
            "day and month cannot be told apart in {name} (`{cell}`); set `input.timestamp_format` to {one:?} or {other:?}"
        ))),
        Err(Unsure::None(cell)) if times::kind(&cell) == Some(Kind::ExcelDays) => Err(spreadsheet_days(&cell)),
        Err(Unsure::None(cell)) => {
            Err(Fault::of_form(format!("the times in {name} are in no known form (`{cell}`); set `input.timestamp_format`")))
        }
    }
}
