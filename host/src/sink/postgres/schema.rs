//! The tables: looked at first, and changed only where something is missing.
//!
//! A change needs its table for itself, and a request for that makes all later readers wait too. So it is asked for in short
//! steps, and given up where somebody has the table: a dump or a long report goes on, and so do those who come after it.

use std::collections::HashSet;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, Migrator};
use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Postgres, Row as _, Transaction};

use super::connection::Connection;
use super::refusals::outside;
use crate::sink::{SinkError, migrations};

/// How long a change may wait for its table, and hold up others meanwhile.
const LOCK_TIMEOUT: &str = "100ms";
/// How long another host is left alone with the tables before they are looked at again.
const OTHER_HOST: Duration = Duration::from_millis(100);
/// Of all hosts whose sinks change tables.
const ADVISORY_LOCK: i64 = 0x7761_7474_646f_6721;
/// PostgreSQL's code for a lock that was not to be had in time.
const LOCK_NOT_AVAILABLE: &str = "55P03";

const MIGRATIONS_TABLE: &str = "CREATE TABLE IF NOT EXISTS _sqlx_migrations (
    version bigint PRIMARY KEY,
    description text NOT NULL,
    installed_on timestamptz NOT NULL DEFAULT now(),
    success boolean NOT NULL,
    checksum bytea NOT NULL,
    execution_time bigint NOT NULL
)";
const APPLIED: &str = "SELECT version, checksum, success FROM _sqlx_migrations ORDER BY version";
const APPLY: &str =
    "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES ($1, $2, true, $3, 0)";
/// Of a table that is not there: none.
const COLUMNS: &str =
    "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped";
/// Who has a table, so that a change has to wait.
const HOLDERS: &str =
    "SELECT coalesce(string_agg(DISTINCT format('process %s (%s)', pid, coalesce(nullif(application_name, ''), usename)),
        ', '), 'another transaction')
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE relation = to_regclass($1) AND granted AND pid <> pg_backend_pid()";

/// A column that a measure needs.
pub(super) struct Column {
    pub(super) table: &'static str,
    pub(super) name: String,
    pub(super) type_: &'static str,
}

/// Brings a database's tables to where this program needs them.
pub(super) struct Schema<'s> {
    pub(super) connection: &'s Connection,
    pub(super) pool: &'s PgPool,
    pub(super) columns: &'s [Column],
}

/// One change, in a transaction of its own, so that no table is held while another one is worked on.
enum Change<'s> {
    Migrate(Migration),
    AddColumns(&'static str, Vec<&'s Column>),
}

