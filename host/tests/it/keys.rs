//! Records of `replay` and `generate`: keyed by building as Java's producers would, and confirmed by the broker or named.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{ClientConfig, Message as _};

use crate::log_admin::LogAdmin;
use crate::servers::{World, eventually};
use crate::topics::read_topic;

fn lines(world: &World, name: &str, lines: impl IntoIterator<Item = String>) -> PathBuf {
    let file = world.folder.path().join(name);
    std::fs::write(&file, lines.into_iter().collect::<Vec<_>>().join("\n")).unwrap();
    file
}

fn reading(building: &str, second: u64) -> String {
    format!(r#"{{"timestamp":{},"building":{building},"electricity":1.0,"water":2.0}}"#, 1_768_435_200 + second)
}

fn replay(world: &World, arguments: &[&str]) -> Output {
    let to = ["replay", "--bootstrap", &world.kafka, "--topic", &world.name];
    world.wattdog().args(to).args(arguments).output().unwrap()
}

/// What a command that fails says.
fn refusal(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_building_goes_to_the_partition_that_java_gives_it() {
    let world = World::new("java_keys");
    let admin = LogAdmin::of(&world.kafka);
    admin.make(&world.name, 3, &[]).await;
    // By Java's murmur2 in 3 partitions: Gym 1; "foobar" 2147483647 & -790332482 = 1357151166, so 0; "21" 1173551340, so 0.
    let file = lines(&world, "gym.jsonl", (0..20).map(|second| reading("\"Gym\"", second)));
    assert!(replay(&world, &[file.to_str().unwrap()]).status.success());
    assert_eq!(admin.counts(&world.name, 3), [0, 20, 0]);
    let file = lines(&world, "foobar.jsonl", (0..7).map(|second| reading("\"foobar\"", second)));
    assert!(replay(&world, &[file.to_str().unwrap()]).status.success());
    let file = lines(&world, "number.jsonl", (0..5).map(|second| reading("21", second)));
    assert!(replay(&world, &[file.to_str().unwrap()]).status.success());
    assert_eq!(admin.counts(&world.name, 3), [12, 20, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_lies_where_it_is_said_to() {
    let world = World::new("nested_keys");
    let admin = LogAdmin::of(&world.kafka);
    admin.make(&world.name, 3, &[]).await;
    let nested = (0..9).map(|second| {
        let time = 1_768_435_200 + second;
        format!(r#"{{"timestamp":{time},"site":{{"id":"Gym"}},"electricity":1,"water":1}}"#)
    });
    let file = lines(&world, "nested.jsonl", nested);
    assert!(replay(&world, &["--key", "site.id", file.to_str().unwrap()]).status.success());
    assert_eq!(admin.counts(&world.name, 3), [0, 9, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_without_a_key_is_named_before_anything_is_sent() {
    let world = World::new("no_key");
    let good = || (0..9).map(|second| reading("\"Gym\"", second));
    for (arguments, bad, words) in [
        (&[][..], r#"{"timestamp":1,"bulding":"Gym","electricity":1}"#, "field `building` is missing"),
        (&[], r#"{"timestamp":1,"building":{"id":"Gym"},"electricity":1}"#, "field `building` is missing, empty, or neither"),
        (&[], r#"{"timestamp":1,"building":"","electricity":1}"#, "empty"),
        (&[], r#"{"timestamp":1,"building":"Gy"#, "is not JSON"),
        (&["--key", "site"], r#"{"timestamp":1,"building":"Gym"}"#, "field `site` is missing"),
    ] {
        let good = lines(&world, "good.jsonl", good());
        let bad = lines(&world, "bad.jsonl", [reading("\"Gym\"", 1), bad.to_owned()]);
        let mut all = arguments.to_vec();
        if arguments.is_empty() {
            all.push(good.to_str().unwrap());
        }
        all.push(bad.to_str().unwrap());
        let said = refusal(&replay(&world, &all));
        assert!(said.contains(words) && said.contains("bad.jsonl") && said.contains("nothing was sent"), "{said}");
    }
    assert!(!LogAdmin::of(&world.kafka).exists(&world.name), "no topic is made for what cannot be sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_broker_refuses_is_counted_and_its_first_reason_told() {
    let world = World::new("refused");
    let admin = LogAdmin::of(&world.kafka);
    admin.make(&world.name, 1, &[("max.message.bytes", "50")]).await;
    let file = lines(&world, "readings.jsonl", (0..20).map(|second| reading("\"Gym\"", second)));
    let said = refusal(&replay(&world, &[file.to_str().unwrap()]));
    assert!(said.contains("did not take 20 of 20 records") && said.contains("too large"), "{said}");
    let arguments = ["generate", "readings", "--bootstrap", &world.kafka, "--topic", &world.name, "--count", "15"];
    let said = refusal(&world.wattdog().args(arguments).output().unwrap());
    assert!(said.contains("did not take 15 of 15 records"), "{said}");
    assert_eq!(admin.counts(&world.name, 1), [0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_record_that_is_refused_holds_up_no_other_and_is_told() {
    let world = World::new("one_refused");
    let admin = LogAdmin::of(&world.kafka);
    admin.make(&world.name, 1, &[("max.message.bytes", "2000")]).await;
    let long = format!("\"Gym\",\"note\":\"{}\"", "x".repeat(3_000));
    let readings = (0..20).map(|second| reading(if second == 7 { &long } else { "\"Gym\"" }, second));
    let file = lines(&world, "readings.jsonl", readings);
    // Each in a batch of its own, as long as it is.
    let alone = ["--property", "batch.size=1", "--property", "compression.type=none", file.to_str().unwrap()];
    let said = refusal(&replay(&world, &alone));
    assert!(said.contains("did not take 1 of 20 records"), "{said}");
    assert_eq!(admin.counts(&world.name, 1), [19]);
}

const BUILDINGS: [&str; 8] = ["Gym", "Hall", "Library", "Mensa", "North", "South", "Tower", "Workshop"];

/// With librdkafka's own partitioner, as producers in C, Python and Go have it.
fn send_by_crc32(world: &World, topic: &str) {
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", &world.kafka).create().unwrap();
    for building in BUILDINGS {
        let value = reading(&format!("\"{building}\""), 0);
        producer.send(BaseRecord::to(topic).key(building).payload(&value)).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(Duration::from_secs(30)).unwrap();
}

/// The partitions in which each building is.
fn homes(world: &World, topic: &str) -> BTreeMap<String, BTreeSet<i32>> {
    let mut homes = BTreeMap::<String, BTreeSet<i32>>::new();
    read_topic(&world.kafka, topic, |message| {
        let building = std::str::from_utf8(message.key().unwrap()).unwrap().to_owned();
        homes.entry(building).or_default().insert(message.partition());
    });
    homes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_goes_where_the_topics_own_records_of_a_building_are() {
    let world = World::new("crc32");
    LogAdmin::of(&world.kafka).make(&world.name, 3, &[]).await;
    send_by_crc32(&world, &world.name);
    let file = lines(&world, "backfill.jsonl", BUILDINGS.map(|building| reading(&format!("\"{building}\""), 60)));
    let output = replay(&world, &[file.to_str().unwrap()]);
    assert!(output.status.success());
    let homes = homes(&world, &world.name);
    assert!(homes.len() == BUILDINGS.len() && homes.values().all(|partitions| partitions.len() == 1), "{homes:?}");
    // Asked for by name, a partitioner is obeyed.
    let murmur2 = ["--property", "partitioner=murmur2_random", file.to_str().unwrap()];
    assert!(replay(&world, &murmur2).status.success());
    assert!(self::homes(&world, &world.name).values().any(|partitions| partitions.len() == 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyed_topic_of_an_older_program_splits_no_building() {
    let mut world = World::new("older_keyed");
    world.configure("[window]\nsize = \"15m\"\n");
    let (admin, keyed) = (LogAdmin::of(&world.kafka), format!("{}.repartition", world.name));
    admin.make(&world.name, 3, &[]).await;
    admin.make(&keyed, 3, &[]).await;
    send_by_crc32(&world, &keyed);
    let file = lines(&world, "more.jsonl", BUILDINGS.map(|building| reading(&format!("\"{building}\""), 60)));
    assert!(replay(&world, &[file.to_str().unwrap()]).status.success());
    let running = world.start_with(&[("WATTDOG__INPUT__REPARTITION", "always")]);
    let postgres = world.postgres().await;
    eventually("each building has both readings in one row", async || {
        let query = "SELECT count(*) FROM aggregations WHERE count = 2";
        let count: i64 = sqlx::query_scalar(query).fetch_one(&postgres).await.ok()?;
        (count == BUILDINGS.len() as i64).then_some(())
    })
    .await;
    let homes = homes(&world, &keyed);
    assert!(homes.len() == BUILDINGS.len() && homes.values().all(|partitions| partitions.len() == 1), "{homes:?}");
    assert!(world.log().contains("keyed with librdkafka's own partitioner"), "{}", world.log());
    running.stop();
}

#[test]
fn a_broker_that_is_away_ends_the_sending() {
    let world = World::new("away");
    let file = lines(&world, "readings.jsonl", (0..20).map(|second| reading("\"Gym\"", second)));
    let arguments = ["replay", "--bootstrap", "127.0.0.1:9", "--topic", &world.name, file.to_str().unwrap()];
    let said = refusal(&world.wattdog().args(arguments).output().unwrap());
    assert!(said.contains("no Kafka broker answers at 127.0.0.1:9"), "{said}");
}
