//! `[sink.mongodb]`

use serde::{Deserialize, Serialize};

/// Settings.
#[derive(Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// With user, password and TLS. Its password is never printed.
    #[serde(serialize_with = "crate::config::masked_url")]
    pub url: String,
    /// Its collections are `aggregations` and `anomalies`.
    pub database: String,
}

impl Default for Config {
    fn default() -> Self {
        Self { url: "mongodb://localhost:27017".into(), database: "energy_monitoring".into() }
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let url = crate::config::mask_password(&self.url);
        f.debug_struct("Config").field("url", &url).field("database", &self.database).finish()
    }
}
