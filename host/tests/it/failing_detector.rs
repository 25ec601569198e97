//! A detector that fails costs the readings on which it fails, and nothing else.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rdkafka::Message as _;

use crate::feeder::{Feeder, make_topic};
use crate::servers::{World, eventually, workspace};
use crate::topics::{header, read_topic};

const METERS: usize = 40;
const READINGS: usize = 60_000;
/// The value that the detector cannot bear.
pub(crate) const UNBEARABLE: f64 = 4_000.0;

fn is_unbearable(reading: usize) -> bool {
    // Not in step with the meters, so that each has some.
    reading % 1_000 == reading / 1_000 * 7 % 1_000
}

fn value(reading: usize) -> f64 {
    if is_unbearable(reading) { UNBEARABLE } else { (reading * 31 % 2_000) as f64 / 8.0 }
}

pub(crate) fn line(reading: usize) -> String {
    let (meter, time) = (reading % METERS, 1_767_225_600 + reading / METERS);
    format!(r#"{{"timestamp":{time},"building":"B{meter}","floor":1,"electricity":{},"water":1}}"#, value(reading))
}

pub(crate) fn drop_tally(world: &World, version: &str, params: &str) {
    let sidecar = world.plugins().join("tally.toml");
    std::fs::write(sidecar, format!("warm_start = \"0s\"\n[params]\n{params}\n")).unwrap();
    let guest = workspace().join("target/guests").join(version).with_extension("wasm");
    std::fs::copy(&guest, world.plugins().join("tally.wasm")).unwrap_or_else(|error| panic!("{}: {error}", guest.display()));
}

/// What the detector should have said: (building, reading of its meter, average) of every sixteenth that it took.
fn expected() -> HashMap<(String, u64), f64> {
    let mut meters = vec![(0u64, 0.0f64); METERS];
    let mut expected = HashMap::new();
    for reading in (0..READINGS).filter(|&reading| !is_unbearable(reading)) {
        let meter = reading % METERS;
        let (seen, average) = &mut meters[meter];
        *seen += 1;
        *average += (value(reading) - *average) / 8.0;
        if seen.is_multiple_of(16) {
            expected.insert((format!("B{meter}"), *seen), *average);
        }
    }
    expected
}

/// A world with the detector `tally`, which reports every reading.
pub(crate) async fn with_tally(name: &str) -> (World, Feeder) {
    let world = World::with_plugins(name, &["kmeans"]);
    drop_tally(&world, "tally-1", "report_every = 1");
    make_topic(&world).await;
    let feeder = Feeder::new(&world, "none");
    (world, feeder)
}

async fn count(postgres: &sqlx::PgPool, what: &str) -> Option<i64> {
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {what}"))).fetch_one(postgres).await.ok()
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "a figure for whoever looks")]
async fn one_reading_in_a_thousand_is_set_aside_and_the_state_is_as_if_it_had_been_skipped() {
    let world = World::with_plugins("one_in_1000", &[]);
    drop_tally(&world, "tally-1", &format!("unbearable = {UNBEARABLE:.1}"));
    make_topic(&world).await;
    let feeder = Feeder::new(&world, "lz4");
    feeder.send_lines((0..READINGS).map(line));
    let expected = expected();
    let running = world.start();
    let started = Instant::now();
    let postgres = world.postgres().await;
    eventually("all findings are there", async || (count(&postgres, "anomalies").await? == expected.len() as i64).then_some(()))
        .await;
    println!(
        "{:.0} readings a second from start to last row, one in a thousand failing",
        READINGS as f64 / started.elapsed().as_secs_f64()
    );
    running.stop();

    let rows: Vec<(String, serde_json::Value)> =
        sqlx::query_as("SELECT building, context FROM anomalies").fetch_all(&postgres).await.unwrap();
    for (building, context) in rows {
        let (seen, average) = (context["seen"].as_f64().unwrap() as u64, context["average"].as_f64().unwrap());
        let wanted = expected.get(&(building.clone(), seen)).unwrap_or_else(|| panic!("no finding at {building} {seen}"));
        assert!((average - wanted).abs() < 1e-9, "{building} {seen}: {average}, expected {wanted}");
    }
    let mut set_aside = 0;
    read_topic(&world.kafka, &dead_letters(&world), |letter| {
        set_aside += 1;
        let value = String::from_utf8_lossy(letter.payload().unwrap());
        assert!(value.contains("\"electricity\":4000"), "{value}");
        let header = |name: &str| header(letter, name);
        assert_eq!(
            (header("kind"), header("plugin"), header("plugin_version")),
            ("scoring".into(), "tally".into(), "1.0.0".into())
        );
        assert_eq!(header("trap"), "unreachable");
        assert!(header("message").contains("4000 kWh is more than I can bear"), "{}", header("message"));
    });
    assert_eq!(set_aside, (0..READINGS).filter(|&reading| is_unbearable(reading)).count());
}

