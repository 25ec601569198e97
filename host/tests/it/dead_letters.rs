//! `wattdog dead-letters`: what was set aside is found by its reason, and after a fix comes through once.

use rdkafka::Message as _;
use rdkafka::message::Headers as _;
use serde_json::Value;

use crate::failing_detector::{UNBEARABLE, drop_tally};
use crate::feeder::{Feeder, make_topic};
use crate::servers::{World, eventually};
use crate::topics::read_topic;

/// More than is believed by default.
const TOO_MUCH: &str = r#"{"timestamp":"2025-12-04T00:00:10Z","building":"Much","floor":1,"electricity":2e9,"water":1}"#;
const REFUSED: &str = r#"{"timestamp":"2025-12-04T00:00:10Z","building":"Refused","floor":1,"electricity":1,"water":1}"#;

/// As much is believed after the fix.
const FIX: [(&str, &str); 3] = [
    ("WATTDOG__INPUT__MEASURES__ELECTRICITY__FIELD", "electricity"),
    ("WATTDOG__INPUT__MEASURES__ELECTRICITY__MAX", "1e12"),
    ("WATTDOG__INPUT__MEASURES__WATER__FIELD", "water"),
];

pub(crate) async fn letters(world: &World, filter: &[&str], count: usize) -> Vec<Value> {
    let arguments = [&["dead-letters", "list", "--json"], filter].concat();
    eventually(&format!("{count} dead letters of {filter:?}"), async || {
        let output = world.asked(&arguments);
        let lines = String::from_utf8(output.stdout).unwrap();
        let letters: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (letters.len() >= count).then_some(letters)
    })
    .await
}

