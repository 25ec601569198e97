//! Times as exports write them: which forms a column's cells can have, and which one all of them do.

use std::sync::LazyLock;

use regex_lite::{Captures, Regex};

use crate::config::Input;
use crate::decode::Decoder;
use crate::domain::{EventTime, Message};

/// 2000-01-01 and 2100-01-01, in seconds: epoch numbers beyond are something else.
const PLAUSIBLE_S: std::ops::Range<i64> = 946_684_800..4_102_444_800;
/// Share of cells, in hundredths, that a form has to read: the rest are rejected row by row.
const MOSTLY: usize = 60;
/// Cells that are tried with each form.
const TRIED: usize = 4_000;
const DAY_US: i64 = 86_400_000_000;

/// What a cell could be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    DateTime,
    Date,
    /// A time of day.
    Clock,
    /// `01/31 13:00`
    WithoutYear,
    Epoch,
    /// Days since 1899-12-30, as spreadsheets count; or a number that only looks so.
    ExcelDays,
    /// 8, 12 or 14 digits that are a date.
    Compact,
}

static PARTS: LazyLock<Regex> = LazyLock::new(|| {
    let date = r"(?:(?<a>\d{1,4})(?<s>[-/. ])(?<b>\d{1,2}|[A-Za-z]{3,9})(?<s2>[-/. ])(?<c>\d{4}|\d{1,2}))";
    let clock = r"(?<h>\d{1,2}):(?<m>\d{2})(?<sec>:\d{2}(?<f>\.\d+)?)?(?:(?<space>\s*)(?<half>[AaPp]\.?[Mm]\.?))?(?<zone>\s?(?:Z|[+-]\d{2}:?\d{2}))?";
    Regex::new(&format!(r"^{date}?(?<between>,?[ T]+)?(?:{clock})?$")).expect("a pattern of this file")
});
static YEARLESS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(?<a>\d{1,2})/(?<b>\d{1,2})\s+\d{1,2}:\d{2}(:\d{2})?$").expect("a pattern of this file"));

pub(super) fn kind(cell: &str) -> Option<Kind> {
    if cell.len() > 40 || !cell.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    if cell.bytes().all(|b| b.is_ascii_digit()) {
        return digits(cell);
    }
    if let Ok(days) = cell.parse::<f64>() {
        return (20_000.0..80_000.0).contains(&days).then_some(Kind::ExcelDays);
    }
    if YEARLESS.is_match(cell) {
        return Some(Kind::WithoutYear);
    }
    if is_compact_iso(cell) {
        return Some(Kind::Compact);
    }
    let parts = PARTS.captures(cell)?;
    if !parts.name("a").is_none_or(|_| is_date(&parts)) {
        return None;
    }
    match (parts.name("a").is_some(), parts.name("h").is_some()) {
        (true, true) if parts.name("between").is_some() => Some(Kind::DateTime),
        (true, false) if parts.name("between").is_none() => Some(Kind::Date),
        (false, true) => Some(Kind::Clock),
        _ => None,
    }
}

fn is_date(parts: &Captures<'_>) -> bool {
    let part = |name: &str| parts.name(name).map_or("", |m| m.as_str());
    let within = |text: &str, most: u32| text.parse::<u32>().is_ok_and(|number| (1..=most).contains(&number));
    let (a, b, c) = (part("a"), part("b"), part("c"));
    part("s") == part("s2")
        && match (a.len(), c.len()) {
            (4, 1..=2) => (within(b, 12) && within(c, 31)) || (within(b, 31) && within(c, 12)),
            (1..=2, 2 | 4) if b.bytes().all(|sign| sign.is_ascii_digit()) => {
                within(a, 31) && within(b, 31) && (within(a, 12) || within(b, 12))
            }
            (1..=2, 2 | 4) => within(a, 31),
            _ => false,
        }
}

fn digits(cell: &str) -> Option<Kind> {
    let number = cell.parse::<i64>().ok()?;
    let year = cell.get(..4)?.parse::<u32>().ok()?;
    let is_calendar = (1970..2100).contains(&year)
        && matches!(cell.len(), 8 | 12 | 14)
        && cell[4..6].parse::<u32>().is_ok_and(|month| (1..=12).contains(&month))
        && cell[6..8].parse::<u32>().is_ok_and(|day| (1..=31).contains(&day))
        && (cell.len() == 8 || cell[8..10].parse::<u32>().is_ok_and(|hour| hour <= 24));
    if is_calendar {
        return Some(Kind::Compact);
    }
    let divisor = match cell.len() {
        9 | 10 => 1,
        12 | 13 => 1_000,
        15 | 16 => 1_000_000,
        18 | 19 => 1_000_000_000,
        5 => return (20_000..80_000).contains(&number).then_some(Kind::ExcelDays),
        _ => return None,
    };
    PLAUSIBLE_S.contains(&(number / divisor)).then_some(Kind::Epoch)
}

