//! `/api/v1/aggregations` and `/api/v1/anomalies`: rows of the past, as JSON or CSV.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use uuid::Uuid;

use super::Shown;
use super::refusal::Refusal;
use crate::archive::{Findings, Range, Windows};
use crate::config::Span;
use crate::domain::EventTime;
use crate::results::{Anomaly, Severity};

const DEFAULT_LIMIT: u32 = 1_000;
const MOST_ROWS: u32 = 100_000;
/// Where no time is given.
const DEFAULT_SPAN_US: i64 = 24 * 3_600_000_000;

/// The last day up to the latest window, where nothing else is asked for.
async fn range(shown: &Shown, since: Option<&str>, until: Option<&str>) -> Result<Range, Refusal> {
    let until = match until {
        Some(text) => parse("until", text)?,
        // To the end of that window: its findings are later than its start.
        None => EventTime(shown.archive.latest().await?.map_or(0, |latest| latest.0 + shown.config.window.size.micros())),
    };
    let since = match since {
        Some(text) => parse("since", text)?,
        None => EventTime(until.0 - DEFAULT_SPAN_US),
    };
    Ok(Range { since, until })
}

fn parse(name: &str, text: &str) -> Result<EventTime, Refusal> {
    EventTime::parse(text).ok_or_else(|| Refusal::Question(format!("`{name}={text}` is no time such as 2026-11-24T08:00:00Z")))
}

/// The question for windows.
#[derive(Debug, Deserialize)]
pub(super) struct WindowsQuestion {
    building: Option<String>,
    /// As `15m`: windows that begin within the same one are one row.
    bucket: Option<String>,
    limit: Option<u32>,
    since: Option<String>,
    until: Option<String>,
}

pub(super) async fn aggregations(
    State(shown): State<Arc<Shown>>,
    Query(question): Query<WindowsQuestion>,
) -> Result<Response, Refusal> {
    let WindowsQuestion { building, bucket, limit, since, until } = question;
    let range = range(&shown, since.as_deref(), until.as_deref()).await?;
    let bucket_s = bucket.as_deref().map(bucket_seconds).transpose()?;
    let limit = limit.unwrap_or(DEFAULT_LIMIT).min(MOST_ROWS);
    let rows = shown.archive.windows(&Windows { building, range, bucket_s, limit }).await?;
    Ok(json_rows(&rows, |row, out| shown.format.write_aggregation(row, out)))
}

fn bucket_seconds(text: &str) -> Result<i64, Refusal> {
    let span: Span = text.parse().map_err(|error| Refusal::Question(format!("`bucket`: {error}")))?;
    match span.micros() / 1_000_000 {
        0 => Err(Refusal::Question(format!("`bucket={text}` is shorter than a second"))),
        seconds => Ok(seconds),
    }
}

/// The question for findings.
#[derive(Debug, Deserialize)]
pub(super) struct FindingsQuestion {
    building: Option<String>,
    detector: Option<String>,
    /// Words, separated by commas.
    severity: Option<String>,
    /// The last row of the answer before: its time and id, separated by a comma.
    after: Option<String>,
    limit: Option<u32>,
    since: Option<String>,
    until: Option<String>,
    /// `json` or `csv`.
    format: Option<String>,
}

pub(super) async fn anomalies(
    State(shown): State<Arc<Shown>>,
    Query(question): Query<FindingsQuestion>,
) -> Result<Response, Refusal> {
    let FindingsQuestion { building, detector, severity, after, limit, since, until, format } = question;
    let range = range(&shown, since.as_deref(), until.as_deref()).await?;
    let severities = severity.as_deref().map(severities).transpose()?.unwrap_or_default();
    let after = after.as_deref().map(cursor).transpose()?;
    let limit = limit.unwrap_or(DEFAULT_LIMIT).min(MOST_ROWS);
    let rows = shown.archive.findings(&Findings { building, detector, severities, range, after, limit }).await?;
    match format.as_deref() {
        None | Some("json") => Ok(json_rows(&rows, |row, out| shown.format.write_anomaly(row, out))),
        Some("csv") => Ok(csv_rows(&rows, &shown.measures)),
        Some(other) => Err(Refusal::Question(format!("`format={other}` is neither json nor csv"))),
    }
}

fn severities(words: &str) -> Result<Vec<Severity>, Refusal> {
    let of_word = |word| {
        let unknown = || Refusal::Question(format!("`severity={word}` is none of minor, anomaly and critical"));
        Severity::of_word(word).ok_or_else(unknown)
    };
    words.split(',').filter(|word| !word.is_empty()).map(of_word).collect()
}

fn cursor(text: &str) -> Result<(EventTime, Uuid), Refusal> {
    let parts = text.split_once(',').and_then(|(time, id)| Some((EventTime::parse(time)?, id.parse().ok()?)));
    parts.ok_or_else(|| Refusal::Question(format!("`after={text}` is not the time and the id of a row, separated by a comma")))
}

fn json_rows<R>(rows: &[R], write: impl Fn(&R, &mut Vec<u8>)) -> Response {
    let mut body = b"[".to_vec();
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        write(row, &mut body);
    }
    body.push(b']');
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// A text that a spreadsheet would take for a formula begins with an apostrophe, which it does not show. Numbers stay numbers.
fn cell(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{text}") } else { text.to_owned() }
}

/// RFC 4180, with the names of the table's columns.
fn csv_rows(rows: &[Anomaly<'_>], measures: &[String]) -> Response {
    let mut csv = csv::Writer::from_writer(Vec::new());
    let written = (|| {
        let before = ["id", "detected_at", "building", "floor", "meter"];
        let after = ["distance", "threshold", "cluster", "severity", "score", "reason", "detector", "detector_version"];
        csv.write_record(before.into_iter().chain(measures.iter().map(String::as_str)).chain(after))?;
        for row in rows {
            let number = |value: f64| if value.is_finite() { value.to_string() } else { String::new() };
            let mut record = vec![row.id.to_string(), row.detected_at.to_string(), cell(&row.building)];
            record.extend([row.floor.map(|floor| floor.to_string()).unwrap_or_default(), cell(&row.meter)]);
            record.extend(row.measures.iter().copied().map(number));
            record.extend([row.distance, row.threshold].map(|value| number(value.unwrap_or(f64::NAN))));
            record.push(row.cluster.map(|cluster| cluster.to_string()).unwrap_or_default());
            record.extend([row.severity.word().to_owned(), number(row.score), cell(&row.reason)]);
            record.extend([cell(&row.detector), cell(&row.detector_version)]);
            csv.write_record(record)?;
        }
        csv.flush()
    })();
    written.expect("a Vec takes every write, and all records are as long as the first");
    let body = csv.into_inner().expect("it was flushed");
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"wattdog-anomalies.csv\""),
    ];
    (headers, body).into_response()
}
