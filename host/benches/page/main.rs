//! A thousand buildings and a year in PostgreSQL: how long does each view of the page wait for its answers?
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark prints and measures")]

#[allow(dead_code, reason = "each benchmark uses a part of it")]
#[path = "../common/mod.rs"]
mod common;
mod fill;

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use jiff::Timestamp;

use common::program::Program;
use common::variable;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Clone, Debug, Parser)]
struct Args {
    /// How many.
    #[arg(long, default_value_t = 1_000)]
    buildings: u32,
    /// How far back.
    #[arg(long, default_value_t = 365)]
    days: u32,
    /// Of a window.
    #[arg(long, default_value_t = 15)]
    minutes: u32,
    /// Findings of a building and a day.
    #[arg(long, default_value_t = 2)]
    findings: u32,
    /// How often each question is asked.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Leave the database, to look at its plans.
    #[arg(long)]
    keep: bool,
    #[arg(long, hide = true)]
    bench: bool,
}

const PATIENCE: Duration = Duration::from_secs(60);
/// What was usual is looked up beside the answers, for so long at most.
const USUAL: Duration = Duration::from_secs(120);

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Runtime::new()?;
    let name = format!("page_{}", std::process::id());
    let postgres = variable("WATTDOG_TEST_POSTGRES")?;
    let (server, _) = postgres.rsplit_once('/').context("the URL names no database")?;
    let (url, folder) = (format!("{server}/{name}"), tempfile::tempdir()?);
    send_a_few(&name)?;
    let mut program = Program::start(&config(&name, &url, &args, folder.path())?, folder.path(), &[])?;
    program.until_ready()?;
    let started = Instant::now();
    while !program.metrics()?.contains("wattdog_sink_rows_total{sink=\"postgres\"}") {
        ensure!(started.elapsed() < PATIENCE, "no row in PostgreSQL");
        std::thread::sleep(Duration::from_millis(100));
    }
    runtime.block_on(fill::fill(&url, &args))?;

    println!("{:<10} {:<44} {:>10} {:>10} {:>10} {:>10}", "view", "question", "KiB", "first ms", "median ms", "worst ms");
    for (view, question) in questions(Timestamp::now()) {
        let mut times = Vec::new();
        let mut bytes = 0;
        for _ in 0..args.rounds {
            let started = Instant::now();
            bytes = program.ask(&format!("/api/v1/{question}"))?.len();
            times.push(started.elapsed().as_secs_f64() * 1e3);
        }
        let first = times[0];
        times.sort_by(f64::total_cmp);
        let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
        let shown: String = question.chars().take(44).collect();
        println!("{view:<10} {shown:<44} {:>10} {first:>10.1} {median:>10.1} {worst:>10.1}", bytes / 1024);
    }
    println!("what is usual is known after {:.1} s", until_usual(&program)?.as_secs_f64());
    program.stop()?;
    if args.keep {
        println!("kept: {url}");
        return Ok(());
    }
    runtime.block_on(fill::drop_database(&postgres, &name))
}

/// The sink makes its tables for its first rows.
fn send_a_few(topic: &str) -> Result<()> {
    let mut generate = Command::new(env!("CARGO_BIN_EXE_wattdog"));
    generate.args(["generate", "readings", "--count", "150", "--interval", "0.1"]);
    let status = generate.args(["--bootstrap", &variable("WATTDOG_TEST_KAFKA")?, "--topic", topic]).status()?;
    ensure!(status.success(), "wattdog generate: {status}");
    Ok(())
}

fn config(name: &str, url: &str, args: &Args, folder: &std::path::Path) -> Result<String> {
    let (kafka, plugins) = (variable("WATTDOG_TEST_KAFKA")?, common::default_detector(folder)?);
    Ok(format!(
        "[kafka]\nbootstrap = \"{kafka}\"\ntopic = \"{name}\"\ngroup = \"{name}\"\n\
         [window]\nsize = \"{}m\"\n\
         [topics]\naggregations = \"{name}.aggregations\"\nanomalies = \"{name}.anomalies\"\n\
         shadow_anomalies = \"{name}.shadow\"\ndead_letters = \"{name}.dead-letters\"\nstate = \"{name}.state\"\n\
         [plugins]\ndir = {plugins:?}\naudit = {:?}\n\
         [sink.postgres]\nurl = \"{url}\"\n",
        args.minutes,
        folder.join("audit.jsonl"),
    ))
}

/// As the views ask them.
fn questions(now: Timestamp) -> Vec<(&'static str, String)> {
    let span = |hours: i64| {
        let since = now - jiff::SignedDuration::from_hours(hours);
        format!("since={since:.0}&until={now:.0}")
    };
    let building = "building=Building%20500";
    let (day, week, year) = (span(24), span(7 * 24), span(365 * 24));
    vec![
        ("overview", "overview".into()),
        ("building", "aggregations?limit=1".into()),
        ("building", format!("aggregations?limit=802&{building}&{day}")),
        ("building", format!("aggregations?limit=802&{building}&bucket=900s&{week}")),
        ("building", format!("aggregations?limit=802&{building}&bucket=43200s&{year}")),
        ("building", format!("anomalies?limit=1000&{building}&{day}")),
        ("building", format!("anomalies?limit=1000&{building}&{year}")),
        ("anomalies", "anomalies?limit=200".into()),
        ("anomalies", format!("anomalies?limit=200&{year}")),
        ("anomalies", format!("anomalies?limit=200&severity=critical&{building}&{year}")),
        ("anomalies", format!("anomalies?limit=200&detector=another&{year}")),
        ("plugins", "plugins".into()),
        ("clusters", "models".into()),
        ("clusters", "readings?limit=1000".into()),
        ("pipeline", "watermarks".into()),
        ("pipeline", "dead-letters?limit=50".into()),
    ]
}

fn until_usual(program: &Program) -> Result<Duration> {
    let started = Instant::now();
    while started.elapsed() < USUAL {
        let overview: serde_json::Value = serde_json::from_str(&program.ask("/api/v1/overview")?)?;
        // Others have no past.
        let made_up = |building: &&serde_json::Value| building["building"] == "Building 1";
        let building = overview["buildings"].as_array().and_then(|buildings| buildings.iter().find(made_up));
        if building.is_some_and(|building| !building["measures"]["electricity"]["usual"].is_null()) {
            break;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    Ok(started.elapsed())
}
