//! What is shown of a plugin's life.

use serde::{Deserialize, Serialize};

use super::{Spread, WarmUp};

/// `found → warming → shadow | active → draining → gone`, or why not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Its file is still being written, or waits to be checked.
    #[default]
    Found,
    /// It gets to know the meters from earlier readings, and takes over when it does.
    Warming,
    /// Its results are results.
    Active,
    /// Its results are stored apart.
    Shadow,
    /// Its file is gone or turned off; some lane may still call it.
    Draining,
    /// Its sidecar says that it does not run.
    Off,
    /// It cannot run.
    Refused,
    /// It failed too often and is tried again after a while.
    Quarantined,
}

impl State {
    /// The word, as it stands in the API.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Warming => "warming",
            Self::Active => "active",
            Self::Shadow => "shadow",
            Self::Draining => "draining",
            Self::Off => "off",
            Self::Refused => "refused",
            Self::Quarantined => "quarantined",
        }
    }
}

/// One file, for the page, `wattdog plugin list` and the API.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PluginInfo {
    /// The file, without `.wasm`.
    pub file: String,
    /// Its own name; empty where it has not said it.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the component, in hex.
    pub digest: String,
    /// `detector` or `enricher`; empty where it is not known.
    pub kind: String,
    /// Where it is in its life.
    pub state: State,
    /// Why, where that needs to be said: of what lies in the folder now, even where an earlier version runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when, RFC 3339.
    pub since: String,
    /// Rows that it has taken.
    pub scored: u64,
    /// Rows that it failed on.
    pub failed: u64,
    /// Meters whose state was lost.
    pub states_lost: u64,
    /// Processor time of its calls for each reading, in nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ns_per_reading: Option<f64>,
    /// Of a detector: how its scores are spread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scores: Option<Spread>,
    /// How far each lane's warm-up is, by partition.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warm_up: Vec<(i32, WarmUp)>,
}