/// Exit code, and all that it says.
pub(crate) fn redrive(world: &World, arguments: &[&str]) -> (i32, String) {
    let output = world.asked(&[&["dead-letters", "redrive"], arguments].concat());
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

/// A message of the input that came from dead letters.
struct Redriven {
    partition: i64,
    key: Vec<u8>,
    value: Vec<u8>,
    timestamp_ms: i64,
    from: String,
}

fn redriven(world: &World) -> Vec<Redriven> {
    let mut found = Vec::new();
    read_topic(&world.kafka, &world.name, |message| {
        let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
        for header in headers.filter(|header| header.key == "redriven-from") {
            found.push(Redriven {
                partition: message.partition().into(),
                key: message.key().unwrap().to_vec(),
                value: message.payload().unwrap().to_vec(),
                timestamp_ms: message.timestamp().to_millis().unwrap(),
                from: String::from_utf8(header.value.unwrap().to_vec()).unwrap(),
            });
        }
    });
    found
}

/// (rows, their readings) of a building.
async fn windows(postgres: &sqlx::PgPool, building: &str) -> (i64, i64) {
    let query = "SELECT count(*), coalesce(sum(count), 0)::bigint FROM aggregations WHERE building = $1";
    sqlx::query_as(query).bind(building).fetch_one(postgres).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_that_was_set_aside_comes_through_once_after_the_fix() {
    let world = World::new("redrive");
    make_topic(&world).await;
    let feeder = Feeder::new(&world, "lz4");
    feeder.send_lines([TOO_MUCH.to_owned(), REFUSED.to_owned()]);
    feeder.send("key", Some(b"hello \x1b[2J"));
    feeder.finish();
    let running = world.start();
    let postgres = world.postgres().await;
    letters(&world, &[], 2).await;
    let [letter] = &letters(&world, &["--reason", "range"], 1).await[..] else { panic!("one is out of range") };
    assert_eq!((letter["kind"].as_str(), letter["sent_again"].as_bool()), (Some("reading"), Some(false)));
    assert!(letter["message"].as_str().unwrap().contains("2000000000"), "{letter}");
    assert!(letters(&world, &["--until", "1d"], 0).await.is_empty());
    let table = world.ask(&["dead-letters", "list"]);
    assert!(table.contains("2 dead letters, 0 of them sent again") && !table.contains('\x1b'), "{table}");
    let place = letter["place"].as_str().unwrap();
    let shown = world.ask(&["dead-letters", "show", place]);
    assert!(shown.contains("\"building\": \"Much\"") && shown.contains("raise `max`"), "{shown}");
    assert_eq!(world.asked(&["dead-letters", "show", "0/999999"]).status.code(), Some(1));
    assert_eq!(redrive(&world, &["--reason", "range"]).0, 2, "there is no terminal to ask on");
    running.stop();

    let running = world.start_with(&FIX);
    let (code, said) = redrive(&world, &["--reason", "range", "--dry-run"]);
    assert!(code == 0 && said.contains("1 to send, 0 sent before"), "{said}");
    assert!(redriven(&world).is_empty(), "a dry run sends nothing");
    let (code, said) = redrive(&world, &["--reason", "range", "--yes"]);
    assert!(code == 0 && said.contains("1 sent again"), "{said}");
    eventually("its row is there", async || (windows(&postgres, "Much").await == (1, 1)).then_some(())).await;
    for arguments in [&["--reason", "range", "--yes"][..], &[place, "--yes"]] {
        let (code, said) = redrive(&world, arguments);
        assert!(code == 0 && said.contains("0 to send, 1 sent before"), "{said}");
    }
    let [again] = &redriven(&world)[..] else { panic!("it was sent once") };
    assert_eq!((Some(again.partition), again.key.as_slice()), (letter["partition"].as_i64(), &b"Much"[..]));
    assert_eq!((again.value.as_slice(), &again.from), (TOO_MUCH.as_bytes(), &format!("{}.dead-letters/{place}", world.name)));
    read_topic(&world.kafka, &world.name, |message| {
        if message.payload() == Some(TOO_MUCH.as_bytes()) {
            assert_eq!(message.timestamp().to_millis(), Some(again.timestamp_ms), "with the time of the original");
        }
    });
    assert!(world.ask(&["dead-letters", "list"]).contains("2 dead letters, 1 of them sent again"));
    assert!(world.ask(&["dead-letters", "show", place]).contains("next: nothing: it was sent again"));
    assert_eq!(windows(&postgres, "Much").await, (1, 1));
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_a_store_refused_is_written_once_when_it_takes_it() {
    let world = World::new("redrive_row");
    make_topic(&world).await;
    let feeder = Feeder::new(&world, "lz4");
    feeder.send_lines([REFUSED.replace("Refused", "First")]);
    let running = world.start();
    let postgres = world.postgres().await;
    sqlx::query("ALTER TABLE aggregations ADD CONSTRAINT not_refused CHECK (building <> 'Refused')")
        .execute(&postgres)
        .await
        .unwrap();
    feeder.send_lines([REFUSED.to_owned(), REFUSED.replace("Refused", "Taken")]);
    eventually("the row beside it is there", async || (windows(&postgres, "Taken").await == (1, 1)).then_some(())).await;
    let refused = &letters(&world, &["--kind", "row"], 1).await[0];
    // The same window again, with one more, and then closed by the reading of another one.
    let one_more = REFUSED.replace("\"water\":", "\"water\":1");
    feeder.send_lines([one_more, REFUSED.replace("00:00:10", "00:10:10")]);
    letters(&world, &["--kind", "row"], 3).await;
    assert_eq!((refused["stage"].as_str(), refused["reason"].as_str()), (Some("sink.postgres"), Some("refused")));
    assert!(refused["message"].as_str().unwrap().contains("not_refused"), "{refused}");

    sqlx::query("ALTER TABLE aggregations DROP CONSTRAINT not_refused").execute(&postgres).await.unwrap();
    let (code, said) = redrive(&world, &["--kind", "row", "--yes"]);
    assert!(code == 0 && said.contains("2 sent again") && said.contains("1 left out: a later row"), "{said}");
    eventually("both rows are there", async || (windows(&postgres, "Refused").await == (2, 3)).then_some(())).await;
    let mongodb = world.mongodb("aggregations").await;
    let rows = mongodb.count_documents(mongodb::bson::doc! { "building": "Refused" }).await.unwrap();
    assert_eq!(rows, 2, "the other store has each once");
    assert!(redrive(&world, &["--kind", "row", "--yes"]).1.contains("0 to send"));
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_that_a_detector_failed_on_is_scored_by_it_alone_once_it_is_mended() {
    const READINGS: i64 = 20;
    let world = World::with_plugins("redrive_scoring", &["kmeans"]);
    drop_tally(&world, "tally-1", &format!("report_every = 1\nunbearable = {UNBEARABLE:.1}"));
    make_topic(&world).await;
    let feeder = Feeder::new(&world, "lz4");
    feeder.send_lines((0..READINGS).map(|reading| {
        let electricity = if reading == 7 { UNBEARABLE } else { 150.0 };
        format!(
            r#"{{"timestamp":{},"building":"Half","floor":1,"electricity":{electricity},"water":300}}"#,
            1_764_806_400 + reading
        )
    }));
    let running = world.start();
    let postgres = world.postgres().await;
    let findings = async |detector: &'static str| -> i64 {
        let query = "SELECT count(*) FROM anomalies WHERE detector = $1";
        sqlx::query_scalar(query).bind(detector).fetch_one(&postgres).await.unwrap()
    };
    let letter = letters(&world, &["--kind", "scoring"], 1).await.remove(0);
    eventually("all others are scored", async || (findings("tally").await == READINGS - 1).then_some(())).await;
    eventually("and by the other detector", async || (findings("kmeans").await == 1).then_some(())).await;

    drop_tally(&world, "tally-2", "report_every = 1");
    eventually("it is mended in all lanes", async || {
        let swapped = world.audit().iter().filter(|(event, _, version, _)| event == "swapped" && version == "2.0.0").count();
        (swapped == 3).then_some(())
    })
    .await;
    let (code, said) = redrive(&world, &["--kind", "scoring", "--yes"]);
    assert!(code == 0 && said.contains("1 sent again"), "{said}");
    eventually("it is scored", async || (findings("tally").await == READINGS).then_some(())).await;
    let (offset, seen): (i64, String) =
        sqlx::query_as("SELECT source_offset, context->>'seen' FROM anomalies WHERE detector = 'tally' AND electricity = $1")
            .bind(UNBEARABLE)
            .fetch_one(&postgres)
            .await
            .unwrap();
    assert_eq!(
        (Some(offset), seen.as_str()),
        (letter["offset"].as_i64(), "20.0"),
        "as the reading that it was, after all others"
    );
    assert_eq!((findings("kmeans").await, windows(&postgres, "Half").await), (1, (1, READINGS)), "for this detector alone");
    assert!(redrive(&world, &["--kind", "scoring", "--yes"]).1.contains("0 to send, 1 sent before"));
    running.stop();
}

/// Readings that no default takes: (building, reason, what `show` advises).
const ADVISED: [(&str, &str, &str); 4] = [
    ("Long", "oversize", "raise `input.max_message`"),
    ("Ahead", "future", "raise `input.max_future`"),
    ("Dry", "missing-field", "set `required = false`"),
    ("Third", "too-many-meters", "raise `input.max_meters`"),
];

fn odd_reading(building: &str) -> String {
    let ahead: i64 = if building == "Ahead" { 2_177_452_800 } else { 1_764_806_400 };
    let water = if building == "Dry" { "null" } else { "300" };
    let note = if building == "Long" { "x".repeat(70_000) } else { String::new() };
    format!(r#"{{"timestamp":{ahead},"building":"{building}","floor":1,"electricity":150,"water":{water},"note":"{note}"}}"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_that_a_reading_is_advised_brings_it_through() {
    let world = World::new("advice");
    make_topic(&world).await;
    let feeder = Feeder::new(&world, "lz4");
    // All in one partition, so that one lane has two meters before the third.
    ["First", "Second", "Long", "Ahead", "Dry", "Third"]
        .iter()
        .for_each(|building| feeder.send("key", Some(odd_reading(building).as_bytes())));
    feeder.finish();
    let tight = [("WATTDOG__INPUT__MAX_METERS", "2"), ("WATTDOG__INPUT__REPARTITION", "never")];
    let running = world.start_with(&tight);
    letters(&world, &[], ADVISED.len()).await;
    for (building, reason, advice) in ADVISED {
        let [letter] = &letters(&world, &["--reason", reason], 1).await[..] else { panic!("one is {reason}") };
        let shown = world.ask(&["dead-letters", "show", letter["place"].as_str().unwrap()]);
        assert!(shown.contains(building) && shown.contains(advice), "{reason}: {shown}");
    }
    running.stop();

    let running = world.start_with(&[
        ("WATTDOG__INPUT__REPARTITION", "never"),
        ("WATTDOG__INPUT__MAX_MESSAGE", "100 KiB"),
        ("WATTDOG__INPUT__MAX_FUTURE", "36500d"),
        ("WATTDOG__INPUT__MEASURES__ELECTRICITY__FIELD", "electricity"),
        ("WATTDOG__INPUT__MEASURES__WATER__FIELD", "water"),
        ("WATTDOG__INPUT__MEASURES__WATER__REQUIRED", "false"),
    ]);
    let (code, said) = redrive(&world, &["--yes"]);
    assert!(code == 0 && said.contains("4 sent again"), "{said}");
    let postgres = world.postgres().await;
    for (building, reason, _) in ADVISED {
        eventually(&format!("{reason}: its row is there"), async || (windows(&postgres, building).await == (1, 1)).then_some(()))
            .await;
    }
    running.stop();
}
