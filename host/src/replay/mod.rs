//! `wattdog replay`: recorded readings into Kafka.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};

use crate::clock;
use crate::config::{self, Config};
use crate::decode::Decoder;
use crate::domain::{EventTime, Message};
use crate::kafka::{Destination, Feeder};
use crate::readings_file::for_each_line;

/// Broken lines are sent as they are: the host judges them.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// JSON lines or CSV, `.gz` of both.
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
    /// Configuration whose `[input]` says where time and building are; when left out: `timestamp`, and the field of --key.
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    config: Option<PathBuf>,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.strip_suffix("/s").unwrap_or(text).parse() {
        Ok(rate) if rate > 0.0 => Ok(rate),
        _ => Err("write readings a second, as 5000/s".into()),
    }
}

/// Sends every record of every file.
///
/// # Errors
/// When a file cannot be read or the broker does not take it.
pub fn run(args: Args) -> anyhow::Result<()> {
    let settings = args.to.settings().map_err(anyhow::Error::msg)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let feeder = runtime.block_on(Feeder::open(&settings, &args.to.topic))?;
    let bar = ProgressBar::new_spinner().with_style(
        ProgressStyle::with_template("{spinner} {human_pos} readings, {per_sec}, {elapsed}").context("the bar's template")?,
    );
    let config = config::load_given(args.config.as_deref())?;
    let mut form = Form::of(config.as_ref(), &args.key);
    let mut pace = Pace { rate: args.rate, ..Pace::of_speed(args.speed) };
    let mut sent = 0u64;
    for file in &args.files {
        for_each_line(file, |line| {
            let (time, key) = form.time_and_key(line);
            pace.wait(sent, time);
            feeder.send(key.as_bytes(), line)?;
            sent += 1;
            bar.set_position(sent);
            Ok(())
        })?;
    }
    feeder.finish()?;
    bar.finish();
    tracing::info!(readings = sent, topic = args.to.topic, "sent");
    Ok(())
}

/// How recorded readings say when they were taken and what keys them.
pub(crate) enum Form {
    /// In `timestamp`, and in the field of this name.
    Plain { key: String },
    /// As a configuration has it; the building is the key.
    Configured(Box<Decoder>),
}

impl Form {
    /// As the configuration says, where there is one.
    pub(crate) fn of(config: Option<&Config>, key: &str) -> Self {
        match config {
            Some(config) => Self::Configured(Box::new(Decoder::new(&config.input))),
            None => Self::Plain { key: key.to_owned() },
        }
    }

    /// A broken line has neither.
    pub(crate) fn time_and_key(&mut self, line: &[u8]) -> (Option<EventTime>, String) {
        match self {
            Self::Plain { key } => {
                let fields: serde_json::Value = serde_json::from_slice(line).unwrap_or_default();
                let time = fields["timestamp"].as_str().and_then(EventTime::parse);
                (time, fields[key.as_str()].as_str().unwrap_or_default().to_owned())
            }
            Self::Configured(decoder) => {
                let message = Message { offset: 0, timestamp_ms: -1, key: None, payload: Some(line), redriven: None };
                (decoder.time(&message), decoder.building(&message).unwrap_or_default().to_owned())
            }
        }
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