fn is_compact_iso(cell: &str) -> bool {
    let Some((date, time)) = cell.split_once('T') else { return false };
    let time = time.strip_suffix('Z').unwrap_or(time);
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    date.len() == 8 && matches!(time.len(), 4 | 6) && all_digits(date) && all_digits(time)
}

/// The forms in which this cell could be read, in the signs of `strptime`; none: as without a format.
fn forms(cell: &str) -> Vec<Option<String>> {
    if cell.bytes().all(|b| b.is_ascii_digit()) {
        return match (kind(cell), cell.len()) {
            (Some(Kind::Compact), 8) => vec![Some("%Y%m%d".into())],
            (Some(Kind::Compact), 12) => vec![Some("%Y%m%d%H%M".into())],
            (Some(Kind::Compact), 14) => vec![Some("%Y%m%d%H%M%S".into())],
            _ => vec![None],
        };
    }
    if let Some((_, time)) = cell.split_once('T').filter(|_| is_compact_iso(cell)) {
        let seconds = if time.trim_end_matches('Z').len() == 6 { "%S" } else { "" };
        // A `Z` needs no format: it is ISO 8601.
        return if time.ends_with('Z') { vec![None] } else { vec![None, Some(format!("%Y%m%dT%H%M{seconds}"))] };
    }
    let Some(parts) = PARTS.captures(cell) else { return vec![None] };
    let part = |name: &str| parts.name(name).map_or("", |m| m.as_str());
    let clock = clock_form(&parts);
    let (s, between) = (part("s"), part("between"));
    let with = |date: String| Some(format!("{date}{between}{clock}"));
    let year = if part("c").len() == 4 { "%Y" } else { "%y" };
    match (part("a").len(), part("b")) {
        (4, _) if s == "-" && part("half").is_empty() && between.trim() != "," => vec![None, with("%Y-%m-%d".into())],
        (4, _) => vec![with(format!("%Y{s}%m{s}%d"))],
        (_, month) if month.starts_with(|sign: char| sign.is_ascii_alphabetic()) => {
            let month = if month.len() == 3 { "%b" } else { "%B" };
            vec![with(format!("%d{s}{month}{s}{year}"))]
        }
        _ if s == "." => vec![with(format!("%d.%m.{year}"))],
        _ => vec![with(format!("%d{s}%m{s}{year}")), with(format!("%m{s}%d{s}{year}"))],
    }
}

fn clock_form(parts: &Captures<'_>) -> String {
    let part = |name: &str| parts.name(name).map_or("", |m| m.as_str());
    if part("h").is_empty() {
        return String::new();
    }
    let seconds = match (part("sec"), part("f")) {
        ("", _) => "",
        (_, "") => ":%S",
        _ => ":%S%.f",
    };
    let hours = match part("half") {
        "" => format!("%H:%M{seconds}"),
        _ => format!("%I:%M{seconds}{}%p", part("space")),
    };
    let zone = match part("zone").trim_start() {
        "" => "",
        zone if zone.contains(':') => "%:z",
        _ => "%z",
    };
    let space = if part("zone").starts_with(' ') { " " } else { "" };
    format!("{hours}{space}{zone}")
}

/// How the times of a column are written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Form {
    pub(super) format: Option<String>,
    /// Days and months could be told apart only by what comes after what.
    pub(super) by_order: bool,
}

/// Why no form is certain.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Unsure {
    /// Two forms read all cells: the cell, and both.
    DayOrMonth(String, String, String),
    /// No form reads nearly all of them: one that no form reads.
    None(String),
}

/// The form that reads nearly all of the cells. Rows with others are rejected later, one by one.
pub(super) fn form_of<'a>(cells: impl Iterator<Item = &'a str> + Clone, time_zone: &str) -> Result<Form, Unsure> {
    let cells = || cells.clone().filter(|cell| !cell.is_empty()).take(TRIED);
    let count = cells().count();
    let mut tried: Vec<Option<String>> = Vec::new();
    let mut fitting: Vec<(Option<String>, Vec<EventTime>)> = Vec::new();
    for cell in cells().take(50) {
        for form in forms(cell) {
            if tried.contains(&form) {
                continue;
            }
            let times = read(form.as_deref(), time_zone, cells());
            if times.len() * 100 >= count * MOSTLY && !times.is_empty() {
                fitting.push((form.clone(), times));
            }
            tried.push(form);
        }
    }
    let most = fitting.iter().map(|(_, times)| times.len()).max().unwrap_or(0);
    fitting.retain(|(_, times)| times.len() == most);
    match &mut fitting[..] {
        [] => {
            let first = cells().find(|cell| kind(cell).is_none()).or_else(|| cells().next());
            Err(Unsure::None(first.unwrap_or_default().to_owned()))
        }
        [(format, _)] => Ok(Form { format: format.take(), by_order: false }),
        several => {
            if let Some(at) = several.iter().position(|(format, _)| format.is_none()) {
                return Ok(Form { format: several[at].0.take(), by_order: false });
            }
            let longest = |times: &[EventTime]| times.windows(2).map(|pair| (pair[1].0 - pair[0].0).abs()).max().unwrap_or(0);
            several.sort_by_key(|(_, times)| longest(times));
            // One way, days follow each other; the other way, each is a month from the next.
            if longest(&several[0].1) <= 2 * DAY_US && longest(&several[1].1) >= 20 * DAY_US {
                return Ok(Form { format: several[0].0.take(), by_order: true });
            }
            let cell = cells().next().unwrap_or_default().to_owned();
            let said = |at: usize| several[at].0.clone().unwrap_or_default();
            Err(Unsure::DayOrMonth(cell, said(0), said(1)))
        }
    }
}

