//! The questions as SQL, in the dialect of each database.

use sqlx::Error;

use super::cells::{Cells, count, finding, window};
use super::{Count, Findings, Range, Windows};
use crate::domain::EventTime;
use crate::results::{Aggregation, Anomaly};

/// A database that is asked in SQL.
pub(super) trait Sql {
    const DIALECT: Dialect;
    type Row: Cells + Send;

    fn measures(&self) -> &[String];

    async fn rows(&self, statement: Statement) -> Result<Vec<Self::Row>, Error>;

    async fn latest(&self) -> Result<Option<EventTime>, Error> {
        self.rows(latest(&Self::DIALECT)).await?.first().map(|row| row.time(0)).transpose()
    }

    async fn windows(&self, asked: &Windows) -> Result<Vec<Aggregation>, Error> {
        let rows = self.rows(windows(&Self::DIALECT, self.measures(), asked)).await?;
        rows.iter().map(|row| window(row, self.measures().len())).collect()
    }

    async fn findings(&self, asked: &Findings) -> Result<Vec<Anomaly<'static>>, Error> {
        let rows = self.rows(findings(&Self::DIALECT, self.measures(), asked)).await?;
        rows.iter().map(|row| finding(row, self.measures().len())).collect()
    }

    async fn counts(&self, range: Range) -> Result<Vec<Count>, Error> {
        self.rows(counts(&Self::DIALECT, range)).await?.iter().map(count).collect()
    }
}

/// What differs between databases.
pub(super) struct Dialect {
    /// A time as it goes into a comparison, made of the parameter's text.
    pub(super) time: fn(parameter: &str) -> String,
    /// What is bound as that parameter where a range begins or ends.
    pub(super) bound: fn(EventTime) -> Parameter,
    /// Likewise, for the time of a row.
    pub(super) exact: fn(EventTime) -> Parameter,
    /// A column of times as it comes out.
    pub(super) column: fn(&str) -> String,
    /// The start of the bucket of so many seconds in which `window_start` lies, of the same type.
    pub(super) bucket: fn(seconds: i64) -> String,
    /// Whether all of a boolean column are true.
    pub(super) all: fn(&str) -> String,
    /// A column of another type as text.
    pub(super) text: fn(&str) -> String,
    /// The parameter of a finding's id.
    pub(super) id: fn(parameter: &str) -> String,
}

/// A value of a statement.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Parameter {
    Integer(i64),
    Text(String),
}

/// A statement with its values, as `$1`, `$2` and so on.
pub(super) struct Statement {
    pub(super) text: String,
    pub(super) parameters: Vec<Parameter>,
}

impl Statement {
    fn new(text: &str) -> Self {
        Self { text: text.to_owned(), parameters: Vec::new() }
    }

    fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    fn bind(&mut self, value: Parameter) -> &mut Self {
        self.bind_as(str::to_owned, value)
    }

    /// `cast`: what is made of the parameter.
    fn bind_as(&mut self, cast: fn(&str) -> String, value: Parameter) -> &mut Self {
        self.parameters.push(value);
        let parameter = cast(&format!("${}", self.parameters.len()));
        self.push(&parameter)
    }

    fn bind_texts<'t>(&mut self, texts: impl Iterator<Item = &'t str>) -> &mut Self {
        for (index, text) in texts.enumerate() {
            self.push(if index == 0 { "" } else { ", " }).bind(Parameter::Text(text.to_owned()));
        }
        self
    }

    /// Rows of which `column` lies in the range.
    fn push_range(&mut self, dialect: &Dialect, column: &str, range: Range) -> &mut Self {
        let Dialect { time, bound, .. } = *dialect;
        self.push(" WHERE ").push(column).push(" >= ").bind_as(time, bound(range.since));
        self.push(" AND ").push(column).push(" < ").bind_as(time, bound(range.until))
    }

    fn push_equal(&mut self, column: &str, value: Option<&String>) {
        if let Some(value) = value {
            self.push(" AND ").push(column).push(" = ").bind(Parameter::Text(value.clone()));
        }
    }
}

