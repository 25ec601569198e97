//! `wattdog init`: a configuration from what a file or a topic holds.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use crate::config::{self, Config, Kafka};
use crate::kafka::{Settings, newest_records, partition_count};
use crate::readings_file::{ReadingsFile, check, input_text, summary};
use crate::wording::count;

/// Records of each partition that are looked at.
const LOOKED_AT: i64 = 500;

/// Write a commented configuration from what a file of readings, or the newest records of a topic, hold. Never overwrites one.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A file of readings.
    #[arg(long, value_name = "FILE", conflicts_with = "topic")]
    from: Option<PathBuf>,
    /// Kafka's address.
    #[arg(long, default_value = "localhost:29092")]
    bootstrap: String,
    /// Topic of readings.
    #[arg(long)]
    topic: Option<String>,
    /// Where the configuration is written.
    #[arg(long, value_name = "FILE", default_value = "wattdog.toml")]
    output: PathBuf,
}

#[expect(clippy::print_stdout, reason = "the command's output")]
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    ensure!(!args.output.exists(), "{} exists and is not overwritten; name another with --output", args.output.display());
    let kafka = Kafka { bootstrap: args.bootstrap.clone(), ..Kafka::default() };
    let kafka = Kafka { topic: args.topic.clone().unwrap_or(kafka.topic.clone()), ..kafka };
    let text = match (&args.from, &args.topic) {
        (Some(file), _) => of_readings(file, &file.display().to_string(), &kafka)?,
        (None, Some(topic)) => {
            let sample = newest(&kafka, topic)?;
            of_readings(sample.path(), &format!("the newest records of topic `{topic}`"), &kafka)?
        }
        (None, None) => written(&kafka, "the defaults", &[], &input_text::text(&Config::default().input), "1h"),
    };
    config::load_text(&text, "the configuration that was found", []).context("this is a mistake of wattdog")?;
    let mut file = std::fs::File::create_new(&args.output).with_context(|| format!("cannot write {}", args.output.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", args.output.display()))?;
    println!("wrote {}; `wattdog config check --config {}` looks at it", args.output.display(), args.output.display());
    Ok(())
}

fn of_readings(path: &Path, from: &str, kafka: &Kafka) -> anyhow::Result<String> {
    let file = ReadingsFile::open(path, None)?;
    let checked = check(&file, 3_600_000_000, |_| {})?;
    ensure!(checked.readings > 0, "{from}: no record is a reading; `wattdog readings` says why");
    let mut said = file.said.clone();
    said.push(format!(
        "{} of {} and {}",
        count(checked.readings, "reading"),
        count(checked.buildings as u64, "building"),
        count(checked.meters as u64, "meter")
    ));
    said.extend(summary::lines(&file, &checked));
    // Several readings of a meter in each window.
    let window = match checked.step_us().unwrap_or(0) / 1_000_000 {
        0..=10 => "1m",
        11..=60 => "5m",
        61..=900 => "1h",
        _ => "1d",
    };
    Ok(written(kafka, from, &said, &input_text::text(&file.input), window))
}

fn written(kafka: &Kafka, from: &str, said: &[String], input: &str, window: &str) -> String {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let mut text = format!("# Written by `wattdog init` from {from}. Keys that are left out have their defaults.\n");
    for said in said {
        writeln!(text, "# - {}", said.replace('\n', " ")).expect("a String takes every write");
    }
    write!(
        text,
        "\n[kafka]\nbootstrap = {}\ntopic = {}\n\n{input}\n[window]\nsize = \"{window}\"\n\n[sink.sqlite]\npath = \"wattdog.db\"\n",
        quoted(&kafka.bootstrap),
        quoted(&kafka.topic)
    )
    .expect("a String takes every write");
    text
}

/// The newest records, a line each.
fn newest(kafka: &Kafka, topic: &str) -> anyhow::Result<tempfile::NamedTempFile> {
    let settings = Settings::of(kafka);
    let partitions = partition_count(&settings, topic)?;
    ensure!(partitions > 0, "there is no topic `{topic}` at {}", kafka.bootstrap);
    let mut sample = tempfile::Builder::new().suffix(".jsonl").tempfile()?;
    let mut records = 0u64;
    for partition in 0..partitions {
        let mut lines: Vec<u8> = Vec::new();
        newest_records(&settings, topic, partition, LOOKED_AT, |message| {
            if let Some(payload) = message.payload {
                // A record of several lines is one line here.
                lines.extend(payload.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }));
                lines.push(b'\n');
                records += 1;
            }
        })
        .with_context(|| format!("cannot read partition {partition} of `{topic}` at {}", kafka.bootstrap))?;
        sample.write_all(&lines)?;
    }
    ensure!(records > 0, "topic `{topic}` at {} is empty", kafka.bootstrap);
    Ok(sample)
}
