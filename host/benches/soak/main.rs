//! Readings of now at a steady rate, for as long as you like: does anything grow, how late is a row, what does an outage of the
//! database cost?
//!
//! Event times are those of sending, so a finding's `recorded_at - detected_at` is the time from the gateway to the row.
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark prints and measures")]

#[allow(dead_code, reason = "each benchmark uses a part of it")]
#[path = "../common/mod.rs"]
mod common;
mod host;
#[path = "../../tests/it/proxy.rs"]
mod proxy;
mod readings;
mod report;

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use clap::Parser;

use common::feeder::{Feeder, make_topic};
use common::program::Program;
use common::variable;
use host::{Sample, Setup};
use proxy::{Proxy, Way};
use readings::reading;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Clone, Debug, Parser)]
pub(crate) struct Args {
    /// Readings a second.
    #[arg(long, default_value_t = 20_000)]
    rate: u32,
    /// For how long.
    #[arg(long, default_value_t = 60.0)]
    minutes: f64,
    /// Meters, ten in a building.
    #[arg(long, default_value_t = 1_000)]
    meters: u32,
    /// One reading of so many is a finding of the default detector.
    #[arg(long, default_value_t = 100)]
    findings_every: u64,
    /// PostgreSQL cannot be reached for so long.
    #[arg(long, default_value_t = 0.0)]
    outage_minutes: f64,
    /// Since when.
    #[arg(long, default_value_t = 1.0)]
    outage_after: f64,
    /// `window.allowed_lateness`: each reading of that time is remembered, so that it is noticed when it comes again.
    #[arg(long, default_value = "1h")]
    lateness: String,
    /// Rows go to PostgreSQL alone.
    #[arg(long)]
    without_mongodb: bool,
    /// Where report and plot are written.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../target"))]
    folder: PathBuf,
    #[arg(long, hide = true)]
    bench: bool,
}

const PARTITIONS: i32 = 3;
const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);
/// Compilers and caches are warm, every meter is known.
const WARM_UP: Duration = Duration::from_secs(20);

fn minutes(minutes: f64) -> Duration {
    Duration::from_secs_f64(minutes * 60.0)
}

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Runtime::new()?;
    let kafka = variable("WATTDOG_TEST_KAFKA")?;
    let topic = format!("soak_{}", std::process::id());
    make_topic(&kafka, &topic, PARTITIONS, Some(readings::RETENTION))?;
    let postgres = variable("WATTDOG_TEST_POSTGRES")?;
    let server = postgres.split_once('@').and_then(|(_, rest)| rest.split('/').next()).context("a URL with user and server")?;
    let proxy = Proxy::before(server);
    let (through, folder) = (postgres.replace(server, &proxy.address), tempfile::tempdir()?);
    let mongodb = variable("WATTDOG_TEST_MONGODB")?;
    let mongodb = (!args.without_mongodb).then_some(mongodb.as_str());
    let setup = Setup { kafka: &kafka, topic: &topic, postgres: &through, mongodb, lateness: &args.lateness, instance: None };
    let mut program = setup.start(folder.path())?;
    program.until_ready()?;
    let (meters, findings_every) = (args.meters, args.findings_every);
    let feeder = Feeder::start(&kafka, &topic, args.rate, move |number| reading(number, meters, findings_every))?;
    std::thread::sleep(WARM_UP);
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let samples = watch(&args, &program, &proxy)?;
    let sent = feeder.finish()?;
    let latencies = runtime.block_on(host::latencies(&postgres, &topic, since))?;
    program.stop()?;
    report::write(&args, &sent, &samples, &latencies)
}

fn watch(args: &Args, program: &Program, proxy: &Proxy) -> Result<Vec<Sample>> {
    let started = Instant::now();
    let outage = minutes(args.outage_after)..minutes(args.outage_after + args.outage_minutes);
    let mut samples = Vec::new();
    while started.elapsed() < minutes(args.minutes) {
        let is_away = outage.contains(&started.elapsed());
        proxy.set(if is_away { Way::Cut } else { Way::Good });
        samples.push(Sample { is_away, ..Sample::of(program, started.elapsed())? });
        std::thread::sleep(SAMPLE_INTERVAL);
    }
    Ok(samples)
}
