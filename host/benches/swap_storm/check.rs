//! What came out against what went in.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};
use serde_json::Value;

use super::PARTITIONS;
use super::readings::{of_meter, value};

const PATIENCE: Duration = Duration::from_secs(30);

/// How long lanes stood still.
pub(crate) fn pauses(audit: &[Value]) {
    let swaps: Vec<_> = audit.iter().filter(|line| line["event"] == "swapped").collect();
    let meters = swaps.iter().filter_map(|line| line["meters"].as_u64()).max().unwrap_or(0);
    println!("longest step of a swap, in which a lane does nothing else; state of up to {meters} meters");
    for (what, key) in [("pause", "pause_us"), ("processor time", "busy_us")] {
        let mut times: Vec<f64> = swaps.iter().filter_map(|line| line[key].as_f64()).map(|us| us / 1e3).collect();
        times.sort_by(f64::total_cmp);
        let quantile = |q: f64| times[((times.len() as f64 * q) as usize).min(times.len() - 1)];
        if !times.is_empty() {
            let (median, p99, longest) = (quantile(0.5), quantile(0.99), quantile(1.0));
            println!("  {what}: median {median:.3} ms, p99 {p99:.3} ms, longest {longest:.3} ms");
        }
    }
}

/// One reading of each meter in so many is a finding, once, with the count and the average that all readings before it make, by
/// the version that was active at its offset; nothing is a dead letter.
pub(crate) fn rows(kafka: &str, topic: &str, total: u64, meters: u32, audit: &[Value], report_every: u64) -> Result<()> {
    let active = active_versions(audit);
    let mut averages: Vec<(u64, f64)> = vec![(0, 0.0); meters as usize];
    let mut found: HashMap<(u32, u64), ()> = HashMap::new();
    let mut by_version: BTreeMap<String, u64> = BTreeMap::new();
    let mut problems = 0u64;
    let mut wrong = |what: String| {
        problems += 1;
        if problems <= 10 {
            println!("wrong: {what}");
        }
    };
    read(kafka, &format!("{topic}.anomalies"), |row| {
        let meter: u32 = row["building"].as_str().and_then(|name| name.strip_prefix('M')?.parse().ok()).context("a meter")?;
        let seen = row["context"]["seen"].as_f64().context("`seen`")? as u64;
        let average = row["context"]["average"].as_f64().context("`average`")?;
        if found.insert((meter, seen), ()).is_some() {
            wrong(format!("meter {meter}: reading {seen} was scored twice"));
            return Ok(());
        }
        let (number, expected) = &mut averages[meter as usize];
        if seen != *number + report_every {
            wrong(format!("meter {meter}: after reading {number} comes {seen}"));
        }
        while *number < seen {
            *expected += (value(meter, *number) - *expected) / 8.0;
            *number += 1;
        }
        if (average - *expected).abs() > 1e-9 {
            wrong(format!("meter {meter}: average {average} at reading {seen}, expected {expected}"));
        }
        let digest = row["detector_digest"].as_str().context("a digest")?;
        let place =
            (row["source_partition"].as_i64().context("a partition")?, row["source_offset"].as_i64().context("an offset")?);
        let wanted = active.range(..=place).next_back().filter(|((partition, _), _)| *partition == place.0);
        if wanted.is_none_or(|(_, wanted)| wanted != digest) {
            wrong(format!("offset {place:?} was scored by {digest}, active was {wanted:?}"));
        }
        *by_version.entry(row["detector_version"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        Ok(())
    })?;
    for meter in 0..meters {
        let wanted = of_meter(total, meters, meter) / report_every * report_every;
        if averages[meter as usize].0 != wanted {
            wrong(format!("meter {meter}: {} readings are in the last finding, expected {wanted}", averages[meter as usize].0));
        }
    }
    let mut dead_letters = 0;
    read(kafka, &format!("{topic}.dead-letters"), |_| {
        dead_letters += 1;
        Ok(())
    })?;
    println!("findings {}, by version {by_version:?}; dead letters {dead_letters}; wrong {problems}", found.len());
    ensure!(problems == 0 && dead_letters == 0, "swaps lost, doubled or confused something");
    println!("each reading was scored exactly once, by the version that was active then, on a state that has seen all before it");
    Ok(())
}

/// The digest from each (partition, offset) on.
fn active_versions(audit: &[Value]) -> BTreeMap<(i64, i64), String> {
    let mut active = BTreeMap::new();
    let digest = |line: &Value| line["digest"].as_str().unwrap_or_default().to_owned();
    if let Some(first) = audit.iter().find(|line| line["event"] == "loaded") {
        (0..i64::from(PARTITIONS)).for_each(|partition| drop(active.insert((partition, 0), digest(first))));
    }
    for swap in audit.iter().filter(|line| line["event"] == "swapped") {
        let place = (swap["partition"].as_i64().unwrap_or(-1), swap["offset"].as_i64().unwrap_or(0));
        active.insert(place, digest(swap));
    }
    active
}

/// All committed records of a topic, a partition after the other.
fn read(kafka: &str, topic: &str, mut take: impl FnMut(&Value) -> Result<()>) -> Result<()> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka)
        .set("group.id", "swap-storm")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .create()?;
    for partition in 0..PARTITIONS {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Beginning)?;
        consumer.assign(&list)?;
        let mut heard = Instant::now();
        loop {
            match consumer.poll(Duration::from_secs(1)) {
                Some(Ok(message)) => {
                    heard = Instant::now();
                    take(&serde_json::from_slice(message.payload().unwrap_or(b"null")).unwrap_or_default())?;
                }
                Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => break,
                Some(Err(error)) => return Err(error.into()),
                // It serves other events too, and says nothing then.
                None => ensure!(heard.elapsed() < PATIENCE, "the broker is silent about {topic}"),
            }
        }
    }
    Ok(())
}
