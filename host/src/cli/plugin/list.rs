//! `wattdog plugin list`

use anyhow::Context as _;

use crate::cli::host::Host;
use crate::cli::text::printable;
use crate::registry::PluginInfo;

/// Asks `/api/v1/plugins` of a running host.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: wattdog plugin list --json | jq '.[] | select(.state == \"refused\") | .reason'")]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    host: Host,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

/// The plugins of a running host.
pub(super) fn ask(host: &Host) -> anyhow::Result<(String, Vec<PluginInfo>)> {
    let body = host.get("/api/v1/plugins")?;
    let plugins =
        serde_json::from_str(&body).context("the answer is not a list of plugins; is it another version of wattdog?")?;
    Ok((body, plugins))
}

#[expect(clippy::print_stdout, reason = "the command's output")]
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let (body, plugins) = ask(&args.host)?;
    if args.json {
        println!("{body}");
        return Ok(());
    }
    println!(
        "{:<16} {:<10} {:<9} {:<12} {:>12} {:>8} {:>8}  DIGEST OR REASON",
        "NAME", "VERSION", "KIND", "STATE", "READINGS", "FAILED", "NS EACH"
    );
    for plugin in plugins {
        let name = if plugin.name.is_empty() { &plugin.file } else { &plugin.name };
        let about = plugin.reason.unwrap_or_else(|| plugin.digest.chars().take(12).collect());
        let cost = plugin.ns_per_reading.map(|ns| format!("{ns:.1}")).unwrap_or_default();
        println!(
            "{:<16} {:<10} {:<9} {:<12} {:>12} {:>8} {cost:>8}  {}",
            printable(name, false),
            printable(&plugin.version, false),
            plugin.kind,
            plugin.state.word(),
            plugin.scored,
            plugin.failed,
            printable(&about, false),
        );
    }
    Ok(())
}
