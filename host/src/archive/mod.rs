//! What the stores hold, read back: windows as they are or in buckets, findings by filter. The same questions in each store.

mod cells;
mod mongodb;
mod postgres;
mod query;
mod sql;
mod sqlite;

use std::time::Duration;

use crate::config::Config;
use crate::domain::EventTime;
use crate::results::{Aggregation, Anomaly};

pub use query::{Count, Findings, Range, Windows};
use sql::Sql as _;

/// Somebody waits for the answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// So that a page that many look at leaves the store to its sink.
const MOST_CONNECTIONS: u32 = 4;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Nothing is kept.
    #[error(
        "no store is configured, so nothing of the past is known; add `[sink.postgres]`, `[sink.sqlite]` or `[sink.mongodb]`"
    )]
    NoStore,
    /// The store does not answer.
    #[error("{store} does not answer: {reason}")]
    Away {
        /// As in the configuration.
        store: &'static str,
        /// In its own words.
        reason: String,
    },
}

/// The past, from the first configured of PostgreSQL, SQLite and MongoDB.
pub struct Archive(Store);

enum Store {
    Postgres(Box<postgres::Postgres>),
    Sqlite(sqlite::Sqlite),
    Mongo(mongodb::Mongo),
    None,
}

/// Asks whichever store there is.
macro_rules! ask {
    ($archive:expr, $store:ident => $question:expr) => {
        async {
            match &$archive.0 {
                Store::Postgres($store) => $question.await.map_err(|reason| away("postgres", &$store.explained(&reason))),
                Store::Sqlite($store) => $question.await.map_err(|reason| away("sqlite", &reason)),
                Store::Mongo($store) => $question.await.map_err(|reason| away("mongodb", &reason)),
                Store::None => Err(ArchiveError::NoStore),
            }
        }
    };
}

impl Archive {
    /// Connects when it is asked first.
    ///
    /// # Errors
    /// When an address is none.
    pub fn new(config: &Config) -> Result<Self, ArchiveError> {
        let (sinks, measures) = (&config.sink, config.measure_names());
        Ok(Self(if let Some(config) = &sinks.postgres {
            Store::Postgres(Box::new(postgres::Postgres::new(config, &measures).map_err(|reason| away("postgres", &reason))?))
        } else if let Some(config) = &sinks.sqlite {
            Store::Sqlite(sqlite::Sqlite::new(config, &measures))
        } else if let Some(config) = &sinks.mongodb {
            Store::Mongo(mongodb::Mongo::new(config, &measures))
        } else {
            Store::None
        }))
    }

    /// The start of the latest window.
    ///
    /// # Errors
    /// When there is no store, or it does not answer.
    pub async fn latest(&self) -> Result<Option<EventTime>, ArchiveError> {
        within(ask!(self, store => store.latest())).await
    }

    /// Windows by building and time.
    ///
    /// # Errors
    /// When there is no store, or it does not answer.
    pub async fn windows(&self, windows: &Windows) -> Result<Vec<Aggregation>, ArchiveError> {
        let mut rows = within(ask!(self, store => store.windows(windows))).await?;
        // Stores give the latest first, which a limit needs, and each has an order of names of its own.
        rows.sort_unstable_by(|a, b| (&a.building, a.window_start).cmp(&(&b.building, b.window_start)));
        Ok(rows)
    }

    /// Findings, latest first.
    ///
    /// # Errors
    /// When there is no store, or it does not answer.
    pub async fn findings(&self, findings: &Findings) -> Result<Vec<Anomaly<'static>>, ArchiveError> {
        within(ask!(self, store => store.findings(findings))).await
    }

    /// How many findings of each severity each building has.
    ///
    /// # Errors
    /// When there is no store, or it does not answer.
    pub async fn counts(&self, range: Range) -> Result<Vec<Count>, ArchiveError> {
        within(ask!(self, store => store.counts(range))).await
    }
}

async fn within<T>(answer: impl Future<Output = Result<T, ArchiveError>>) -> Result<T, ArchiveError> {
    tokio::time::timeout(TIMEOUT, answer)
        .await
        .unwrap_or_else(|_| Err(ArchiveError::Away { store: "the store", reason: format!("no answer within {TIMEOUT:?}") }))
}

fn away(store: &'static str, reason: &impl ToString) -> ArchiveError {
    ArchiveError::Away { store, reason: reason.to_string() }
}
