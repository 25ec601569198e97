//! What an error means: the row's fault, or the server's or the way to it.

use sqlx::Error;

use super::connection::Connection;
use crate::sink::{SinkError, sqlstate};

/// The error of a statement with rows.
pub(super) fn outside(connection: &Connection, error: &Error) -> SinkError {
    let words = connection.explained(error);
    match error {
        Error::Database(refusal) => match refusal.code() {
            Some(code) => sqlstate::judged(&code, words),
            None => SinkError::Unclear(words),
        },
        // A row that is too large for a message, or a malformed answer.
        Error::Encode(_) | Error::Decode(_) | Error::Protocol(_) => SinkError::Unclear(words),
        _ => SinkError::Unavailable(words),
    }
}

/// A finding is there already, as after a replay.
pub(super) fn is_duplicate(error: &Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}
