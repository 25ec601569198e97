//! A thousand swaps among three versions of a stateful detector, under load through real Kafka: is each reading scored exactly
//! once, by the version that was active then, on a state that has seen all before it? How long does a lane stand still?
//!
//! The detector `tally` counts each meter's readings and keeps an average that depends on their order; what it reports is
//! recomputed here from what was sent.
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark prints and measures")]

mod check;
#[allow(dead_code, reason = "each benchmark uses a part of it")]
#[path = "../common/mod.rs"]
mod common;
mod plugins;
mod readings;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;

use common::feeder::{Feeder, make_topic};
use common::offsets::Offsets;
use common::process::Resources;
use common::program::Program;
use common::{variable, workspace};
use plugins::Plugins;
use readings::reading;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
struct Args {
    /// Swaps of the detector, in all lanes each.
    #[arg(long, default_value_t = 1_000)]
    swaps: usize,
    /// Readings a second.
    #[arg(long, default_value_t = 50_000)]
    rate: u32,
    /// Meters, each a building of its own.
    #[arg(long, default_value_t = 1_000)]
    meters: u32,
    /// The detector reports one reading of so many of a meter.
    #[arg(long, default_value_t = 16)]
    report_every: u64,
    #[arg(long, hide = true)]
    bench: bool,
}

const VERSIONS: [&str; 3] = ["tally-1", "tally-2", "tally-3"];
const PARTITIONS: i32 = 3;
/// Longest time that a swap may take until all lanes have it.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<()> {
    let args = Args::parse();
    let folder = tempfile::tempdir()?;
    let kafka = variable("WATTDOG_TEST_KAFKA")?;
    let topic = format!("storm-{}", std::process::id());
    let versions = versions(folder.path())?;
    make_topic(&kafka, &topic, PARTITIONS, None)?;
    let plugins = Plugins::new(folder.path(), &versions[0], args.report_every)?;
    let mut program = Program::start(&config(&kafka, &topic, folder.path()), folder.path(), &[])?;
    program.until_ready()?;
    let meters = args.meters;
    let feeder = Feeder::start(&kafka, &topic, args.rate, move |total| reading(total, meters))?;
    // Every meter is known, and the first version has state of each.
    std::thread::sleep(Duration::from_secs(3) + Duration::from_secs_f64(f64::from(args.meters) / f64::from(args.rate)));
    let before = Resources::of(program.pid())?;
    let started = Instant::now();
    let mut half_way = None;
    for swap in 1..=args.swaps {
        swap_in(&plugins, &versions[swap % VERSIONS.len()], swap)?;
        if swap == args.swaps / 2 {
            half_way = Some(Resources::of(program.pid())?);
        }
    }
    let took = started.elapsed();
    let after = Resources::of(program.pid())?;
    let sent = feeder.finish()?;
    until_committed(&kafka, &topic, sent.total)?;
    let audit = plugins.audit()?;
    program.stop()?;
    println!(
        "{} swaps in each of {PARTITIONS} lanes in {:.0} s, {} readings of {} meters at {:.0} a second",
        args.swaps,
        took.as_secs_f64(),
        sent.total,
        args.meters,
        sent.per_second()
    );
    println!("start: {before}\nhalf:  {}\nend:   {after}", half_way.as_ref().map(ToString::to_string).unwrap_or_default());
    check::pauses(&audit);
    check::rows(&kafka, &topic, sent.total, args.meters, &audit, args.report_every)
}

fn config(kafka: &str, topic: &str, folder: &Path) -> String {
    format!(
        "[kafka]\nbootstrap = \"{kafka}\"\ntopic = \"{topic}\"\ngroup = \"{topic}\"\n[input]\nmax_future = \"36500d\"\n\
         [window]\nsize = \"1h\"\n\
         [topics]\naggregations = \"{topic}.aggregations\"\nanomalies = \"{topic}.anomalies\"\n\
         shadow_anomalies = \"{topic}.shadow\"\ndead_letters = \"{topic}.dead-letters\"\n\
         [plugins]\ndir = {:?}\ncache = {:?}\naudit = {:?}\n",
        folder.join("plugins"),
        folder.join("cache"),
        folder.join("audit.jsonl"),
    )
}

/// Each version in a file of its own, written long enough ago to count as whole.
fn versions(folder: &Path) -> Result<Vec<PathBuf>> {
    let guests = workspace().join("target/guests");
    let copy = |name: &&str| {
        let file = folder.join(name).with_extension("wasm");
        std::fs::copy(guests.join(name).with_extension("wasm"), &file).context("no guests; run `cargo xtask plugins`")?;
        Ok(file)
    };
    let files = VERSIONS.iter().map(copy).collect::<Result<Vec<_>>>()?;
    std::thread::sleep(Duration::from_millis(400));
    Ok(files)
}

/// Waits until every lane has it.
fn swap_in(plugins: &Plugins, version: &Path, swap: usize) -> Result<()> {
    plugins.put(version)?;
    let started = Instant::now();
    while plugins.swaps()? < swap * PARTITIONS as usize {
        ensure!(started.elapsed() < PATIENCE, "swap {swap} has not come to all lanes in {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn until_committed(kafka: &str, topic: &str, readings: u64) -> Result<()> {
    let (offsets, started) = (Offsets::of(kafka, topic, topic, PARTITIONS)?, Instant::now());
    loop {
        let committed = offsets.committed()?;
        if committed == readings {
            return Ok(());
        }
        ensure!(started.elapsed() < PATIENCE, "{committed} readings of {readings} are committed");
        std::thread::sleep(Duration::from_millis(100));
    }
}
