//! PostgreSQL: one statement for each table and batch.

mod config;
mod examine;
mod statements;

use std::pin::pin;
use std::time::Duration;

use sqlx::migrate::MigrateDatabase as _;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Postgres};

pub use config::Config;
use examine::examine;
use statements::Statements;

use super::{RowBatch, Sink, SinkError, migrations, within};
use crate::config::Span;
use crate::domain::EventTime;
use crate::results::{Aggregation, Anomaly};

const TIMEOUT_KEY: &str = "sink.postgres.timeout";
/// The pool tries again within it without a word, so an outage that is longer is told.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A migration may have to go through a large table.
const MIGRATION_TIMEOUT: Duration = Duration::from_secs(600);

/// The store.
pub struct PostgresSink {
    config: Config,
    statements: Statements,
    pool: Option<PgPool>,
}

impl PostgresSink {
    /// For rows of these measures.
    #[must_use]
    pub fn new(config: Config, measures: &[String]) -> Self {
        Self { config, statements: Statements::new(measures), pool: None }
    }
}

impl Sink for PostgresSink {
    fn name(&self) -> &'static str {
        "postgres"
    }

    async fn prepare(&mut self) -> Result<(), SinkError> {
        self.close();
        let limit = self.config.timeout.duration();
        let pool = within(limit, TIMEOUT_KEY, self.connect()).await?;
        within(MIGRATION_TIMEOUT, TIMEOUT_KEY, make_tables(&pool)).await?;
        let columns = async {
            for statement in &self.statements.add_columns {
                sqlx::query(AssertSqlSafe(statement.clone())).execute(&pool).await.map_err(outside)?;
            }
            Ok(())
        };
        within(limit, TIMEOUT_KEY, columns).await?;
        self.pool = Some(pool);
        Ok(())
    }

    async fn write(&mut self, batch: &RowBatch) -> Result<(), SinkError> {
        let written = async {
            match self.store(batch, Again::No).await {
                Err(error) if is_duplicate(&error) => self.store(batch, Again::Yes).await,
                stored => stored,
            }
            .map_err(outside)
        };
        self.answer(written).await
    }

    async fn examine(&mut self) -> Result<String, SinkError> {
        within(self.config.timeout.duration(), TIMEOUT_KEY, examine(&self.config.url)).await
    }

    fn keep(&self) -> Option<Span> {
        self.config.keep
    }

    async fn delete_older(&mut self, time: EventTime, most: u32) -> Result<u64, SinkError> {
        let deleted = async {
            let pool = self.pool.as_ref().ok_or(sqlx::Error::PoolClosed).map_err(outside)?;
            let mut rows = 0;
            for statement in Statements::DELETE_OLDER {
                let query = sqlx::query(statement).bind(time.0).bind(i64::from(most));
                rows += query.execute(pool).await.map_err(outside)?.rows_affected();
            }
            Ok(rows)
        };
        self.answer(deleted).await
    }
}

impl PostgresSink {
    /// Makes the database where it is missing.
    async fn connect(&self) -> Result<PgPool, SinkError> {
        let url = &self.config.url;
        if !Postgres::database_exists(url).await.unwrap_or(true) {
            Postgres::create_database(url).await.map_err(outside)?;
        }
        let mut options: PgConnectOptions = url.parse().map_err(outside)?;
        if !options.get_options().is_some_and(|options| options.contains("statement_timeout")) {
            options = options.options([("statement_timeout", self.config.timeout.duration().as_millis())]);
        }
        let limit = CONNECT_TIMEOUT.min(self.config.timeout.duration());
        PgPoolOptions::new().max_connections(1).acquire_timeout(limit).connect_with(options).await.map_err(outside)
    }

    /// Waits within the limit. A connection that did not answer in time would keep the next question waiting, so it goes.
    async fn answer<T>(&self, question: impl Future<Output = Result<T, SinkError>>) -> Result<T, SinkError> {
        let mut question = pin!(question);
        let answer = within(self.config.timeout.duration(), TIMEOUT_KEY, question.as_mut()).await;
        if matches!(answer, Err(SinkError::Unavailable(_))) {
            self.close();
        }
        answer
    }

    /// Before the question that is still open is dropped, so that its connection is closed then and not asked again.
    fn close(&self) {
        if let Some(pool) = &self.pool {
            // Closed by the call; to wait is to wait for the connection.
            drop(pool.close());
        }
    }

