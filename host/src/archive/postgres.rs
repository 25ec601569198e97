//! Questions to PostgreSQL.

use std::time::Duration;

use sqlx::postgres::{PgPool, PgPoolOptions, PgRow};
use sqlx::{AssertSqlSafe, Error, Row as _};

use super::MOST_CONNECTIONS;
use super::cells::cells;
use super::sql::{Dialect, Parameter, Sql, Statement};
use crate::domain::EventTime;
use crate::sink::postgres::{Config, Connection};

cells!(PgRow, |row: &PgRow, place: usize| row.try_get(place).map(EventTime));

pub(super) struct Postgres {
    pool: PgPool,
    connection: Connection,
    measures: Vec<String>,
}

impl Postgres {
    pub(super) fn new(config: &Config, measures: &[String], timeout: Duration) -> Result<Self, Error> {
        let statement_timeout = timeout.as_millis().to_string();
        // A thousand buildings' day is sorted in memory, and no question is so long that it is worth compiling.
        let settings = [("statement_timeout", statement_timeout), ("work_mem", "32MB".into()), ("jit", "off".into())];
        let connection = Connection::new(config, &settings)?;
        let pool = PgPoolOptions::new().max_connections(MOST_CONNECTIONS).acquire_timeout(timeout);
        Ok(Self { pool: pool.connect_lazy_with(connection.options()), connection, measures: measures.to_vec() })
    }

    pub(super) fn explained(&self, error: &Error) -> String {
        self.connection.explained(error)
    }
}

impl Sql for Postgres {
    const DIALECT: Dialect = Dialect {
        time: |parameter| format!("'epoch'::timestamptz + {parameter} * interval '1 microsecond'"),
        bound: |time| Parameter::Integer(time.0),
        exact: |time| Parameter::Integer(time.0),
        column: |column| format!("(extract(epoch FROM {column}) * 1000000)::bigint"),
        bucket: |seconds| format!("date_bin({seconds} * interval '1 second', window_start, 'epoch')"),
        all: |column| format!("bool_and({column})"),
        text: |column| format!("{column}::text"),
        id: |parameter| format!("{parameter}::uuid"),
    };
    type Row = PgRow;

    fn measures(&self) -> &[String] {
        &self.measures
    }

    async fn rows(&self, statement: Statement) -> Result<Vec<PgRow>, Error> {
        let mut transaction = self.connection.begin(&self.pool).await?;
        let query = self.connection.query(AssertSqlSafe(statement.text));
        let query = statement.parameters.into_iter().fold(query, |query, parameter| match parameter {
            Parameter::Integer(value) => query.bind(value),
            Parameter::Text(value) => query.bind(value),
        });
        let rows = query.fetch_all(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(rows)
    }
}
