//! `[sink.postgres]`

use serde::{Deserialize, Serialize};

use crate::config::Span;

/// Settings.
#[derive(Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// With user, password, database and TLS mode. Its password is never printed.
    #[serde(serialize_with = "crate::config::masked_url")]
    pub url: String,
    /// Longest wait for an answer: to a batch of rows, to a connection. The server gives a statement up after it too, unless the URL
    /// sets `options[statement_timeout]`. Then the store counts as away, and is
    /// asked again.
    pub timeout: Span,
    /// The URL is that of a pooler that gives each transaction whichever connection is free, as PgBouncer with
    /// `pool_mode = transaction` does: nothing is sent that needs a session. The pooler cannot make the database, so it has to be there.
    pub pooler: bool,
    /// Rows whose event time is longer ago are deleted, hourly; left out: none. Rows of a replay of readings that old stay for an
    /// hour at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<Span>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: "postgres://admin@localhost:5432/energy_monitoring".into(),
            timeout: crate::sink::DEFAULT_TIMEOUT,
            pooler: false,
            keep: None,
        }
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("url", &crate::config::mask_password(&self.url)).finish_non_exhaustive()
    }
}
