//! The rows of `aggregations` and `anomalies`, the same in every store.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use uuid::Uuid;

use crate::domain::EventTime;

/// Statistics of one measure over a window, in the measure's unit; NaN where no reading had it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeasureStats {
    /// Arithmetic mean.
    pub avg: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Sum.
    pub sum: f64,
    /// Readings that had the measure; none in rows that were written before they said so.
    pub count: Option<u64>,
}

impl MeasureStats {
    /// Of a measure that no reading had.
    pub const NOTHING: Self = Self { avg: f64::NAN, min: f64::NAN, max: f64::NAN, sum: f64::NAN, count: None };

    /// How much the average weighs among those of other windows: `readings` of the window where the measure's own are not known.
    #[must_use]
    pub fn weight(&self, readings: u64) -> u64 {
        if self.avg.is_finite() { self.count.unwrap_or(readings) } else { 0 }
    }
}

/// One window of one building. The key is (building, window start); the last row of a key on its topic is the true one.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregation {
    /// Building name.
    pub building: String,
    /// Inclusive.
    pub window_start: EventTime,
    /// Exclusive.
    pub window_end: EventTime,
    /// Readings in the window.
    pub count: u64,
    /// 0, then one more with each correction after the window was final.
    pub revision: u32,
    /// False while the window is open.
    pub is_final: bool,
    /// In the order of the configured measures.
    pub measures: Vec<MeasureStats>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Watch it.
    Minor,
    /// Look into it.
    Anomaly,
    /// Act at once.
    Critical,
}

impl Severity {
    /// All, the mildest first.
    pub const ALL: [Self; 3] = [Self::Minor, Self::Anomaly, Self::Critical];

    /// What the word says, as it stands in rows.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.word() == word)
    }

    /// The word, as it stands in rows and metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Minor => "minor",
            Self::Anomaly => "anomaly",
            Self::Critical => "critical",
        }
    }
}

/// One finding of a detector. Texts are borrowed where it is made, and owned where it is read back.
#[derive(Clone, Debug, PartialEq)]
pub struct Anomaly<'a> {
    /// The same on every replay.
    pub id: Uuid,
    /// Event time of the reading; of a window, its start.
    pub detected_at: EventTime,
    /// Building name.
    pub building: Cow<'a, str>,
    /// The floor where it is a whole number.
    pub floor: Option<i32>,
    /// Meter name.
    pub meter: Cow<'a, str>,
    /// Values of the configured measures, in their order; NaN: missing.
    pub measures: SmallVec<[f64; 4]>,
    /// The detector's number of this name, where it declares one.
    pub distance: Option<f64>,
    /// Likewise.
    pub threshold: Option<f64>,
    /// Likewise.
    pub cluster: Option<i32>,
    /// How bad.
    pub severity: Severity,
    /// 1.0 is the detector's own threshold.
    pub score: f64,
    /// In words.
    pub reason: Cow<'a, str>,
    /// JSON object: for each input what was expected, or null.
    pub expected: Option<String>,
    /// JSON object: what enrichers added, and the detector's further numbers.
    pub context: Option<String>,
    /// Plugin name.
    pub detector: Cow<'a, str>,
    /// Plugin version.
    pub detector_version: Cow<'a, str>,
    /// SHA-256 of the component, in hex.
    pub detector_digest: Cow<'a, str>,
    /// Where the reading stands in the input topic.
    pub source_partition: i32,
    /// Likewise.
    pub source_offset: i64,
}