/// The times of those cells that this form reads, as the decoder does.
pub(super) fn read<'a>(format: Option<&str>, time_zone: &str, cells: impl Iterator<Item = &'a str>) -> Vec<EventTime> {
    let input = Input { timestamp_format: format.map(str::to_owned), time_zone: time_zone.to_owned(), ..Input::default() };
    if crate::decode::check(&input).is_err() {
        return Vec::new();
    }
    let mut decoder = Decoder::new(&input);
    let mut record = Vec::new();
    cells
        .filter_map(|cell| {
            record.clear();
            record.extend_from_slice(b"{\"timestamp\":");
            write_time(cell, format.is_some(), &mut record);
            record.push(b'}');
            decoder.time(&Message::of(&record))
        })
        .collect()
}

/// The time as a JSON value: digits without a format are a number of seconds or parts of them.
pub(super) fn write_time(cell: &str, has_format: bool, out: &mut Vec<u8>) {
    let is_number = !has_format && !cell.is_empty() && cell.len() < 20 && cell.bytes().all(|b| b.is_ascii_digit());
    if is_number && !cell.starts_with('0') {
        out.extend_from_slice(cell.as_bytes());
    } else {
        serde_json::to_writer(out, cell).expect("a Vec takes every write");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(cells: &[&str]) -> Result<Option<String>, Unsure> {
        form_of(cells.iter().copied(), "UTC").map(|form| form.format)
    }

    #[test]
    fn forms_of_many_exports_are_found() {
        for (cells, expected) in [
            (&["2026-01-15T00:00:00Z", "2026-01-15T00:15:00+01:00"][..], None),
            (&["2026-01-15 00:00:00", "2026-01-15 00:15:00"], None),
            (&["2026-01-15 00:00", "2026-01-15 00:15"], None),
            (&["1768435200000", "1768436100000"], None),
            (&["15-01-2026 00:00:00", "15-01-2026 00:15:00"], Some("%d-%m-%Y %H:%M:%S")),
            (&["31.12.2025 00:15", "31.12.2025 00:30"], Some("%d.%m.%Y %H:%M")),
            (&["1.2.26 0:15", "1.2.26 0:30"], Some("%d.%m.%y %H:%M")),
            (&["01/15/2026 12:00:00 AM", "01/15/2026 01:00:00 AM"], Some("%m/%d/%Y %I:%M:%S %p")),
            (&["15-Jan-2026 00:30", "16-Jan-2026 00:30"], Some("%d-%b-%Y %H:%M")),
            (&["2026/01/15 00:30", "2026/01/15 01:00"], Some("%Y/%m/%d %H:%M")),
            (&["202601151200", "202601151215"], Some("%Y%m%d%H%M")),
            (&["20260115T1200", "20260115T1215"], None),
            (&["15/01/2026", "16/01/2026"], Some("%d/%m/%Y")),
        ] {
            assert_eq!(form(cells).unwrap().as_deref(), expected, "{cells:?}");
        }
    }

    #[test]
    fn day_and_month_are_told_apart_by_what_follows_or_not_at_all() {
        let days: Vec<_> = (1..=9).map(|day| format!("0{day}/03/2026 00:00")).collect();
        let days: Vec<_> = days.iter().map(String::as_str).collect();
        assert_eq!(form(&days).unwrap().as_deref(), Some("%d/%m/%Y %H:%M"));
        assert!(matches!(form(&["01/02/2026 00:00", "01/02/2026 01:00"]), Err(Unsure::DayOrMonth(..))));
        assert!(matches!(form(&["Hall", "Gym"]), Err(Unsure::None(_))));
    }

    #[test]
    fn cells_that_are_no_times_are_not_taken_for_any() {
        for cell in ["Hall", "12.5", "7", "2026", "1.10", "3E2", "", "00000000000001", "0.250", "541448860009999999", "1,5"] {
            assert_eq!(kind(cell), None, "{cell}");
        }
        for (cell, expected) in [
            ("01/31  13:00:00", Kind::WithoutYear),
            ("46037.5", Kind::ExcelDays),
            ("12:00:00 AM", Kind::Clock),
            ("20260115", Kind::Compact),
            ("15-01-2026", Kind::Date),
            ("1768435200", Kind::Epoch),
        ] {
            assert_eq!(kind(cell), Some(expected), "{cell}");
        }
    }
}
