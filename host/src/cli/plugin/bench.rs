//! `wattdog plugin bench`: how fast is it?

use std::path::PathBuf;

use anyhow::anyhow;
use bytesize::ByteSize;
use indicatif::{ProgressBar, ProgressStyle};

use crate::kit::bench::{Report, bench};
use crate::kit::{Component, read_readings};

/// Steps of the bar.
const STEPS: f64 = 100.0;

/// Time a component.
///
/// Some seconds of calls like a lane's. Two runs of the same in turn tell how far the figure can be trusted.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wattdog plugin bench weekend-waste.wasm
  wattdog plugin bench weekend-waste.wasm --rows 256 --readings last-month.csv.gz --json

A lane calls with up to 4,096 readings, and with a few when little comes in: --rows 1 tells what a call costs.")]
pub(in crate::cli) struct Args {
    /// The component; the sidecar beside it sets parameters, model and limits.
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
    /// Recorded readings to use instead of made-up ones: JSON lines or CSV, `.gz` of both.
    #[arg(long, value_name = "FILE")]
    readings: Option<PathBuf>,
    /// Readings of each call.
    #[arg(long, default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    rows: u32,
    /// Compile it, though that was done before, and tell how long it takes.
    #[arg(long)]
    compile: bool,
    /// Print the figures as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let rows = args.rows as usize;
    let readings = args.readings.as_deref().map(|file| read_readings(file, rows)).transpose()?;
    let bar =
        ProgressBar::new(STEPS as u64).with_style(ProgressStyle::with_template("{bar:30} {msg}")?).with_message("compiling");
    bar.tick();
    let component = (if args.compile { Component::compile(&args.file) } else { Component::open(&args.file) })
        .map_err(|error| anyhow!(error))?;
    bar.set_message("calling");
    let report = bench(&component, readings, rows, &mut |share| bar.set_position((share * STEPS) as u64))
        .map_err(|reason| anyhow!("{}: {reason}", args.file.display()))?;
    bar.finish_and_clear();
    print(&report, args.json)
}

#[expect(clippy::print_stdout, reason = "the command's output")]
fn print(report: &Report, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        println!("{}", serde_json::to_string_pretty(report)?);
        return Ok(());
    }
    let size = |bytes: usize| ByteSize::b(bytes as u64);
    let Report { rows, calls, ns_per_reading, noise_ratio, slowest_call_ms, start_ms, compile_ms, .. } = report;
    println!("reading      {ns_per_reading:.1} ns, median of {calls} calls of {rows} readings");
    println!("fuel         {:.1} operations of WebAssembly for each, the same on every machine", report.fuel_per_reading);
    println!("noise        {noise_ratio:.3}, the same run over itself; differences smaller than that say nothing");
    println!("slowest call {slowest_call_ms:.2} ms");
    println!("memory       {}", size(report.memory_bytes));
    println!("state        {} for a meter", size(report.state_bytes_per_meter));
    println!("start        {start_ms:.2} ms");
    match compile_ms {
        Some(compile_ms) => println!("compile      {compile_ms:.0} ms, once"),
        None => println!("compile      done before; --compile does it again"),
    }
    if report.debug_build {
        println!("This wattdog was built without optimisation; one that is takes less of its own.");
    }
    Ok(())
}
