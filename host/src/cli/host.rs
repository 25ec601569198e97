//! A running host, as commands ask it.

use anyhow::Context as _;

use crate::web::client;

/// Where it is.
#[derive(Debug, clap::Args)]
pub(super) struct Host {
    /// Where the host listens.
    #[arg(long, env = "WATTDOG_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// Its `web.token`, where it has one.
    #[arg(long, env = "WATTDOG_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

impl Host {
    /// The answer to one question of the API.
    pub(super) fn get(&self, path: &str) -> anyhow::Result<String> {
        let address = self.url.trim_start_matches("http://").trim_end_matches('/');
        client::get(address, path, self.token.as_deref())
            .with_context(|| format!("no wattdog answers at {}; start one, or give its --url", self.url))
    }
}
