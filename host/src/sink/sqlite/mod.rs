//! SQLite: a file, for one machine.

mod config;
mod statements;

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _};

pub use config::Config;
use statements::Statements;

use super::{RowBatch, Sink, SinkError, migrations};
use crate::config::Span;
use crate::domain::EventTime;

/// The store.
pub struct SqliteSink {
    config: Config,
    statements: Statements,
    open: Option<Open>,
}

/// The file that rows go to.
struct Open {
    pool: SqlitePool,
    identity: Identity,
}

/// Device and inode: another file at the same path has others.
type Identity = (u64, u64);

impl SqliteSink {
    /// For rows of these measures.
    #[must_use]
    pub fn new(config: Config, measures: &[String]) -> Self {
        Self { config, statements: Statements::new(measures), open: None }
    }

    fn pool(&self) -> Result<&SqlitePool, SinkError> {
        self.open.as_ref().map(|open| &open.pool).ok_or_else(|| SinkError::Unavailable("not open".into()))
    }

    /// Rows that go to a file that was deleted are in no file.
    fn look_at_path(&self) -> Result<(), SinkError> {
        let path = &self.config.path;
        if self.open.as_ref().is_some_and(|open| identity(path).is_ok_and(|now| now == open.identity)) {
            return Ok(());
        }
        let path = path.display();
        Err(SinkError::Unavailable(format!(
            "{path} was deleted, moved or replaced while it was open; what comes goes to the file that is there now, and earlier rows when \
             the sink's group is set back (operate.md)"
        )))
    }

    async fn add_columns(&self, pool: &SqlitePool) -> Result<(), SinkError> {
        for (table, column, type_) in &self.statements.columns {
            let known: i64 = sqlx::query_scalar("SELECT count(*) FROM pragma_table_info(?) WHERE name = ?")
                .bind(table)
                .bind(column)
                .fetch_one(pool)
                .await
                .map_err(outside)?;
            if known == 0 {
                let add = format!("ALTER TABLE {table} ADD COLUMN \"{column}\" {type_}");
                sqlx::query(AssertSqlSafe(add)).execute(pool).await.map_err(outside)?;
            }
        }
        Ok(())
    }
}

impl Sink for SqliteSink {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    async fn prepare(&mut self) -> Result<(), SinkError> {
        let options = SqliteConnectOptions::new()
            .filename(&self.config.path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(self.config.timeout.duration());
        let cannot = |error| SinkError::Unavailable(format!("cannot open {}: {error}", self.config.path.display()));
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.map_err(cannot)?;
        migrations::sqlite()
            .run(&pool)
            .await
            .map_err(|error| SinkError::Unavailable(format!("cannot make its tables: {error}")))?;
        self.add_columns(&pool).await?;
        let identity = identity(&self.config.path).map_err(|error| cannot(sqlx::Error::Io(error)))?;
        self.open = Some(Open { pool, identity });
        Ok(())
    }

