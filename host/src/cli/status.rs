//! `wattdog status`: how is a running host?

use anyhow::{Context as _, bail};

use crate::web::client::get;

/// Asks `/api/v1/status`; exit code 1 when the host is not ready.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where the host listens.
    #[arg(long, env = "WATTDOG_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

#[expect(clippy::print_stdout, reason = "the command's output")]
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let address = args.url.trim_start_matches("http://").trim_end_matches('/');
    let body = get(address, "/api/v1/status").with_context(|| format!("no wattdog answers at {}", args.url))?;
    let status: serde_json::Value = serde_json::from_str(&body).context("the answer is not a status")?;
    if args.json {
        println!("{status}");
    } else {
        println!(
            "{}: {} lanes, {} readings, {} windows closed",
            if status["ready"] == true { "ready" } else { "not ready" },
            status["lanes"].as_array().map_or(0, Vec::len),
            status["readings"],
            status["windows_closed"],
        );
    }
    if status["ready"] != true {
        bail!("not ready: {}", status["reason"].as_str().unwrap_or("no reason given"));
    }
    Ok(())
}