    /// Stores a batch whole or not at all.
    async fn store(&self, batch: &RowBatch, again: Again) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.as_ref().ok_or(sqlx::Error::PoolClosed)?.begin().await?;
        if !batch.aggregations.is_empty() {
            bind_aggregations(&self.statements.upsert_aggregations, &batch.aggregations).execute(&mut *transaction).await?;
        }
        for (findings, insert) in
            [(&batch.anomalies, &self.statements.anomalies), (&batch.shadow_anomalies, &self.statements.shadow_anomalies)]
        {
            let statement = match again {
                Again::No => &insert.all,
                Again::Yes => &insert.missing,
            };
            if !findings.is_empty() {
                bind_anomalies(statement, findings).execute(&mut *transaction).await?;
            }
        }
        transaction.commit().await
    }
}

/// Runs the migrations, without the server's limit to a statement. The pool has one connection.
async fn make_tables(pool: &PgPool) -> Result<(), SinkError> {
    sqlx::query("SET statement_timeout = 0").execute(pool).await.map_err(outside)?;
    migrations::postgres().run(pool).await.map_err(|error| SinkError::Unavailable(format!("cannot make its tables: {error}")))?;
    sqlx::query("RESET statement_timeout").execute(pool).await.map_err(outside)?;
    Ok(())
}

/// May some of the findings be there already?
#[derive(Clone, Copy)]
enum Again {
    No,
    Yes,
}

type Query<'q> = sqlx::query::Query<'q, Postgres, sqlx::postgres::PgArguments>;

fn bind_aggregations<'q>(statement: &str, rows: &[Aggregation]) -> Query<'q> {
    let mut query = sqlx::query(AssertSqlSafe(statement.to_owned()))
        .bind(column(rows, |row| row.building.clone()))
        .bind(column(rows, |row| row.window_start.0))
        .bind(column(rows, |row| row.window_end.0))
        .bind(column(rows, |row| row.count as i64))
        .bind(column(rows, |row| row.revision as i32))
        .bind(column(rows, |row| row.is_final));
    for measure in 0..rows[0].measures.len() {
        query = query
            .bind(column(rows, |row| number(row.measures[measure].avg)))
            .bind(column(rows, |row| number(row.measures[measure].min)))
            .bind(column(rows, |row| number(row.measures[measure].max)))
            .bind(column(rows, |row| number(row.measures[measure].sum)));
    }
    query
}

fn bind_anomalies<'q>(statement: &str, rows: &[Anomaly<'_>]) -> Query<'q> {
    let mut query = sqlx::query(AssertSqlSafe(statement.to_owned()))
        .bind(column(rows, |row| row.id))
        .bind(column(rows, |row| row.detected_at.0))
        .bind(column(rows, |row| &*row.building))
        .bind(column(rows, |row| row.floor))
        .bind(column(rows, |row| &*row.meter))
        .bind(column(rows, |row| row.distance))
        .bind(column(rows, |row| row.threshold))
        .bind(column(rows, |row| row.cluster))
        .bind(column(rows, |row| row.severity.word()))
        .bind(column(rows, |row| number(row.score)))
        .bind(column(rows, |row| &*row.reason))
        .bind(column(rows, |row| row.expected.as_deref()))
        .bind(column(rows, |row| row.context.as_deref()))
        .bind(column(rows, |row| &*row.detector))
        .bind(column(rows, |row| &*row.detector_version))
        .bind(column(rows, |row| &*row.detector_digest))
        .bind(column(rows, |row| row.source_partition))
        .bind(column(rows, |row| row.source_offset));
    for measure in 0..rows[0].measures.len() {
        query = query.bind(column(rows, |row| number(row.measures[measure])));
    }
    query
}

fn column<'r, R, T>(rows: &'r [R], value: impl Fn(&'r R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

fn number(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// A finding is there already, as after a replay.
fn is_duplicate(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// A statement's data was refused, or else the server or the way to it is at fault.
fn outside(error: sqlx::Error) -> SinkError {
    match &error {
        sqlx::Error::Database(refusal) if refusal.code().is_some_and(|code| is_about_a_row(&code)) => {
            SinkError::Refused(error.to_string())
        }
        _ => SinkError::Unavailable(error.to_string()),
    }
}

/// Classes 22 and 23, data exceptions and violated constraints; 54000, a key too long for an index; P0001, a trigger of the
/// operator's that says no. The same row fails again, and others may not.
fn is_about_a_row(code: &str) -> bool {
    code.starts_with("22") || code.starts_with("23") || code == "54000" || code == "P0001"
}
