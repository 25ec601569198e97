//! A running host, as commands ask it.

use anyhow::{anyhow, bail};

use crate::web::client::{self, ClientError};

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
        let url = &self.url;
        if url.starts_with("https:") {
            bail!("{url} is asked without TLS alone; give the address at which the host itself listens");
        }
        let address = url.trim_start_matches("http://").trim_end_matches('/');
        client::get(address, path, self.token.as_deref()).map_err(|error| match error {
            ClientError::Away(_) => anyhow!("no wattdog answers at {url}: {error}; start one, or give its --url"),
            ClientError::Answer(_) => {
                anyhow!("{url} answers {error}; a host with a token needs --token, another service another --url")
            }
        })
    }
}