fn dead_letters(world: &World) -> String {
    format!("{}.dead-letters", world.name)
}

fn events(world: &World) -> Vec<(String, String)> {
    world.audit().into_iter().filter(|(event, ..)| event != "swapped").map(|(event, _, version, _)| (event, version)).collect()
}

/// Lanes in which that version has taken over.
fn swapped_to(world: &World, version: &str) -> usize {
    world.audit().iter().filter(|(event, _, of, _)| event == "swapped" && of == version).count()
}

fn said(event: &str, version: &str) -> (String, String) {
    (event.into(), version.into())
}

/// What `tally` cannot bear with `unbearable = 7.0`.
fn unbearable_line(second: usize) -> String {
    let time = 1_767_225_620 + second;
    format!(r#"{{"timestamp":{time},"building":"B0","floor":1,"electricity":7,"water":1}}"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_that_fails_makes_place_for_the_one_before_and_a_first_one_waits_in_quarantine() {
    let (world, feeder) = with_tally("rollback").await;
    feeder.send_lines((1..501).map(line));
    let running = world.start();
    let postgres = world.postgres().await;
    let scored =
        async |by: &str| count(&postgres, &format!("anomalies WHERE detector_version = '{by}' AND detector = 'tally'")).await;
    eventually("the first version scores", async || (scored("1.0.0").await? == 500).then_some(())).await;

    // The new one cannot bear what every reading has from here on.
    drop_tally(&world, "tally-2", "report_every = 1\nunbearable = 7.0");
    eventually("the new version runs", async || (swapped_to(&world, "2.0.0") == 3).then_some(())).await;
    feeder.send_lines((0..400).map(unbearable_line));
    eventually("it is rolled back", async || events(&world).contains(&said("rolled-back", "1.0.0")).then_some(())).await;
    eventually("the version before runs", async || (swapped_to(&world, "1.0.0") == 3).then_some(())).await;
    feeder.send_lines((501..1_001).map(line));
    eventually("the version before scores again", async || (scored("1.0.0").await? >= 1_000).then_some(())).await;
    // What the failing one was asked, or was no longer asked, is in dead letters; all else was scored by the first.
    let mut set_aside = 0;
    read_topic(&world.kafka, &dead_letters(&world), |_| set_aside += 1);
    assert_eq!(scored("1.0.0").await.unwrap() + set_aside, 1_400, "{set_aside} set aside");
    running.stop();

    // A restart does not bring it back either.
    let before = scored("1.0.0").await.unwrap();
    let running = world.start();
    feeder.send_lines((1_001..1_101).map(line));
    eventually("the version before goes on", async || (scored("1.0.0").await? == before + 100).then_some(())).await;
    assert_eq!(scored("2.0.0").await, Some(0));
    running.stop();

    // With nothing to go back to it waits, and the others go on.
    std::fs::remove_file(world.folder.path().join("audit.jsonl")).unwrap();
    std::fs::remove_dir_all(world.folder.path().join("audit.versions")).unwrap();
    let running = world.start();
    feeder.send_lines((400..800).map(unbearable_line));
    eventually("it is quarantined", async || events(&world).contains(&said("quarantined", "2.0.0")).then_some(())).await;
    assert!(!events(&world).iter().any(|(event, _)| event == "rolled-back"));
    eventually("the others go on", async || {
        (count(&postgres, "anomalies WHERE detector = 'kmeans' AND electricity = 7").await? >= 800).then_some(())
    })
    .await;
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_detector_in_the_shadow_writes_apart_until_it_is_promoted() {
    let world = World::with_plugins("shadow", &["kmeans"]);
    drop_tally(&world, "tally-1", "report_every = 1");
    let sidecar = world.plugins().join("tally.toml");
    let shadow = format!("mode = \"shadow\"\n{}", std::fs::read_to_string(&sidecar).unwrap());
    std::fs::write(&sidecar, &shadow).unwrap();
    make_topic(&world).await;
    let feeder = Feeder::new(&world, "none");
    feeder.send_lines((1..501).map(line));
    let running = world.start();
    let postgres = world.postgres().await;
    eventually("its findings are apart", async || (count(&postgres, "shadow_anomalies").await? == 500).then_some(())).await;
    assert_eq!(count(&postgres, "anomalies WHERE detector = 'tally'").await, Some(0));

    let list = world.ask(&["plugin", "list"]);
    assert!(list.lines().any(|line| line.starts_with("tally") && line.contains("shadow") && line.contains(" 500 ")), "{list}");
    let compared = world.ask(&["plugin", "compare", "kmeans", "tally"]);
    assert!(compared.contains("tally 1.0.0 (shadow): 500 findings"), "{compared}");
    assert!(compared.contains("only kmeans: 0") && compared.contains("scores of all readings"), "{compared}");

    assert_eq!(world.ask(&["plugin", "promote", "tally"]), "tally is active\nkmeans is in its shadow\n");
    let swaps = |world: &World| world.audit().iter().filter(|(event, ..)| event == "swapped").count();
    eventually("it is promoted", async || {
        (events(&world).contains(&said("promoted", "1.0.0")) && swaps(&world) == 6).then_some(())
    })
    .await;
    feeder.send_lines((501..1_001).map(line));
    eventually("its findings are results", async || {
        (count(&postgres, "anomalies WHERE detector = 'tally'").await? == 500).then_some(())
    })
    .await;
    // It goes on with what it knew.
    let most: f64 = sqlx::query_scalar("SELECT max((context->>'seen')::float8) FROM anomalies WHERE detector = 'tally'")
        .fetch_one(&postgres)
        .await
        .unwrap();
    assert!(most >= 24.0, "the last reading of a meter was its {most}th");
    assert_eq!(count(&postgres, "shadow_anomalies WHERE detector = 'tally'").await, Some(500));

    // Another version of it, and back to the first by hand.
    std::fs::copy(workspace().join("target/guests/tally-2.wasm"), world.plugins().join("tally.wasm")).unwrap();
    eventually("the second version runs", async || (swaps(&world) == 9).then_some(())).await;
    assert!(world.ask(&["plugin", "rollback", "tally"]).starts_with("tally is 1.0.0 again"));
    eventually("the first version runs again", async || (swaps(&world) == 12).then_some(())).await;
    feeder.send_lines((1_001..1_101).map(line));
    eventually("it goes on", async || {
        (count(&postgres, "anomalies WHERE detector = 'tally' AND detector_version = '1.0.0'").await? == 600).then_some(())
    })
    .await;
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_cannot_read_the_state_goes_through_earlier_readings_first() {
    let (world, feeder) = with_tally("warm").await;
    feeder.send_lines((1..2_001).map(line));
    let running = world.start();
    let postgres = world.postgres().await;
    let scored =
        async |by: &str| count(&postgres, &format!("anomalies WHERE detector_version = '{by}' AND detector = 'tally'")).await;
    eventually("the first version scores", async || (scored("1.0.0").await? == 2_000).then_some(())).await;

    std::fs::write(world.plugins().join("tally.toml"), "[params]\nreport_every = 1\n").unwrap();
    std::fs::copy(workspace().join("target/guests/tally-4.wasm"), world.plugins().join("tally.wasm")).unwrap();
    // Readings flow on meanwhile.
    for reading in 2_001..4_001 {
        feeder.send_line(&line(reading));
        std::thread::sleep(Duration::from_millis(1));
    }
    feeder.finish();
    eventually("it is warm", async || events(&world).contains(&said("warm", "4.0.0")).then_some(())).await;
    eventually("it has come to all lanes", async || (swapped_to(&world, "4.0.0") == 3).then_some(())).await;
    feeder.send_lines((4_001..5_001).map(line));
    eventually("all are scored", async || (count(&postgres, "anomalies WHERE detector = 'tally'").await? == 5_000).then_some(()))
        .await;
    // Whichever version scored a meter's reading, it had counted all before it.
    let doubles: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT building, context->>'seen' FROM anomalies WHERE detector = 'tally' GROUP BY 1, 2 HAVING count(*) > 1) AS twice",
    )
    .fetch_one(&postgres)
    .await
    .unwrap();
    assert_eq!((doubles, scored("4.0.0").await.unwrap() >= 1_000), (0, true));
    running.stop();
}