impl Schema<'_> {
    /// Makes what is missing, one change after the other.
    pub(super) async fn complete(&self) -> Result<(), SinkError> {
        while self.look().await?.is_some() {
            self.change().await?;
        }
        Ok(())
    }

    /// The next change. Reads the catalogue and the list of migrations alone, so it waits for nobody who works with the rows.
    async fn look(&self) -> Result<Option<Change<'_>>, SinkError> {
        let mut transaction = self.begin().await?;
        let next = self.next(&mut transaction).await?;
        self.commit(transaction).await?;
        Ok(next)
    }

    async fn next(&self, transaction: &mut Transaction<'_, Postgres>) -> Result<Option<Change<'_>>, SinkError> {
        let migrator = migrations::postgres();
        let applied = self.applied(transaction, &migrator).await?;
        if let Some(migration) = migrator.iter().find(|migration| !applied.contains(&migration.version)) {
            return Ok(Some(Change::Migrate(migration.clone())));
        }
        for table in ["aggregations", "anomalies", "shadow_anomalies"] {
            let query = self.connection.query(COLUMNS).bind(table);
            let rows = query.fetch_all(&mut **transaction).await.map_err(|error| self.away(&error))?;
            let there: HashSet<String> = rows.iter().map(|row| row.get(0)).collect();
            let missing: Vec<_> =
                self.columns.iter().filter(|column| column.table == table && !there.contains(&column.name)).collect();
            if !missing.is_empty() {
                return Ok(Some(Change::AddColumns(table, missing)));
            }
        }
        Ok(None)
    }

    /// The numbers of the migrations that were applied, all of which this program has to know.
    async fn applied(&self, transaction: &mut Transaction<'_, Postgres>, migrator: &Migrator) -> Result<HashSet<i64>, SinkError> {
        let query = self.connection.query("SELECT to_regclass('_sqlx_migrations') IS NOT NULL");
        let there = query.fetch_one(&mut **transaction).await.map_err(|error| self.away(&error))?;
        if !there.get::<bool, _>(0) {
            return Ok(HashSet::new());
        }
        let rows = self.connection.query(APPLIED).fetch_all(&mut **transaction).await.map_err(|error| self.away(&error))?;
        let mut applied = HashSet::new();
        for row in &rows {
            let (version, checksum, success): (i64, Vec<u8>, bool) = (row.get(0), row.get(1), row.get(2));
            let known = migrator.iter().find(|migration| migration.version == version);
            let wrong = match known {
                _ if !success => Some(MigrateError::Dirty(version)),
                None => Some(MigrateError::VersionMissing(version)),
                Some(migration) if *migration.checksum != *checksum => Some(MigrateError::VersionMismatch(version)),
                Some(_) => None,
            };
            if let Some(wrong) = wrong {
                return Err(SinkError::Unavailable(format!("cannot make its tables: {wrong}")));
            }
            applied.insert(version);
        }
        Ok(applied)
    }

    /// Makes the next change, unless another host is at it, or somebody has the table.
    async fn change(&self) -> Result<(), SinkError> {
        let mut transaction = self.begin().await?;
        let settings = AssertSqlSafe(format!("SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'; SET LOCAL statement_timeout = 0"));
        sqlx::raw_sql(settings).execute(&mut *transaction).await.map_err(|error| self.away(&error))?;
        let lock = self.connection.query("SELECT pg_try_advisory_xact_lock($1)").bind(ADVISORY_LOCK);
        let alone = lock.fetch_one(&mut *transaction).await.map_err(|error| self.away(&error))?;
        if !alone.get::<bool, _>(0) {
            transaction.rollback().await.map_err(|error| self.away(&error))?;
            tokio::time::sleep(OTHER_HOST).await;
            return Ok(());
        }
        // Another host may have been faster.
        let Some(change) = self.next(&mut transaction).await? else { return Ok(()) };
        let made = match &change {
            Change::Migrate(migration) => self.migrate(&mut transaction, migration).await,
            Change::AddColumns(table, columns) => self.add_columns(&mut transaction, table, columns).await,
        };
        if let Err(error) = made {
            drop(transaction);
            return Err(self.not_made(&change, &error).await);
        }
        self.commit(transaction).await
    }

    async fn migrate(&self, transaction: &mut Transaction<'_, Postgres>, migration: &Migration) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(MIGRATIONS_TABLE).execute(&mut **transaction).await?;
        sqlx::raw_sql(migration.sql.clone()).execute(&mut **transaction).await?;
        let applied = self.connection.query(APPLY).bind(migration.version).bind(&*migration.description);
        applied.bind(&*migration.checksum).execute(&mut **transaction).await?;
        Ok(())
    }

    async fn add_columns(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        table: &str,
        columns: &[&Column],
    ) -> Result<(), sqlx::Error> {
        // Without a default: no row is touched.
        let columns: Vec<_> = columns.iter().map(|column| format!("ADD COLUMN \"{}\" {}", column.name, column.type_)).collect();
        let add = AssertSqlSafe(format!("ALTER TABLE {table} {}", columns.join(", ")));
        sqlx::raw_sql(add).execute(&mut **transaction).await?;
        Ok(())
    }

    /// Why a change was not made, with who holds it up.
    async fn not_made(&self, change: &Change<'_>, error: &sqlx::Error) -> SinkError {
        let (what, table) = match change {
            Change::Migrate(migration) => (format!("cannot make its tables, step `{}`", migration.description), "anomalies"),
            Change::AddColumns(table, columns) => {
                let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
                (format!("cannot add {} to `{table}`", names.join(", ")), *table)
            }
        };
        let is_locked = error.as_database_error().is_some_and(|error| error.code().as_deref() == Some(LOCK_NOT_AVAILABLE));
        if !is_locked {
            return SinkError::Unavailable(format!("{what}: {}", self.connection.explained(error)));
        }
        let holders = self.holders(table).await.unwrap_or_else(|_| "another transaction".into());
        SinkError::Unavailable(format!(
            "{what} while {holders} reads or writes it; it is tried again, and others read on meanwhile"
        ))
    }

    async fn holders(&self, table: &str) -> Result<String, sqlx::Error> {
        let mut transaction = self.connection.begin(self.pool).await?;
        let row = self.connection.query(HOLDERS).bind(table).fetch_one(&mut *transaction).await?;
        transaction.commit().await?;
        row.try_get(0)
    }

    async fn begin(&self) -> Result<Transaction<'static, Postgres>, SinkError> {
        self.connection.begin(self.pool).await.map_err(|error| self.away(&error))
    }

    async fn commit(&self, transaction: Transaction<'_, Postgres>) -> Result<(), SinkError> {
        transaction.commit().await.map_err(|error| self.away(&error))
    }

    fn away(&self, error: &sqlx::Error) -> SinkError {
        outside(self.connection, error)
    }
}
