//! What can be asked of a store.

use uuid::Uuid;

use crate::domain::EventTime;
use crate::results::Severity;

/// Half open: from `since`, to before `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Range {
    /// The first time that belongs to it.
    pub since: EventTime,
    /// The first that does not any more.
    pub until: EventTime,
}

/// Windows that begin in a range, by building and time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Windows {
    /// One building; all when left out.
    pub building: Option<String>,
    /// By the windows' start.
    pub range: Range,
    /// Windows that begin in the same bucket of so many seconds since the epoch are one row; none: rows as they are stored.
    pub bucket_s: Option<i64>,
    /// Most rows; the earliest are left out.
    pub limit: u32,
}

/// Findings in a range, latest first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Findings {
    /// One building; all when left out.
    pub building: Option<String>,
    /// One plugin; all when left out.
    pub detector: Option<String>,
    /// Of these severities; all when empty.
    pub severities: Vec<Severity>,
    /// By event time.
    pub range: Range,
    /// Only those after this one, in the order of the answer.
    pub after: Option<(EventTime, Uuid)>,
    /// Most rows.
    pub limit: u32,
}

/// How many findings a building has.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Count {
    /// Which building.
    pub building: String,
    /// Which severity, as in the rows.
    pub severity: String,
    /// How many.
    pub count: i64,
}
