//! The same input through one, two and three hosts, in batches of 1, 7 and 4,096, with hosts that are killed and without: the same
//! rows, byte for byte.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use crate::chaos::{load, oracle};
use crate::feeder::{Feeder, make_topic};
use crate::servers::{Running, World, eventually};

const READINGS: u64 = 4_000;
const RECORD_TIME_MS: i64 = 1_767_225_600_000;
/// Before all hosts have joined, and so may be read by one of them.
const FIRST: u64 = READINGS / 2;
/// A host that is armed and has no partition does not come by its place.
const ARMED: Duration = Duration::from_secs(4);
const PLACES: [&str; 3] = ["after-produce/1", "before-commit/2", "after-commit/1"];
const PATIENCE: Duration = Duration::from_secs(60);
/// The bytes of an assignment that has no topic.
const NO_ASSIGNMENT: usize = 10;

struct Case {
    hosts: usize,
    batch: u32,
    killed: bool,
}

/// The input, which each case finds as if it were the first.
async fn fresh_input(input: &World) {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new().set("bootstrap.servers", &input.kafka).create().unwrap();
    admin.delete_topics(&[&input.name], &AdminOptions::new()).await.unwrap();
    let consumer: BaseConsumer = ClientConfig::new().set("bootstrap.servers", &input.kafka).create().unwrap();
    eventually("the topic is gone", async || {
        let metadata = consumer.fetch_metadata(None, Duration::from_secs(5)).ok()?;
        metadata.topics().iter().all(|topic| topic.name() != input.name).then_some(())
    })
    .await;
    make_topic(input).await;
}

fn feed(feeder: &Feeder, readings: std::ops::Range<u64>) {
    for number in readings {
        let (building, line) = load::line(number);
        // A finding's id is of its reading's record, and so of its time.
        feeder.send_at(RECORD_TIME_MS + number as i64, &building, line.as_bytes());
    }
    feeder.finish();
}

pub(crate) async fn all_have_partitions(world: &World, hosts: usize) {
    let consumer: BaseConsumer = ClientConfig::new().set("bootstrap.servers", &world.kafka).create().unwrap();
    eventually("each host has a partition", async || {
        let groups = consumer.fetch_group_list(Some(&world.name), Duration::from_secs(5)).ok()?;
        let group = groups.groups().first().filter(|group| group.state() == "Stable")?;
        let with_partitions =
            group.members().iter().filter(|member| member.assignment().is_some_and(|bytes| bytes.len() > NO_ASSIGNMENT)).count();
        (with_partitions == hosts).then_some(())
    })
    .await;
}

/// Starts the hosts again once they have ended by themselves.
fn killed_and_started(world: &World, mut hosts: Vec<(String, Running)>) -> Vec<(String, Running)> {
    let armed = Instant::now();
    while hosts.iter_mut().any(|(_, host)| host.lives()) && armed.elapsed() < ARMED {
        std::thread::sleep(Duration::from_millis(50));
    }
    hosts
        .into_iter()
        .map(|(name, host)| {
            drop(host);
            let running = world.start_host(&name, None);
            (name, running)
        })
        .collect()
}

/// Every row of both tables, without the time at which it was written.
async fn rows(world: &World) -> Option<Vec<String>> {
    let postgres = world.postgres().await;
    let query = "SELECT (to_jsonb(a) - 'recorded_at')::text FROM aggregations a \
                 UNION ALL SELECT (to_jsonb(a) - 'recorded_at')::text FROM anomalies a ORDER BY 1";
    sqlx::query_scalar(query).fetch_all(&postgres).await.ok()
}

/// Waits for the rows; those that stay different are told.
async fn as_expected(world: &World, expected: &[String]) -> Vec<String> {
    let begun = Instant::now();
    loop {
        let rows = rows(world).await.unwrap();
        if rows == expected || begun.elapsed() > PATIENCE {
            let first_of_others = |rows: &[String], of: &[String]| rows.iter().find(|row| !of.contains(row)).cloned();
            assert_eq!((first_of_others(&rows, expected), first_of_others(expected, &rows)), (None, None));
            return rows;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn run(case: &Case, input: &World, expected: Option<&Vec<String>>) -> Vec<String> {
    let mut world = World::with_plugins("equality", &["kmeans"]);
    world.variables =
        vec![("WATTDOG__KAFKA__TOPIC", input.name.clone()), ("WATTDOG__KAFKA__MAX_POLL_RECORDS", case.batch.to_string())];
    load::drop_tally(&world, 1);
    fresh_input(input).await;
    let feeder = Feeder::new(input, "lz4");
    let mut hosts: Vec<(String, Running)> = (0..case.hosts)
        .map(|host| {
            let name = format!("host-{host}");
            let running = world.start_host(&name, case.killed.then_some(PLACES[host]));
            (name, running)
        })
        .collect();
    feed(&feeder, 0..FIRST);
    if case.killed {
        hosts = killed_and_started(&world, hosts);
    }
    all_have_partitions(&world, case.hosts).await;
    feed(&feeder, FIRST..READINGS);
    let rows = match expected {
        None => {
            let comparison = oracle::compare(&world, &input.name, None, PATIENCE).await;
            assert_eq!(comparison.differences(), Vec::<&String>::new());
            rows(&world).await.unwrap()
        }
        Some(expected) => as_expected(&world, expected).await,
    };
    hosts.into_iter().for_each(|(_, host)| host.stop());
    rows
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the machine for itself; `cargo xtask test` runs it alone"]
#[expect(clippy::print_stdout, reason = "which case failed")]
async fn rows_depend_neither_on_hosts_nor_on_batches_nor_on_restarts() {
    let input = World::new("same_input");
    make_topic(&input).await;
    let mut expected = None;
    for killed in [false, true] {
        for hosts in 1..=3 {
            for batch in [4_096, 7, 1] {
                println!("{hosts} hosts, batches of {batch}, killed: {killed}");
                let rows = run(&Case { hosts, batch, killed }, &input, expected.as_ref()).await;
                assert!(rows.len() > FIRST as usize, "only {} rows", rows.len());
                expected.get_or_insert(rows);
            }
        }
    }
}
