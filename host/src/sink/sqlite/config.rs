//! `[sink.sqlite]`

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Settings.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The file; made when missing.
    pub path: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        Self { path: "wattdog.db".into() }
    }
}
