//! `wattdog plugin check`: will a host take it?

use std::path::PathBuf;

use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::kit::check::{COUNT, Line, check};
use crate::kit::read_readings;

/// More than these say no more.
const MOST_READINGS: usize = 20_000;

/// Check that a component keeps the contract.
///
/// Asks of a component all that the contract demands: that it starts within its limits, that answers do not depend on where
/// batches are cut or what other meters do, that state can be moved, that odd readings do it no harm. Exit code 1 when something
/// fails.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wattdog plugin check weekend-waste.wasm
  wattdog plugin check weekend-waste.wasm --readings last-month.csv.gz
  wattdog plugin check weekend-waste.wasm --json | jq '.checks[] | select(.passed | not)'

The sidecar beside the component, weekend-waste.toml, sets parameters, model and limits. Readings are made up, and taken from the
cases in testcases/ where there are any; columns of enrichers are made up too, or fields of the readings (\"calendar.local_hour\").")]
pub(in crate::cli) struct Args {
    /// The component.
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
    /// Recorded readings to use instead: JSON lines or CSV, `.gz` of both; the first 20,000 of them.
    #[arg(long, value_name = "FILE")]
    readings: Option<PathBuf>,
    /// Print the answers as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let readings = args.readings.as_deref().map(|file| read_readings(file, MOST_READINGS)).transpose()?;
    let bar = ProgressBar::new(COUNT as u64).with_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}")?);
    let lines = check(&args.file, readings, &mut |name| {
        bar.set_message(name);
        bar.inc(1);
    });
    bar.finish_and_clear();
    print(&lines, args);
    match lines.iter().filter(|line| !line.passed).count() {
        0 => Ok(()),
        failed => bail!("{}: {failed} of {COUNT} checks failed, {} were not reached", args.file.display(), COUNT - lines.len()),
    }
}

#[expect(clippy::print_stdout, reason = "the command's output")]
fn print(lines: &[Line], args: &Args) {
    if args.json {
        let passed = lines.iter().all(|line| line.passed);
        println!("{:#}", json!({ "file": args.file, "passed": passed, "checks": lines }));
        return;
    }
    for Line { name, passed, text } in lines {
        println!("{}  {name:<16} {text}", if *passed { "pass" } else { "FAIL" });
    }
}
