//! Broken records among good ones: each a dead letter with its reason, every good one in the results.

use std::collections::HashMap;

use rdkafka::Message as _;

use crate::feeder::{Feeder, make_topic};
use crate::oracle;
use crate::servers::World;
use crate::topics::{header, read_topic};

const GOOD: u32 = 100_000;
const ROUNDS: usize = 500;
const KINDS: usize = 20;

/// A reading with one field replaced, or left out where `value` is empty.
fn with(field: &str, value: &str) -> Vec<u8> {
    let usual = [("timestamp", r#""2025-12-04T00:00:00Z""#), ("building", r#""A""#), ("electricity", "1"), ("water", "2")];
    let fields = usual.into_iter().map(|(name, usual)| (name, if name == field { value } else { usual }));
    let fields: Vec<_> = fields.filter(|(_, value)| !value.is_empty()).map(|(name, v)| format!("\"{name}\":{v}")).collect();
    format!("{{{}}}", fields.join(",")).into_bytes()
}

/// Twenty kinds: value and reason.
fn kinds() -> [(Option<Vec<u8>>, &'static str); KINDS] {
    let text = |text: &str| Some(text.as_bytes().to_vec());
    let padding = format!("\"{}\"", "x".repeat(70_000));
    [
        (None, "empty"),
        (text(""), "not-json"),
        (Some(b"\xff\xfe{\"timestamp\":1}".to_vec()), "not-utf8"),
        (text(r#"{"timestamp":"2025-12-04T00:0"#), "not-json"),
        (text("[1,2]"), "not-json"),
        (text("hello"), "not-json"),
        (Some(with("timestamp", "")), "missing-field"),
        (Some(with("building", "")), "missing-field"),
        (Some(with("electricity", "null")), "missing-field"),
        (Some(with("electricity", "\"off\"")), "wrong-type"),
        (Some(with("water", "true")), "wrong-type"),
        (Some(with("building", "{}")), "wrong-type"),
        (Some(with("timestamp", "[]")), "wrong-type"),
        (Some(with("electricity", "NaN")), "not-finite"),
        (Some(with("water", "-Infinity")), "not-finite"),
        (Some(with("water", "1e999")), "not-finite"),
        (Some(with("electricity", "-5")), "range"),
        (Some(with("timestamp", "\"soon\"")), "timestamp"),
        (Some(with("timestamp", "\"2525-12-04T00:00:00Z\"")), "future"),
        (Some(with("building", &padding)), "oversize"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_broken_record_is_a_dead_letter_with_its_reason() {
    let world = World::new("broken");
    let file = world.readings(GOOD);
    make_topic(&world).await;
    let feeder = Feeder::new(&world, "lz4");
    let kinds = kinds();
    let mut broken = kinds.iter().cycle().take(KINDS * ROUNDS);
    for (index, line) in std::fs::read_to_string(&file).unwrap().lines().enumerate() {
        feeder.send_line(line);
        if index % 10 == 0
            && let Some((value, _)) = broken.next()
        {
            feeder.send(["key", "another", "third"][index % 3], value.as_deref());
        }
    }
    feeder.finish();
    assert!(broken.next().is_none(), "all broken records are sent");

    let running = world.start();
    oracle::stores_have_all(&world, running, &oracle::expected(&file)).await;

    let expected = broken_in_topic(&world, &kinds);
    assert_eq!(expected.len(), KINDS * ROUNDS);
    let mut dead = HashMap::new();
    read_topic(&world.kafka, &format!("{}.dead-letters", world.name), |letter| {
        let header = |name: &str| header(letter, name);
        let place = (header("partition").parse().unwrap(), header("offset").parse().unwrap());
        assert_eq!((header("kind"), header("topic")), ("reading".into(), world.name.clone()));
        let parts = (letter.key().map(<[u8]>::to_vec), letter.payload().map(<[u8]>::to_vec), header("reason"));
        assert_eq!(dead.insert(place, parts), None, "{place:?} is dead once");
    });
    assert_eq!(dead.len(), expected.len());
    for (place, (key, value, reason)) in &expected {
        assert_eq!(dead.get(place), Some(&(key.clone(), value.clone(), (*reason).to_owned())), "{place:?}");
    }
}

type Parts = (Option<Vec<u8>>, Option<Vec<u8>>, &'static str);

/// (partition, offset) to key, value and reason of each broken record, as the input topic has them.
fn broken_in_topic(world: &World, kinds: &[(Option<Vec<u8>>, &'static str)]) -> HashMap<(i32, i64), Parts> {
    let reasons: HashMap<Option<&[u8]>, &'static str> = kinds.iter().map(|(value, reason)| (value.as_deref(), *reason)).collect();
    let mut broken = HashMap::new();
    read_topic(&world.kafka, &world.name, |message| {
        if let Some(reason) = reasons.get(&message.payload()) {
            let parts = (message.key().map(<[u8]>::to_vec), message.payload().map(<[u8]>::to_vec), *reason);
            broken.insert((message.partition(), message.offset()), parts);
        }
    });
    broken
}
