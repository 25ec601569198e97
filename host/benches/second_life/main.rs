//! `kill -9` with many meters in state: how long until the next life's first committed result, and what that time is made of.
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark prints and measures")]

#[allow(dead_code, reason = "each benchmark uses a part of it")]
#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code, reason = "a soak asks for more")]
#[path = "../soak/host.rs"]
mod host;
#[path = "../soak/readings.rs"]
mod readings;

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;

use common::feeder::{Feeder, make_topic};
use common::variable;
use host::Setup;
use readings::reading;

#[derive(Clone, Debug, Parser)]
struct Args {
    /// Meters in state, ten in a building.
    #[arg(long, default_value_t = 100_000)]
    meters: u32,
    /// Readings a second.
    #[arg(long, default_value_t = 20_000)]
    rate: u32,
    /// How often it is killed.
    #[arg(long, default_value_t = 5)]
    kills: u32,
    #[arg(long, hide = true)]
    bench: bool,
}

const PARTITIONS: i32 = 3;
const FINDINGS_EVERY: u64 = 100;
const PATIENCE: Duration = Duration::from_secs(60);
/// The state is written every 30 s, so that a kill finds about as much to replay as it would on any day.
const BETWEEN: Duration = Duration::from_secs(40);

fn main() -> Result<()> {
    let args = Args::parse();
    let (kafka, folder) = (variable("WATTDOG_TEST_KAFKA")?, tempfile::tempdir()?);
    let topic = format!("second_life_{}", std::process::id());
    make_topic(&kafka, &topic, PARTITIONS, Some(readings::RETENTION))?;
    let postgres = variable("WATTDOG_TEST_POSTGRES")?;
    // A stand-in for MongoDB takes a core for rows of ten thousand buildings a second, which is not what is measured here.
    let setup =
        Setup { kafka: &kafka, topic: &topic, postgres: &postgres, mongodb: None, lateness: "1h", instance: Some("host-1") };
    let results = Results::of(&kafka, &format!("{topic}.anomalies"))?;
    let mut program = setup.start(folder.path())?;
    program.until_ready()?;
    let meters = args.meters;
    let feeder = Feeder::start(&kafka, &topic, args.rate, move |number| reading(number, meters, FINDINGS_EVERY))?;
    println!("{} meters, {} readings a second\n", args.meters, args.rate);
    for kill in 1..=args.kills {
        std::thread::sleep(BETWEEN);
        drop(program);
        let (killed, since) = (Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH)?);
        let said = said_so_far(folder.path())?;
        program = setup.start(folder.path())?;
        let log = || std::fs::read_to_string(folder.path().join("log")).unwrap_or_default().split_off(said);
        results.first_since(since).with_context(log)?;
        println!("kill {kill}: first committed result after {:.0} ms", killed.elapsed().as_secs_f64() * 1e3);
        std::thread::sleep(Duration::from_secs(2));
        let about = |line: &&str| ["wattdog runs", "the lane knows", "lane runs"].iter().any(|part| line.contains(part));
        log().lines().filter(about).for_each(|line| println!("  {line}"));
    }
    feeder.finish()?;
    program.stop()
}

fn said_so_far(folder: &Path) -> Result<usize> {
    Ok(std::fs::metadata(folder.join("log"))?.len() as usize)
}

/// What is committed on a topic of results.
struct Results(BaseConsumer);

impl Results {
    fn of(kafka: &str, topic: &str) -> Result<Self> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", kafka)
            .set("group.id", topic)
            .set("fetch.wait.max.ms", "5")
            .set("isolation.level", "read_committed")
            .set("allow.auto.create.topics", "false")
            .set("topic.metadata.refresh.interval.ms", "1000")
            .create()?;
        consumer.subscribe(&[topic])?;
        Ok(Self(consumer))
    }

    /// Waits for one that was written after a time of the epoch. Those of the life before may come to light only when its open
    /// transaction has ended.
    fn first_since(&self, since: Duration) -> Result<()> {
        let started = Instant::now();
        loop {
            if let Some(Ok(message)) = self.0.poll(Duration::from_millis(10))
                && message.timestamp().to_millis().is_some_and(|written| written > since.as_millis() as i64)
            {
                return Ok(());
            }
            ensure!(started.elapsed() < PATIENCE, "no result of the next life");
        }
    }
}
