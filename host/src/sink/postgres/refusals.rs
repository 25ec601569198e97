//! What an error means: the row's fault, or the server's or the way to it.

use sqlx::Error;

use super::connection::Connection;
use crate::sink::SinkError;

/// A statement's data was refused, or else the server or the way to it is at fault.
pub(super) fn outside(connection: &Connection, error: &Error) -> SinkError {
    match error {
        Error::Database(refusal) if refusal.code().is_some_and(|code| is_about_a_row(&code)) => {
            SinkError::Refused(error.to_string())
        }
        _ => SinkError::Unavailable(connection.explained(error)),
    }
}

/// A finding is there already, as after a replay.
pub(super) fn is_duplicate(error: &Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// Classes 22 and 23, data exceptions and violated constraints; 54000, a key too long for an index; P0001, a trigger of the
/// operator's that says no. The same row fails again, and others may not.
fn is_about_a_row(code: &str) -> bool {
    code.starts_with("22") || code.starts_with("23") || code == "54000" || code == "P0001"
}