    async fn write(&mut self, batch: &RowBatch) -> Result<(), SinkError> {
        let pool = self.pool()?;
        let mut transaction = pool.begin().await.map_err(outside)?;
        for row in batch.aggregations.iter() {
            let mut query = sqlx::query(AssertSqlSafe(self.statements.upsert_aggregation.clone()))
                .bind(&row.building)
                .bind(row.window_start.to_string())
                .bind(row.window_end.to_string())
                .bind(row.count as i64)
                .bind(i64::from(row.revision))
                .bind(row.is_final);
            for stats in &row.measures {
                query = query.bind(stats.avg).bind(stats.min).bind(stats.max).bind(stats.sum);
                query = query.bind(stats.count.map(|count| count as i64));
            }
            query.execute(&mut *transaction).await.map_err(outside)?;
        }
        let findings = batch.anomalies.iter().map(|row| (row, &self.statements.insert_anomaly));
        let shadow_findings = batch.shadow_anomalies.iter().map(|row| (row, &self.statements.insert_shadow_anomaly));
        for (row, insert) in findings.chain(shadow_findings) {
            let mut query = sqlx::query(AssertSqlSafe(insert.clone()))
                .bind(row.id.to_string())
                .bind(row.detected_at.to_string())
                .bind(&row.building)
                .bind(row.floor)
                .bind(&row.meter)
                .bind(row.distance)
                .bind(row.threshold)
                .bind(row.cluster)
                .bind(row.severity.word())
                .bind(row.score)
                .bind(&row.reason)
                .bind(&row.expected)
                .bind(&row.context)
                .bind(&row.detector)
                .bind(&row.detector_version)
                .bind(&row.detector_digest)
                .bind(row.source_partition)
                .bind(row.source_offset);
            for value in &row.measures {
                // SQLite stores NaN as NULL.
                query = query.bind(value);
            }
            query.execute(&mut *transaction).await.map_err(outside)?;
        }
        self.look_at_path()?;
        transaction.commit().await.map_err(outside)?;
        // It may have gone since the last look; then these rows are written again.
        self.look_at_path()
    }

    async fn examine(&mut self) -> Result<String, SinkError> {
        let path = self.config.path.display();
        if !self.config.path.exists() {
            return Ok(format!("a host will make {path}"));
        }
        let cannot = |error| SinkError::Unavailable(format!("cannot open {path}: {error}"));
        let options = SqliteConnectOptions::new().filename(&self.config.path).busy_timeout(self.config.timeout.duration());
        let mut file = options.connect().await.map_err(cannot)?;
        let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_master").fetch_one(&mut file).await.map_err(cannot)?;
        Ok(format!("{path} can be opened; it has {rows} tables and indexes"))
    }

    fn keep(&self) -> Option<Span> {
        self.config.keep
    }

    async fn delete_older(&mut self, time: EventTime, most: u32) -> Result<u64, SinkError> {
        let pool = self.pool()?;
        // Without its `Z` a whole second sorts before all that begins with it, so that fractions need no thought.
        let before = EventTime(time.0.div_euclid(1_000_000) * 1_000_000).to_string();
        let mut rows = 0;
        for statement in Statements::DELETE_OLDER {
            let query = sqlx::query(statement).bind(before.trim_end_matches('Z')).bind(most);
            rows += query.execute(pool).await.map_err(outside)?.rows_affected();
        }
        Ok(rows)
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> std::io::Result<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Where the system has no such numbers, a file that is there is the one that was opened.
#[cfg(not(unix))]
fn identity(path: &Path) -> std::io::Result<Identity> {
    std::fs::metadata(path).map(|_| (0, 0))
}

/// What an error means: the row's fault, or that of the file or of another who holds it.
fn outside(error: sqlx::Error) -> SinkError {
    /// SQLite's kinds of errors: a text that is too big, a constraint, another type.
    const ABOUT_A_ROW: [i32; 3] = [18, 19, 20];
    /// An error in SQL, as of a column that is missing; rights, locks, the disk, a damaged file, another schema, no database.
    const ABOUT_THE_FILE: [i32; 17] = [1, 3, 4, 5, 6, 8, 9, 10, 11, 13, 14, 15, 17, 22, 23, 26, 29];
    let words = error.to_string();
    let code = error.as_database_error().and_then(|error| error.code()).and_then(|code| code.parse::<i32>().ok());
    // The lowest eight bits are the kind, the others say more.
    match code.map(|code| code & 0xff) {
        Some(kind) if ABOUT_A_ROW.contains(&kind) => SinkError::Refused(words),
        Some(kind) if !ABOUT_THE_FILE.contains(&kind) => SinkError::Unclear(words),
        None if matches!(error, sqlx::Error::Encode(_) | sqlx::Error::Protocol(_)) => SinkError::Unclear(words),
        _ => SinkError::Unavailable(words),
    }
}
