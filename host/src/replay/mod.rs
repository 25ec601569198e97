//! `wattdog replay`: recorded readings into Kafka.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};

use crate::clock;
use crate::config::{self, Config, Input};
use crate::decode::Decoder;
use crate::domain::{EventTime, Message};
use crate::kafka::{Destination, Feeder};
use crate::readings_file::for_each_line;

/// Each record is keyed by its building; a record that names none is refused before anything is sent.
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
/// When a file cannot be read, a record has no key, or the broker does not confirm every record.
pub fn run(args: Args) -> anyhow::Result<()> {
    let settings = args.to.settings().map_err(anyhow::Error::msg)?;
    let config = config::load_given(args.config.as_deref())?;
    let mut form = Form::of(config.as_ref(), &args.key);
    for file in &args.files {
        check_keys(file, &mut form)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut feeder = runtime.block_on(Feeder::open(&settings, &args.to.topic))?;
    let bar = ProgressBar::new_spinner().with_style(
        ProgressStyle::with_template("{spinner} {human_pos} readings, {per_sec}, {elapsed}").context("the bar's template")?,
    );
    let mut pace = Pace { rate: args.rate, ..Pace::of_speed(args.speed) };
    let mut sent = 0u64;
    for file in &args.files {
        for_each_line(file, |line| {
            let (time, key) = form.time_and_key(line);
            pace.wait(sent, time);
            feeder.send(key.unwrap_or_default().as_bytes(), line)?;
            sent += 1;
            bar.set_position(sent);
            Ok(())
        })?;
    }
    let sent = feeder.finish()?;
    bar.finish();
    tracing::info!(readings = sent, topic = args.to.topic, "sent");
    Ok(())
}

/// Every record of the file has a key, or the first that has none is named.
fn check_keys(file: &Path, form: &mut Form) -> anyhow::Result<()> {
    let mut record = 0u64;
    for_each_line(file, |line| {
        record += 1;
        if form.time_and_key(line).1.is_some() {
            return Ok(());
        }
        let field = &form.key_field;
        let (file, advice) = (file.display(), "nothing was sent");
        if serde_json::from_slice::<serde::de::IgnoredAny>(line).is_err() {
            bail!("record {record} of {file} is not JSON, so it has no building to key it by; {advice}");
        }
        bail!(
            "record {record} of {file} has no building to key it by: field `{field}` is missing, empty, or neither text nor a \
             number; name the field with --key (`a.b` where it lies in another), or with `input.building` in --config; {advice}"
        )
    })
}

/// How recorded readings say when they were taken and what keys them.
pub(crate) struct Form {
    decoder: Box<Decoder>,
    /// The field that names the building.
    key_field: String,
}

impl Form {
    /// As the configuration says; without one as in the default, keyed by the field `key`.
    pub(crate) fn of(config: Option<&Config>, key: &str) -> Self {
        let input = match config {
            Some(config) => config.input.clone(),
            None => Input { building: key.to_owned(), ..Input::default() },
        };
        Self { decoder: Box::new(Decoder::new(&input)), key_field: input.building }
    }

    /// The time of a record and its building, where it has them.
    pub(crate) fn time_and_key(&mut self, line: &[u8]) -> (Option<EventTime>, Option<String>) {
        let message = Message::of(line);
        (self.decoder.time(&message), self.decoder.building(&message).map(str::to_owned))
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
