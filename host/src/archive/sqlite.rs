//! Questions to an SQLite file.

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteRow};
use sqlx::{AssertSqlSafe, Error, Row as _};

use super::cells::{cells, count, finding, window, wrong};
use super::sql::{self, Dialect, Parameter, Statement};
use super::{Count, Findings, MOST_CONNECTIONS, Range, TIMEOUT, Windows};
use crate::domain::EventTime;
use crate::results::{Aggregation, Anomaly};
use crate::sink::sqlite::Config;

const DIALECT: Dialect = Dialect {
    time: str::to_owned,
    bound: |time| Parameter::Text(bound(time)),
    exact: |time| Parameter::Text(time.to_string()),
    column: str::to_owned,
    bucket: |seconds| format!("strftime('%Y-%m-%dT%H:%M:%SZ', unixepoch(window_start) / {seconds} * {seconds}, 'unixepoch')"),
    all: |column| format!("min({column})"),
    text: str::to_owned,
    id: str::to_owned,
};

/// Without its `Z` a whole second sorts before all that begins with it, so that fractions need no thought.
fn bound(time: EventTime) -> String {
    let mut text = EventTime(time.0.div_euclid(1_000_000) * 1_000_000).to_string();
    text.pop();
    text
}

fn time(row: &SqliteRow, place: usize) -> Result<EventTime, Error> {
    let text: String = row.try_get(place)?;
    EventTime::parse(&text).ok_or_else(|| wrong(format!("time `{text}`")))
}

cells!(SqliteRow, time);

pub(super) struct Sqlite {
    pool: SqlitePool,
    measures: Vec<String>,
}

impl Sqlite {
    pub(super) fn new(config: &Config, measures: &[String]) -> Self {
        let options = SqliteConnectOptions::new().filename(&config.path).read_only(true).busy_timeout(TIMEOUT);
        let pool = SqlitePoolOptions::new().max_connections(MOST_CONNECTIONS).acquire_timeout(TIMEOUT).connect_lazy_with(options);
        Self { pool, measures: measures.to_vec() }
    }

    async fn rows(&self, statement: Statement<'_>) -> Result<Vec<SqliteRow>, Error> {
        let Statement { text, parameters, .. } = statement;
        let query = parameters.into_iter().fold(sqlx::query(AssertSqlSafe(text)), |query, parameter| match parameter {
            Parameter::Integer(value) => query.bind(value),
            Parameter::Text(value) => query.bind(value),
        });
        query.fetch_all(&self.pool).await
    }

    pub(super) async fn latest(&self) -> Result<Option<EventTime>, Error> {
        let rows = self.rows(sql::latest(&DIALECT)).await?;
        rows.first().map_or(Ok(None), |row| Ok(row.try_get::<Option<String>, _>(0)?.and_then(|text| EventTime::parse(&text))))
    }

    pub(super) async fn windows(&self, windows: &Windows) -> Result<Vec<Aggregation>, Error> {
        let rows = self.rows(sql::windows(&DIALECT, &self.measures, windows)).await?;
        rows.iter().map(|row| window(row, self.measures.len())).collect()
    }

    pub(super) async fn findings(&self, findings: &Findings) -> Result<Vec<Anomaly<'static>>, Error> {
        let rows = self.rows(sql::findings(&DIALECT, &self.measures, findings)).await?;
        rows.iter().map(|row| finding(row, self.measures.len())).collect()
    }

    pub(super) async fn counts(&self, range: Range) -> Result<Vec<Count>, Error> {
        self.rows(sql::counts(&DIALECT, range)).await?.iter().map(count).collect()
    }
}
