//! `[sink.sqlite]`

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::Span;

/// Settings.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The file; made when missing.
    pub path: PathBuf,
    /// Longest wait for another process that writes to the file. Then the store counts as away, and is asked again.
    pub timeout: Span,
    /// Rows whose event time is longer ago are deleted, hourly; left out: none. Rows of a replay of readings that old stay for an
    /// hour at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<Span>,
}

impl Default for Config {
    fn default() -> Self {
        Self { path: "wattdog.db".into(), timeout: crate::sink::DEFAULT_TIMEOUT, keep: None }
    }
}