/// At most one row: the latest `window_start`.
fn latest(dialect: &Dialect) -> Statement {
    let time = (dialect.column)("window_start");
    Statement::new(&format!("SELECT {time} FROM aggregations ORDER BY window_start DESC LIMIT 1"))
}

/// Rows for [`window`], latest first.
fn windows(dialect: &Dialect, measures: &[String], windows: &Windows) -> Statement {
    let column = dialect.column;
    let start = windows.bucket_s.map_or_else(|| "window_start".to_owned(), dialect.bucket);
    let mut statement = Statement::new(&format!("SELECT building, {}, ", column(&start)));
    match windows.bucket_s {
        None => {
            statement.push(&format!("{}, count, revision, final", column("window_end")));
            for m in measures {
                statement.push(&format!(r#", "avg_{m}", "min_{m}", "max_{m}", "sum_{m}", "count_{m}""#));
            }
        }
        Some(_) => {
            let (end, all) = (column("max(window_end)"), (dialect.all)("final"));
            statement.push(&format!("{end}, CAST(sum(count) AS bigint), max(revision), {all}"));
            for m in measures {
                // A mean of means, each as heavy as the readings of the measure; rows of older programs have only those of the window.
                let weight = format!(r#"CASE WHEN "avg_{m}" IS NULL THEN 0 ELSE coalesce("count_{m}", count) END"#);
                let mean = format!(r#"sum("avg_{m}" * {weight}) / nullif(sum({weight}), 0)"#);
                let readings = format!("CAST(sum({weight}) AS bigint)");
                statement.push(&format!(r#", {mean}, min("min_{m}"), max("max_{m}"), sum("sum_{m}"), {readings}"#));
            }
        }
    }
    statement.push(" FROM aggregations").push_range(dialect, "window_start", windows.range);
    statement.push_equal("building", windows.building.as_ref());
    if windows.bucket_s.is_some() {
        statement.push(&format!(" GROUP BY building, {start}"));
    }
    // By the columns themselves, which have an index, or are what rows are grouped by.
    statement.push(&format!(" ORDER BY {start} DESC, building LIMIT ")).bind(Parameter::Integer(windows.limit.into()));
    statement
}

/// Rows for [`finding`].
fn findings(dialect: &Dialect, measures: &[String], findings: &Findings) -> Statement {
    let time = (dialect.column)("detected_at");
    let [id, expected, context] = ["id", "expected", "context"].map(dialect.text);
    let mut statement = Statement::new(&format!(
        "SELECT {id}, {time}, building, floor, meter, distance, threshold, cluster, severity, score, reason, {expected}, \
         {context}, detector, detector_version, detector_digest, source_partition, source_offset"
    ));
    for measure in measures {
        statement.push(&format!(r#", "{measure}""#));
    }
    statement.push(" FROM anomalies").push_range(dialect, "detected_at", findings.range);
    statement.push_equal("building", findings.building.as_ref());
    statement.push_equal("detector", findings.detector.as_ref());
    if !findings.severities.is_empty() {
        let words = findings.severities.iter().map(|severity| severity.word());
        statement.push(" AND severity IN (").bind_texts(words).push(")");
    }
    if let Some((time, id)) = findings.after {
        statement.push(" AND (detected_at, id) < (").bind_as(dialect.time, (dialect.exact)(time)).push(", ");
        statement.bind_as(dialect.id, Parameter::Text(id.to_string())).push(")");
    }
    statement.push(" ORDER BY detected_at DESC, id DESC LIMIT ").bind(Parameter::Integer(findings.limit.into()));
    statement
}

/// Rows for [`count`].
fn counts(dialect: &Dialect, range: Range) -> Statement {
    let mut statement = Statement::new("SELECT building, severity, count(*) FROM anomalies");
    statement.push_range(dialect, "detected_at", range).push(" GROUP BY building, severity ORDER BY building, severity");
    statement
}
