//! `wattdog status`: how is a running host?

use anyhow::{Context as _, bail};

use super::host::Host;

/// Asks `/api/v1/status`; exit code 1 when the host is not ready.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    host: Host,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

#[expect(clippy::print_stdout, reason = "the command's output")]
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let body = args.host.get("/api/v1/status")?;
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
