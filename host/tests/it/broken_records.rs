//! Broken records among good ones: each a dead letter with its reason, every good one in the results.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};

use crate::servers::{World, eventually};

/// One broken record for each line, and the reason that its dead letter must have.
const BROKEN: [(&str, &str); 12] = [
    ("{", "not-json"),
    ("[1]", "not-json"),
    ("hello", "not-json"),
    (r#"{"timestamp":"2025-12-04T00:00:00Z","building":"A","floor":1,"water":1}"#, "missing-field"),
    (r#"{"timestamp":"2025-12-04T00:00:00Z","floor":1,"electricity":1,"water":1}"#, "missing-field"),
    (r#"{"timestamp":"2025-12-04T00:00:00Z","building":"A","floor":1,"electricity":"1","water":1}"#, "wrong-type"),
    (r#"{"timestamp":[],"building":"A","floor":1,"electricity":1,"water":1}"#, "wrong-type"),
    (r#"{"timestamp":"2025-12-04T00:00:00Z","building":"A","floor":1,"electricity":NaN,"water":1}"#, "not-finite"),
    (r#"{"timestamp":"2025-12-04T00:00:00Z","building":"A","floor":1,"electricity":1e999,"water":1}"#, "not-finite"),
    (r#"{"timestamp":"2025-12-04T00:00:00Z","building":"A","floor":1,"electricity":-5,"water":1}"#, "range"),
    (r#"{"timestamp":"soon","building":"A","floor":1,"electricity":1,"water":1}"#, "timestamp"),
    (r#"{"timestamp":"2525-12-04T00:00:00Z","building":"A","floor":1,"electricity":1,"water":1}"#, "future"),
];
const GOOD: u32 = 3_000;
const ROUNDS: usize = 25;

#[tokio::test(flavor = "multi_thread")]
async fn each_broken_record_is_a_dead_letter_with_its_reason() {
    let world = World::new("broken");
    let good = std::fs::read_to_string(world.readings(GOOD)).unwrap();
    let mut mixed = String::new();
    let mut broken = BROKEN.iter().cycle().take(BROKEN.len() * ROUNDS);
    for (index, line) in good.lines().enumerate() {
        writeln!(mixed, "{line}").unwrap();
        if index % 9 == 0
            && let Some((line, _)) = broken.next()
        {
            writeln!(mixed, "{line}").unwrap();
        }
    }
    assert!(broken.next().is_none(), "all broken records are in the file");
    let file = world.folder.path().join("mixed.jsonl");
    std::fs::write(&file, mixed).unwrap();
    world.replay(&file);
    let running = world.start();
    let postgres = world.postgres().await;
    eventually("all good readings are aggregated", async || {
        let count: i64 =
            sqlx::query_scalar("SELECT coalesce(sum(count), 0)::bigint FROM aggregations").fetch_one(&postgres).await.ok()?;
        (count == i64::from(GOOD)).then_some(())
    })
    .await;
    running.stop();
    let mut expected = BTreeMap::new();
    for (_, reason) in BROKEN {
        *expected.entry(reason.to_owned()).or_insert(0) += ROUNDS;
    }
    assert_eq!(dead_letters(&world, BROKEN.len() * ROUNDS), expected);
}

/// Reads dead letters until there are `total` and no more come; counts them by reason.
fn dead_letters(world: &World, total: usize) -> BTreeMap<String, usize> {
    let consumer: BaseConsumer = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", &world.kafka)
        .set("group.id", format!("{}-test", world.name))
        .set("auto.offset.reset", "earliest")
        .create()
        .unwrap();
    consumer.subscribe(&[&format!("{}.dead-letters", world.name)]).unwrap();
    let mut reasons = BTreeMap::new();
    // Joining the group ends a poll early, so silence alone is not the end; a second of it after the last one is.
    let mut end = Instant::now() + Duration::from_secs(30);
    while Instant::now() < end {
        let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
        let message = message.unwrap();
        let headers = message.headers().expect("a dead letter has headers");
        let value = |name: &str| {
            let header = headers.iter().find(|header| header.key == name).unwrap_or_else(|| panic!("no header {name}"));
            String::from_utf8(header.value.unwrap().to_vec()).unwrap()
        };
        assert_eq!((value("kind"), value("topic")), ("reading".into(), world.name.clone()));
        *reasons.entry(value("reason")).or_insert(0) += 1;
        if reasons.values().sum::<usize>() >= total {
            end = Instant::now() + Duration::from_secs(1);
        }
    }
    reasons
}
