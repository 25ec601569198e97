//! Questions to PostgreSQL.

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::{AssertSqlSafe, Error, Row as _};

use super::cells::{cells, count, finding, window};
use super::sql::{self, Dialect, Parameter, Statement};
use super::{Count, Findings, MOST_CONNECTIONS, Range, TIMEOUT, Windows};
use crate::domain::EventTime;
use crate::results::{Aggregation, Anomaly};
use crate::sink::postgres::Config;

const DIALECT: Dialect = Dialect {
    time: |parameter| format!("'epoch'::timestamptz + {parameter} * interval '1 microsecond'"),
    bound: |time| Parameter::Integer(time.0),
    exact: |time| Parameter::Integer(time.0),
    column: |column| format!("(extract(epoch FROM {column}) * 1000000)::bigint"),
    bucket: |seconds| {
        format!("(extract(epoch FROM date_bin({seconds} * interval '1 second', window_start, 'epoch')) * 1000000)::bigint")
    },
    all: |column| format!("bool_and({column})"),
    text: |column| format!("{column}::text"),
    id: |parameter| format!("{parameter}::uuid"),
};

cells!(PgRow, |row: &PgRow, place: usize| row.try_get(place).map(EventTime));

pub(super) struct Postgres {
    pool: PgPool,
    measures: Vec<String>,
}

impl Postgres {
    pub(super) fn new(config: &Config, measures: &[String]) -> Result<Self, Error> {
        let options: PgConnectOptions = config.url.parse()?;
        let options = options.options([("statement_timeout", TIMEOUT.as_millis().to_string())]);
        let pool = PgPoolOptions::new().max_connections(MOST_CONNECTIONS).acquire_timeout(TIMEOUT).connect_lazy_with(options);
        Ok(Self { pool, measures: measures.to_vec() })
    }

    async fn rows(&self, statement: Statement<'_>) -> Result<Vec<PgRow>, Error> {
        let Statement { text, parameters, .. } = statement;
        let query = parameters.into_iter().fold(sqlx::query(AssertSqlSafe(text)), |query, parameter| match parameter {
            Parameter::Integer(value) => query.bind(value),
            Parameter::Text(value) => query.bind(value),
        });
        query.fetch_all(&self.pool).await
    }

    pub(super) async fn latest(&self) -> Result<Option<EventTime>, Error> {
        let rows = self.rows(sql::latest(&DIALECT)).await?;
        rows.first().map_or(Ok(None), |row| Ok(row.try_get::<Option<i64>, _>(0)?.map(EventTime)))
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
