//! Stores of results. Each reads the result topics as a consumer group of its own and writes idempotently, so one that is down
//! delays nothing but itself.

pub mod alert;
pub mod console;
pub mod mongodb;
pub mod postgres;
pub mod sqlite;

mod batch;
mod migrations;
mod outage;
mod retention;
mod runner;
mod set_aside;
mod sqlstate;
mod standing;

use std::future::Future;
use std::time::Duration;

pub use batch::{Place, RowBatch, Rows};
pub use runner::{SinkHandle, spawn};
pub use set_aside::SetAside;
pub use standing::Standing;

use crate::config::Span;
use crate::domain::EventTime;

/// Of every store: a batch takes some ten milliseconds, so one that has not answered by then will not.
const DEFAULT_TIMEOUT: Span = Span::from_secs(10);

/// Why a batch was not stored.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The store cannot be reached or is busy: the same again may succeed.
    #[error("{0}")]
    Unavailable(String),
    /// The store refuses a row of the batch, and will again.
    #[error("{0}")]
    Refused(String),
    /// The store answers with an error that may be a row's fault or its own.
    #[error("{0}")]
    Unclear(String),
}

/// A store.
pub trait Sink: Send {
    /// As in the configuration: `postgres`, `mongodb`, `sqlite`, `console`.
    fn name(&self) -> &'static str;

    /// Connects and makes tables. Called again until it succeeds, and after the store was away.
    fn prepare(&mut self) -> impl Future<Output = Result<(), SinkError>> + Send;

    /// Stores a batch; once or several times makes no difference.
    fn write(&mut self, batch: &RowBatch) -> impl Future<Output = Result<(), SinkError>> + Send;

    /// Looks whether it could store, and changes nothing; in words, what it saw.
    fn examine(&mut self) -> impl Future<Output = Result<String, SinkError>> + Send;

    /// How long rows are kept; none for ever.
    fn keep(&self) -> Option<Span>;

    /// Deletes rows whose event time is before `time`, at most `most` of each table; how many there were.
    fn delete_older(&mut self, time: EventTime, most: u32) -> impl Future<Output = Result<u64, SinkError>> + Send;
}

/// A store's answer, waited for no longer than `limit`, which is what `key` says: one that takes a question and never answers is
/// away, as one that is cut off.
async fn within<T>(limit: Duration, key: &str, answer: impl Future<Output = Result<T, SinkError>>) -> Result<T, SinkError> {
    match tokio::time::timeout(limit, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(SinkError::Unavailable(format!("no answer within {limit:?}; where that is too short, set `{key}`"))),
    }
}
