//! The whole system against the barest loop that reads the same topic: real Kafka, real PostgreSQL, one machine.
//!
//! Rounds alternate, so that what the machine does besides meets both; figures are the median round's.
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark prints and measures")]

mod bare_loop;
#[allow(dead_code, reason = "each benchmark uses a part of it")]
#[path = "../common/mod.rs"]
mod common;
mod report;
mod system;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;

use common::{default_detector, variable};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Readings per second to the last committed result and to the last row in PostgreSQL.
#[derive(Debug, Parser)]
struct Args {
    /// Readings in the topic.
    #[arg(long, default_value_t = 2_000_000)]
    readings: u64,
    /// Rounds of each side.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Buildings of the campus.
    #[arg(long, default_value_t = 30)]
    buildings: u32,
    /// Floors of each, with a meter each.
    #[arg(long, default_value_t = 5)]
    floors: u32,
    /// A setting of the host, to measure what it costs.
    #[arg(long, value_name = "WATTDOG__SECTION__KEY=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
    /// Plugins of the run; only the default detector when left out.
    #[arg(long, value_name = "FOLDER")]
    plugins: Option<PathBuf>,
    #[arg(long, hide = true)]
    bench: bool,
}

/// Rounds that do not count: a broker that has just started spends a core on compiling itself.
const WARM_UP: u16 = 3;
/// Of a topic that the program makes.
const PARTITIONS: i32 = 3;
/// What the program says would stand among the figures.
const QUIET: (&str, &str) = ("WATTDOG_LOG", "warn");

/// What both sides read.
struct Topic {
    kafka: String,
    postgres: String,
    name: String,
    readings: u64,
    /// Variables of the host.
    settings: Vec<(String, String)>,
}

fn setting(text: &str) -> Result<(String, String)> {
    let (name, value) = text.split_once('=').context("a setting is NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn main() -> Result<()> {
    let args = Args::parse();
    let folder = tempfile::tempdir()?;
    let topic = Topic {
        kafka: variable("WATTDOG_TEST_KAFKA")?,
        postgres: variable("WATTDOG_TEST_POSTGRES")?,
        name: format!("bench-{}", std::process::id()),
        readings: args.readings,
        settings: args.set,
    };
    let plugins = match args.plugins {
        Some(plugins) => plugins,
        None => default_detector(folder.path())?,
    };
    println!("filling {} with {} readings of {} meters", topic.name, topic.readings, args.buildings * args.floors);
    fill(&topic, args.buildings, args.floors, folder.path())?;
    let runtime = tokio::runtime::Runtime::new()?;
    let mut rounds = Vec::new();
    for round in 1..=WARM_UP + args.rounds {
        let bare = bare_loop::run(&topic)?;
        let system = runtime.block_on(system::run(&topic, &plugins, folder.path(), round))?;
        let counts = round > WARM_UP;
        println!(
            "{}: bare loop {:.0} readings/s; wattdog {:.0} committed, {:.0} in PostgreSQL",
            if counts { format!("round {}", round - WARM_UP) } else { "warm-up".to_owned() },
            bare.readings_per_second,
            system.committed_per_second,
            system.stored_per_second
        );
        if counts {
            rounds.push((bare, system));
        }
    }
    report::print(rounds);
    Ok(())
}

fn wattdog() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattdog"));
    command.env(QUIET.0, QUIET.1);
    command
}

fn fill(topic: &Topic, buildings: u32, floors: u32, folder: &Path) -> Result<()> {
    let file = folder.join("readings.jsonl");
    let generate = wattdog()
        .args(["generate", "readings", "--anomaly-rate", "0.035", "--start", "2025-12-01T00:00:00Z"])
        .args(["--buildings", &buildings.to_string(), "--floors", &floors.to_string(), "--count", &topic.readings.to_string()])
        .arg("--output")
        .arg(&file)
        .status()?;
    ensure!(generate.success(), "wattdog generate: {generate}");
    let replay = wattdog().args(["replay", "--bootstrap", &topic.kafka, "--topic", &topic.name]).arg(&file).status()?;
    ensure!(replay.success(), "wattdog replay: {replay}");
    Ok(())
}
