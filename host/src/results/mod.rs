//! What the host says about readings: rows on result topics.

mod dead_letter;
mod outbox;
mod row;
mod row_json;
mod text;

pub use dead_letter::{DeadLetter, REDRIVEN, SENDER_HEADER};
pub use outbox::{Headers, Moved, OutRecord, Outbox, ResultTopic, TopicNames};
pub use row::{Aggregation, Anomaly, MeasureStats, Severity};
pub use row_json::{RowFormat, RowParseError};
pub(crate) use row_json::{write_estimate, write_number, write_string};
