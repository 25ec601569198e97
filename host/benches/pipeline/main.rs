//! The whole system against the barest loop that reads the same topic: real Kafka, real PostgreSQL, one machine.
//!
//! Rounds alternate, so that what the machine does besides meets both; figures are the median round's. Another shape of the campus, or
//! another setting, is measured in the same way: beside the first, round by round.
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark prints and measures")]

mod bare_loop;
#[allow(dead_code, reason = "each benchmark uses a part of it")]
#[path = "../common/mod.rs"]
mod common;
mod followers;
mod report;
mod system;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;

use common::{default_detector, variable};
use system::System;

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
    /// Buildings of another campus, to be measured in turn with the first.
    #[arg(long)]
    other_buildings: Option<u32>,
    /// Floors of each.
    #[arg(long)]
    other_floors: Option<u32>,
    /// A setting of another host, to be measured in turn with the first.
    #[arg(long, value_name = "WATTDOG__SECTION__KEY=VALUE", value_parser = setting)]
    other_set: Vec<(String, String)>,
    /// Browsers that follow the events: measure what they cost, and nothing else. A round takes some ten million readings.
    #[arg(long, conflicts_with_all = ["other_buildings", "other_floors", "other_set"])]
    followers: Option<u32>,
    /// Plugins of the run; only the default detector when left out.
    #[arg(long, value_name = "FOLDER")]
    plugins: Option<PathBuf>,
    #[arg(long, hide = true)]
    bench: bool,
}

/// Rounds that do not count: a broker that has just started spends a core on compiling itself.
const WARM_UP: u16 = 3;
/// Numbers of the other's rounds, which name its topics and databases, begin here.
const OTHERS: u16 = 10_000;
/// Of a topic that the program makes.
const PARTITIONS: i32 = 3;
/// What the program says would stand among the figures.
const QUIET: (&str, &str) = ("WATTDOG_LOG", "warn");

/// What both sides read.
#[derive(Clone)]
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
        settings: args.set.clone(),
    };
    let plugins = match &args.plugins {
        Some(plugins) => plugins.clone(),
        None => default_detector(folder.path())?,
    };
    fill(&topic, args.buildings, args.floors, folder.path())?;
    let runtime = tokio::runtime::Runtime::new()?;
    if let Some(count) = args.followers {
        let mut pairs = Vec::new();
        for round in 1..=args.rounds {
            pairs.extend(runtime.block_on(followers::run(&topic, &plugins, folder.path(), round, count))?);
        }
        report::followers(count, &pairs);
        return Ok(());
    }
    let other = args.other(&topic, folder.path())?;
    let (mut rounds, mut others) = (Vec::new(), Vec::new());
    for round in 1..=WARM_UP + args.rounds {
        let bare = bare_loop::run(&topic)?;
        let run = |topic: &Topic, number| runtime.block_on(system::run(topic, &plugins, folder.path(), number));
        let run_other = || other.as_ref().map(|other| run(other, OTHERS + round)).transpose();
        // Who comes first finds another machine than who comes second, so they take turns in that too.
        let (system, other) = if round % 2 == 0 {
            let other = run_other()?;
            (run(&topic, round)?, other)
        } else {
            (run(&topic, round)?, run_other()?)
        };
        let counts = round > WARM_UP;
        println!(
            "{}: bare loop {:.0} readings/s; wattdog {}",
            if counts { format!("round {}", round - WARM_UP) } else { "warm-up".to_owned() },
            bare.readings_per_second,
            rates(&system)
        );
        if let Some(other) = &other {
            println!("   the other: {}", rates(other));
        }
        if counts {
            rounds.push((bare, system));
            others.extend(other);
        }
    }
    if !others.is_empty() {
        report::compare(&rounds.iter().map(|(_, system)| system).zip(&others).collect::<Vec<_>>());
    }
    report::print(rounds);
    Ok(())
}

impl Args {
    /// What is measured in turn with the first, if anything is to be.
    fn other(&self, first: &Topic, folder: &Path) -> Result<Option<Topic>> {
        let mut other = first.clone();
        other.settings.extend(self.other_set.iter().cloned());
        if self.other_buildings.is_some() || self.other_floors.is_some() {
            other.name.push_str("-other");
            fill(&other, self.other_buildings.unwrap_or(self.buildings), self.other_floors.unwrap_or(self.floors), folder)?;
        } else if self.other_set.is_empty() {
            return Ok(None);
        }
        Ok(Some(other))
    }
}

fn rates(system: &System) -> String {
    format!("{:.0} committed, {:.0} in PostgreSQL", system.committed_per_second, system.stored_per_second)
}

fn wattdog() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattdog"));
    command.env(QUIET.0, QUIET.1);
    command
}

fn fill(topic: &Topic, buildings: u32, floors: u32, folder: &Path) -> Result<()> {
    println!("filling {} with {} readings of {} meters", topic.name, topic.readings, buildings * floors);
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
