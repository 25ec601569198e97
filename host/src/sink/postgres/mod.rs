//! PostgreSQL: one statement for each table and batch.

mod config;
mod connection;
mod examine;
mod refusals;
mod schema;
mod statements;

use std::pin::pin;
use std::time::Duration;

use sqlx::migrate::MigrateDatabase as _;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Postgres};

pub use config::Config;
pub(crate) use connection::Connection;
use connection::no_such_database;
use examine::examine;
use refusals::{is_duplicate, outside};
use schema::Schema;
use statements::Statements;

use super::{RowBatch, Sink, SinkError, within};
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
    database: Option<Database>,
}

/// A connection, kept by a pool that makes it anew when it breaks.
struct Database {
    pool: PgPool,
    connection: Connection,
}

impl PostgresSink {
    /// For rows of these measures.
    #[must_use]
    pub fn new(config: Config, measures: &[String]) -> Self {
        Self { config, statements: Statements::new(measures), database: None }
    }
}

impl Sink for PostgresSink {
    fn name(&self) -> &'static str {
        "postgres"
    }

    async fn prepare(&mut self) -> Result<(), SinkError> {
        self.close();
        let limit = self.config.timeout.duration();
        let database = within(limit, TIMEOUT_KEY, self.connect()).await?;
        let Database { pool, connection } = &database;
        let schema = Schema { connection, pool, columns: &self.statements.columns };
        within(MIGRATION_TIMEOUT, TIMEOUT_KEY, schema.complete()).await?;
        self.database = Some(database);
        Ok(())
    }

    async fn write(&mut self, batch: &RowBatch) -> Result<(), SinkError> {
        let written = async {
            let database = self.database()?;
            match self.store(database, batch, Again::No).await {
                Err(error) if is_duplicate(&error) => self.store(database, batch, Again::Yes).await,
                stored => stored,
            }
            .map_err(|error| outside(&database.connection, &error))
        };
        self.answer(written).await
    }

    async fn examine(&mut self) -> Result<String, SinkError> {
        within(self.config.timeout.duration(), TIMEOUT_KEY, examine(&self.connection()?)).await
    }

    fn keep(&self) -> Option<Span> {
        self.config.keep
    }

    async fn delete_older(&mut self, time: EventTime, most: u32) -> Result<u64, SinkError> {
        let deleted = async {
            let database = self.database()?;
            let mut rows = 0;
            for statement in Statements::DELETE_OLDER {
                let deleted = delete(database, statement, time, most).await;
                rows += deleted.map_err(|error| outside(&database.connection, &error))?;
            }
            Ok(rows)
        };
        self.answer(deleted).await
    }
}

impl PostgresSink {
    fn connection(&self) -> Result<Connection, SinkError> {
        let timeout = self.config.timeout.duration().as_millis().to_string();
        Connection::new(&self.config, &[("statement_timeout", timeout)])
            .map_err(|error| SinkError::Unavailable(format!("`sink.postgres.url`: {error}")))
    }

    /// Makes the database where it is missing.
    async fn connect(&self) -> Result<Database, SinkError> {
        let connection = self.connection()?;
        let explained = |error: sqlx::Error| SinkError::Unavailable(connection.explained(&error));
        // Not by the pool, which tries again for as long as it may and then says that it has waited.
        match connection.try_out().await {
            Err(error) if no_such_database(&error) && connection.may_create_database() => {
                // Two hosts may do it at once; the one that comes second finds it there.
                let created = Postgres::create_database(&self.config.url).await;
                connection.try_out().await.map_err(|error| explained(created.err().unwrap_or(error)))?;
            }
            tried => tried.map_err(explained)?,
        }
        let limit = CONNECT_TIMEOUT.min(self.config.timeout.duration());
        let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(limit).connect_lazy_with(connection.options());
        Ok(Database { pool, connection })
    }

    fn database(&self) -> Result<&Database, SinkError> {
        self.database.as_ref().ok_or_else(|| SinkError::Unavailable("not connected".into()))
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
        if let Some(database) = &self.database {
            // Closed by the call; to wait is to wait for the connection.
            drop(database.pool.close());
        }
    }

    /// Stores a batch whole or not at all.
    async fn store(&self, database: &Database, batch: &RowBatch, again: Again) -> Result<(), sqlx::Error> {
        let query = |statement: &str| database.connection.query(AssertSqlSafe(statement.to_owned()));
        let mut transaction = database.connection.begin(&database.pool).await?;
        if !batch.aggregations.is_empty() {
            let upsert = query(&self.statements.upsert_aggregations);
            bind_aggregations(upsert, &batch.aggregations).execute(&mut *transaction).await?;
        }
        for (findings, insert) in
            [(&batch.anomalies, &self.statements.anomalies), (&batch.shadow_anomalies, &self.statements.shadow_anomalies)]
        {
            let statement = match again {
                Again::No => &insert.all,
                Again::Yes => &insert.missing,
            };
            if !findings.is_empty() {
                bind_anomalies(query(statement), findings).execute(&mut *transaction).await?;
            }
        }
        transaction.commit().await
    }
}

/// One slice of one table.
async fn delete(database: &Database, statement: &'static str, time: EventTime, most: u32) -> Result<u64, sqlx::Error> {
    let mut transaction = database.connection.begin(&database.pool).await?;
    let query = database.connection.query(statement).bind(time.0).bind(i64::from(most));
    let rows = query.execute(&mut *transaction).await?.rows_affected();
    transaction.commit().await?;
    Ok(rows)
}

/// May some of the findings be there already?
#[derive(Clone, Copy)]
enum Again {
    No,
    Yes,
}

type Query<'q> = sqlx::query::Query<'q, Postgres, sqlx::postgres::PgArguments>;

fn bind_aggregations<'q>(statement: Query<'q>, rows: &[Aggregation]) -> Query<'q> {
    let mut query = statement
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
            .bind(column(rows, |row| number(row.measures[measure].sum)))
            .bind(column(rows, |row| row.measures[measure].count.map(|count| count as i64)));
    }
    query
}

fn bind_anomalies<'q>(statement: Query<'q>, rows: &[Anomaly<'_>]) -> Query<'q> {
    let mut query = statement
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
