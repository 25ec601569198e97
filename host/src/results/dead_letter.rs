//! What is set aside outside of a lane's transaction.

use super::Headers;

/// Kind of a record that says that a letter was sent again.
pub const REDRIVEN: &str = "redriven";

/// Begins the name of a header that the sender wrote.
pub const SENDER_HEADER: &str = "header.";

/// A record with the headers that say why it is set aside.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// As it came.
    pub key: Option<Vec<u8>>,
    /// As it came.
    pub value: Option<Vec<u8>>,
    /// Kind, reason, message, stage, and the place that it came from.
    pub headers: Headers,
}
