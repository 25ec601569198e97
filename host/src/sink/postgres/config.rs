//! `[sink.postgres]`

use serde::{Deserialize, Serialize};

/// Settings.
#[derive(Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// With user, password, database and TLS mode. Its password is never printed.
    #[serde(serialize_with = "crate::config::masked_url")]
    pub url: String,
}

impl Default for Config {
    fn default() -> Self {
        Self { url: "postgres://admin@localhost:5432/energy_monitoring".into() }
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("url", &crate::config::mask_password(&self.url)).finish()
    }
}
