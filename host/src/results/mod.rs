//! What the host says about readings: rows on result topics.

mod row;
mod row_json;

pub use row::{Aggregation, Anomaly, MeasureStats, Row, Severity};
pub use row_json::{RowFormat, RowParseError};
