//! `[input.measures.<name>.counter]`: how a register becomes growth.

use serde::{Deserialize, Serialize};

use super::MeasureKind;

/// Keys of a counter.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Counter {
    /// Largest plausible growth in an hour, in the measure's unit; left out, each meter's own history says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_rate: Option<f64>,
    /// Which windows have the growth of a gap.
    pub gap: Gap,
}

/// `[input.measures.<name>.counter] gap`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gap {
    /// That of the reading that ends it.
    #[default]
    AtEnd,
    /// Each window of the gap that can still be corrected.
    Spread,
}

/// Checks the keys that only counters have.
pub(super) fn validate(measure: &str, kind: MeasureKind, rollover: Option<f64>, counter: Option<&Counter>) -> Result<(), String> {
    let key = |key: &str| format!("`input.measures.{measure}.{key}`");
    let given = rollover.map(|_| "rollover").or(counter.map(|_| "counter"));
    if let (MeasureKind::Interval, Some(given)) = (kind, given) {
        return Err(format!("{} is of counters; set `kind = \"counter\"`", key(given)));
    }
    if let Some(rollover) = rollover.filter(|rollover| !(rollover.is_finite() && *rollover > 0.0)) {
        return Err(format!("{} is {rollover}; write where the counter begins again", key("rollover")));
    }
    match counter.and_then(|counter| counter.max_rate) {
        Some(rate) if !(rate.is_finite() && rate > 0.0) => {
            Err(format!("{} is {rate}; write the most that the meter can grow by in an hour", key("counter.max_rate")))
        }
        _ => Ok(()),
    }
}
