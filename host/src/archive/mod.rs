//! What the stores hold, read back: windows as they are or in buckets, findings by filter. The same questions in each store.

mod cells;
mod mongodb;
mod postgres;
mod query;
mod sql;
mod sqlite;

use std::time::Duration;

use crate::config::{Config, Span};
use crate::domain::EventTime;
use crate::results::{Aggregation, Anomaly};

pub use query::{Count, Findings, Range, Windows};
use sql::Sql as _;

/// Somebody waits for the answer, however long a sink may wait for the same store.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
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
pub struct Archive {
    store: Store,
    /// For an answer, from the first word to the store on.
    timeout: Duration,
}

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
            match &$archive.store {
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
        let wait = |timeout: Span| timeout.duration().min(LONGEST_WAIT);
        let (store, timeout) = if let Some(config) = &sinks.postgres {
            let timeout = wait(config.timeout);
            let postgres = postgres::Postgres::new(config, &measures, timeout).map_err(|reason| away("postgres", &reason))?;
            (Store::Postgres(Box::new(postgres)), timeout)
        } else if let Some(config) = &sinks.sqlite {
            let timeout = wait(config.timeout);
            (Store::Sqlite(sqlite::Sqlite::new(config, &measures, timeout)), timeout)
        } else if let Some(config) = &sinks.mongodb {
            let timeout = wait(config.timeout);
            (Store::Mongo(mongodb::Mongo::new(config, &measures, timeout)), timeout)
        } else {
            (Store::None, LONGEST_WAIT)
        };
        Ok(Self { store, timeout })
    }

    /// The start of the latest window.
    ///
    /// # Errors
    /// When there is no store, or it does not answer.
    pub async fn latest(&self) -> Result<Option<EventTime>, ArchiveError> {
        within(self.timeout, ask!(self, store => store.latest())).await
    }

    /// Windows by building and time.
    ///
    /// # Errors
    /// When there is no store, or it does not answer.
    pub async fn windows(&self, windows: &Windows) -> Result<Vec<Aggregation>, ArchiveError> {
        let mut rows = within(self.timeout, ask!(self, store => store.windows(windows))).await?;
        // Stores give the latest first, which a limit needs, and each has an order of names of its own.
        rows.sort_unstable_by(|a, b| (&a.building, a.window_start).cmp(&(&b.building, b.window_start)));
        Ok(rows)
    }

    /// Findings, latest first.
    ///
    /// # Errors
    /// When there is no store, or it does not answer.
    pub async fn findings(&self, findings: &Findings) -> Result<Vec<Anomaly<'static>>, ArchiveError> {
        within(self.timeout, ask!(self, store => store.findings(findings))).await
    }

    /// How many findings of each severity each building has.
    ///
    /// # Errors
    /// When there is no store, or it does not answer.
    pub async fn counts(&self, range: Range) -> Result<Vec<Count>, ArchiveError> {
        within(self.timeout, ask!(self, store => store.counts(range))).await
    }
}

async fn within<T>(timeout: Duration, answer: impl Future<Output = Result<T, ArchiveError>>) -> Result<T, ArchiveError> {
    tokio::time::timeout(timeout, answer)
        .await
        .unwrap_or_else(|_| Err(ArchiveError::Away { store: "the store", reason: format!("no answer within {timeout:?}") }))
}

fn away(store: &'static str, reason: &impl ToString) -> ArchiveError {
    ArchiveError::Away { store, reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::clock;
    use crate::config::load_text;

    #[tokio::test]
    async fn a_store_that_accepts_and_never_answers_is_waited_for_as_long_as_its_sink_says() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap();
        for sink in [
            format!("[sink.postgres]\nurl = \"postgres://a@{address}/b\"\ntimeout = \"300ms\""),
            format!("[sink.mongodb]\nurl = \"mongodb://{address}\"\ntimeout = \"300ms\""),
        ] {
            let archive = Archive::new(&load_text(&sink, "test", []).unwrap()).unwrap();
            let begun = clock::monotonic();
            let error = archive.latest().await.unwrap_err().to_string();
            assert!(error.contains("does not answer"), "{error}");
            assert!(begun.elapsed() < LONGEST_WAIT / 2, "{sink}");
        }
    }
}
