//! `[sink.mongodb]`

use serde::{Deserialize, Serialize};

use crate::config::Span;

/// Settings.
#[derive(Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// With user, password and TLS. Its password is never printed.
    #[serde(serialize_with = "crate::config::masked_url")]
    pub url: String,
    /// Its collections are `aggregations` and `anomalies`.
    pub database: String,
    /// Longest wait for an answer: to a write, to a connection; `connectTimeoutMS` and `serverSelectionTimeoutMS` of the URL go
    /// over it. Then the store counts as away, and is asked again.
    pub timeout: Span,
    /// Rows whose event time is longer ago are deleted, hourly; left out: none. Rows of a replay of readings that old stay for an
    /// hour at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<Span>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: "mongodb://localhost:27017".into(),
            database: "energy_monitoring".into(),
            timeout: crate::sink::DEFAULT_TIMEOUT,
            keep: None,
        }
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let url = crate::config::mask_password(&self.url);
        f.debug_struct("Config").field("url", &url).field("database", &self.database).finish_non_exhaustive()
    }
}
