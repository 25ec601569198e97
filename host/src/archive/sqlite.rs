//! Questions to an SQLite file.

use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteRow};
use sqlx::{AssertSqlSafe, Error, Row as _};

use super::MOST_CONNECTIONS;
use super::cells::{cells, wrong};
use super::sql::{Dialect, Parameter, Sql, Statement};
use crate::domain::EventTime;
use crate::sink::sqlite::Config;

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
    pub(super) fn new(config: &Config, measures: &[String], timeout: Duration) -> Self {
        let options = SqliteConnectOptions::new().filename(&config.path).read_only(true).busy_timeout(timeout);
        let pool = SqlitePoolOptions::new().max_connections(MOST_CONNECTIONS).acquire_timeout(timeout).connect_lazy_with(options);
        Self { pool, measures: measures.to_vec() }
    }
}

impl Sql for Sqlite {
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
    type Row = SqliteRow;

    fn measures(&self) -> &[String] {
        &self.measures
    }

    async fn rows(&self, statement: Statement) -> Result<Vec<SqliteRow>, Error> {
        let query = sqlx::query(AssertSqlSafe(statement.text));
        let query = statement.parameters.into_iter().fold(query, |query, parameter| match parameter {
            Parameter::Integer(value) => query.bind(value),
            Parameter::Text(value) => query.bind(value),
        });
        query.fetch_all(&self.pool).await
    }
}
