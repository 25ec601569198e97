//! Stores of results. Each reads the result topics as a consumer group of its own and writes idempotently, so one that is down
//! delays nothing but itself.

pub mod console;
pub mod mongodb;
pub mod postgres;
pub mod sqlite;

mod batch;
mod runner;

use std::future::Future;

pub use batch::RowBatch;
pub use runner::{SinkHandle, spawn};

/// Why a batch was not stored.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The store cannot be reached or is busy: the same again may succeed.
    #[error("{0}")]
    Unavailable(String),
    /// The store refuses a row of the batch, and will again.
    #[error("{0}")]
    Refused(String),
}

/// A store.
pub trait Sink: Send {
    /// As in the configuration: `postgres`, `mongodb`, `sqlite`, `console`.
    fn name(&self) -> &'static str;

    /// Connects and makes tables. Called again until it succeeds, and after the store was away.
    fn prepare(&mut self) -> impl Future<Output = Result<(), SinkError>> + Send;

    /// Stores a batch; once or several times makes no difference.
    fn write(&mut self, batch: &RowBatch) -> impl Future<Output = Result<(), SinkError>> + Send;
}
