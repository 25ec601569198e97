//! `wattdog replay`: recorded readings into Kafka.

mod plan;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};

use crate::clock;
use crate::config::{self, Config, Input};
use crate::domain::EventTime;
use crate::kafka::{Destination, Feeder};
use plan::Plan;

/// Off a terminal, progress is a line of the log this often.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// Files are read whole before anything is sent: one that cannot be understood, or a record without a building, is refused.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Tables (CSV, workbooks), JSON lines, JSON documents; `.gz` and `.zip` of them. `-` is standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    to: Destination,
    /// Readings a second, as `5000/s` or `5000`; as fast as it goes when left out.
    #[arg(long, value_parser = rate, conflicts_with = "speed")]
    rate: Option<f64>,
    /// Event seconds for each second: 3600 plays an hour in a second.
    #[arg(long)]
    speed: Option<f64>,
    /// The field that keys a record, so that a building keeps to one partition.
    #[arg(long, default_value = "building")]
    key: String,
    /// Configuration whose `[input]` says how readings are written; when left out, it is found by what the files say.
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    config: Option<PathBuf>,
    /// In which order records are sent. `auto`: by their time where a table is not in its order, or where more than a tenth of the
    /// readings would come too late; else as in the files.
    #[arg(long, value_enum, default_value_t = Order::Auto)]
    order: Order,
    /// Send records that are no readings too, so that the host's dead letters name them.
    #[arg(long)]
    send_broken: bool,
}

/// `--order`
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Order {
    Auto,
    Time,
    File,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.strip_suffix("/s").unwrap_or(text).parse() {
        Ok(rate) if rate > 0.0 => Ok(rate),
        _ => Err("write readings a second, as 5000/s".into()),
    }
}

/// Checks every file, then sends every record.
///
/// # Errors
/// When a file cannot be read or understood, a record has no key, or the broker does not confirm every record.
pub fn run(args: Args) -> anyhow::Result<()> {
    let settings = args.to.settings().map_err(anyhow::Error::msg)?;
    let config = config::load_given(args.config.as_deref())?;
    let target = match &config {
        Some(config) => config.input.clone(),
        None => Input { building: args.key.clone(), meter: vec![args.key.clone(), Input::default().floor], ..Input::default() },
    };
    let keyed = (args.key != Input::default().building).then(|| Config { input: target.clone(), ..Config::default() });
    let progress = Progress::new()?;
    let plan = Plan::make(&args, config.as_ref().or(keyed.as_ref()), &target, &progress)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut feeder = runtime.block_on(Feeder::open(&settings, &args.to.topic))?;
    let mut pace = Pace { rate: args.rate, ..Pace::of_speed(args.speed) };
    let mut sent = 0u64;
    plan.for_each(&target, |time, key, record| {
        pace.wait(sent, time);
        feeder.send(key.as_bytes(), record)?;
        sent += 1;
        progress.at("sent", sent);
        Ok(())
    })?;
    let sent = feeder.finish()?;
    progress.finish();
    tracing::info!(readings = sent, topic = args.to.topic, "sent");
    plan.end()
}

/// A line on a terminal; else one of the log, now and then.
struct Progress {
    bar: ProgressBar,
    last: std::cell::Cell<Instant>,
}

impl Progress {
    fn new() -> anyhow::Result<Self> {
        let style = ProgressStyle::with_template("{spinner} {msg} {human_pos} readings, {per_sec}, {elapsed}");
        let bar = ProgressBar::new_spinner().with_style(style.context("the bar's template")?);
        Ok(Self { bar, last: std::cell::Cell::new(clock::monotonic()) })
    }

    fn at(&self, what: &'static str, readings: u64) {
        if !self.bar.is_hidden() {
            self.bar.set_message(what);
            self.bar.set_position(readings);
        } else if readings.is_multiple_of(1_000) && self.last.get().elapsed() >= BETWEEN_LINES {
            tracing::info!(readings, "{what}");
            self.last.set(clock::monotonic());
        }
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// When each reading is due.
pub(crate) struct Pace {
    /// When the first one was sent.
    started: Option<Instant>,
    first: Option<EventTime>,
    /// Readings a second.
    rate: Option<f64>,
    /// Event seconds for each second.
    speed: Option<f64>,
}

impl Pace {
    /// By event time; without a speed at once.
    pub(crate) fn of_speed(speed: Option<f64>) -> Self {
        Self { started: None, first: None, rate: None, speed }
    }

    /// Sleeps until record number `sent` of this time is due.
    pub(crate) fn wait(&mut self, sent: u64, time: Option<EventTime>) {
        let started = *self.started.get_or_insert_with(clock::monotonic);
        let after = match (self.rate, self.speed, time) {
            (Some(rate), _, _) => sent as f64 / rate,
            (None, Some(speed), Some(time)) => {
                let first = *self.first.get_or_insert(time);
                (time.0 - first.0) as f64 / 1e6 / speed
            }
            _ => return,
        };
        if after > 0.0 {
            let due = started + Duration::from_secs_f64(after);
            std::thread::sleep(due.saturating_duration_since(clock::monotonic()));
        }
    }
}
