//! Readings like those of a campus, and rows to train on. Seeded: the same arguments make the same data.

mod campus;
mod training;

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;

pub use campus::{Campus, Reading, Shape};

use crate::clock;
use crate::domain::EventTime;
use crate::kafka::{Destination, Feeder};
use crate::output::Output;

/// `wattdog generate …`
#[derive(Debug, clap::Subcommand)]
pub enum Generate {
    /// Readings of every meter, interval by interval.
    Readings(ReadingsArgs),
    /// Rows to train the model on.
    Training(TrainingArgs),
}

/// `wattdog generate readings`
#[derive(Debug, clap::Args)]
pub struct ReadingsArgs {
    #[command(flatten)]
    to: Destination,
    /// Seconds between two readings of a meter.
    #[arg(long, default_value_t = 1.0)]
    interval: f64,
    /// Buildings, named Building A, B, …
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    buildings: u32,
    /// Floors of each building, a meter each.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    floors: u32,
    /// Share of readings that begin an anomaly.
    #[arg(long, default_value_t = 0.02)]
    anomaly_rate: f64,
    /// Same seed, same readings.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Event time of the first readings, RFC 3339; now when left out.
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// How many readings; without it, until stopped.
    #[arg(long)]
    count: Option<u64>,
    /// JSON lines into a file (or `-`) instead of Kafka, as fast as it goes.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// `wattdog generate training`
#[derive(Debug, clap::Args)]
pub struct TrainingArgs {
    /// How many rows.
    #[arg(long, default_value_t = 200_000)]
    rows: u64,
    /// Same seed, same rows.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// JSON lines, or CSV when the name ends in `.csv`; `-` for standard output.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

/// Does what the command says.
///
/// # Errors
/// When an argument is wrong, or file or broker cannot be written.
pub fn run(command: Generate) -> anyhow::Result<()> {
    match command {
        Generate::Readings(args) => readings(args),
        Generate::Training(args) => {
            let mut out = Output::create(&args.output)?;
            let csv = args.output.extension().is_some_and(|extension| extension == "csv");
            training::write(args.rows, args.seed, csv, &mut out)?;
            Ok(out.flush()?)
        }
    }
}

fn readings(args: ReadingsArgs) -> anyhow::Result<()> {
    let start = match &args.start {
        Some(text) => EventTime::parse(text).with_context(|| format!("--start {text} is not an RFC 3339 time"))?,
        None => EventTime(clock::now().as_second() * 1_000_000),
    };
    anyhow::ensure!(args.interval > 0.0 && args.interval.is_finite(), "--interval must be above 0 seconds");
    anyhow::ensure!((0.0..=1.0).contains(&args.anomaly_rate), "--anomaly-rate must be between 0 and 1");
    let shape = Shape {
        buildings: args.buildings,
        floors: args.floors,
        interval_us: (args.interval * 1e6) as i64,
        anomaly_rate: args.anomaly_rate,
    };
    let campus = Campus::new(shape, start, args.seed).take(usize::try_from(args.count.unwrap_or(u64::MAX))?);
    match args.output {
        Some(path) => {
            let mut out = Output::create(&path)?;
            for reading in campus {
                writeln!(out, "{}", reading.json())?;
            }
            Ok(out.flush()?)
        }
        None => send(campus, &args),
    }
}

fn send(campus: impl Iterator<Item = Reading>, args: &ReadingsArgs) -> anyhow::Result<()> {
    let settings = args.to.settings().map_err(anyhow::Error::msg)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut feeder = runtime.block_on(Feeder::open(&settings, &args.to.topic))?;
    let meters = u64::from(args.buildings) * u64::from(args.floors);
    let started = clock::monotonic();
    for (index, reading) in (0u64..).zip(campus) {
        if index % meters == 0 {
            let due = started + std::time::Duration::from_secs_f64((index / meters) as f64 * args.interval);
            std::thread::sleep(due.saturating_duration_since(clock::monotonic()));
        }
        feeder.send(reading.building.as_bytes(), reading.json().as_bytes())?;
    }
    let sent = feeder.finish()?;
    tracing::info!(readings = sent, topic = args.to.topic, "sent");
    Ok(())
}
