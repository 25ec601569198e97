//! Topics that change under a host, or that are of an unusual kind: partitions added, an input that is compacted.

use std::path::PathBuf;

use crate::feeder::Feeder;
use crate::log_admin::LogAdmin;
use crate::servers::{World, eventually};

fn line(building: &str, second: u32) -> String {
    format!("{{\"timestamp\":{},\"building\":\"{building}\",\"electricity\":1.0,\"water\":2.0}}", 1_768_435_200 + second)
}

fn readings(world: &World, name: &str, seconds: std::ops::Range<u32>) -> PathBuf {
    let file = world.folder.path().join(name);
    let buildings = ["Gym", "Hall", "Library", "Mensa", "North", "South"];
    let lines = seconds.flat_map(|second| buildings.map(|building| line(building, second)));
    std::fs::write(&file, lines.collect::<Vec<_>>().join("\n")).unwrap();
    file
}

async fn counted(world: &World, wanted: i64) {
    let postgres = world.postgres().await;
    eventually(&format!("{wanted} readings are counted"), async || {
        let count: i64 =
            sqlx::query_scalar("SELECT coalesce(sum(count), 0)::bigint FROM aggregations").fetch_one(&postgres).await.ok()?;
        (count == wanted).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_are_added_are_read_from_their_beginning_and_named() {
    let mut world = World::new("grown");
    // Each second in a window of its own, so that a building in two partitions has no window in both.
    world.configure("[window]\nsize = \"1s\"\n");
    let admin = LogAdmin::of(&world.kafka);
    admin.make(&world.name, 1, &[]).await;
    world.replay(&readings(&world, "before.jsonl", 0..10));
    let running = world.start();
    counted(&world, 60).await;
    admin.grow(&world.name, 3).await;
    world.replay(&readings(&world, "after.jsonl", 10..30));
    assert!(admin.counts(&world.name, 3).iter().skip(1).any(|count| *count > 0));
    counted(&world, 180).await;
    eventually("it is said", async || world.log().contains("the topic has got more partitions").then_some(())).await;
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_take_a_key_away_are_no_dead_letters_of_a_compacted_input() {
    let mut world = World::new("compacted");
    world.configure("[window]\nsize = \"15m\"\n");
    LogAdmin::of(&world.kafka).make(&world.name, 1, &[("cleanup.policy", "compact")]).await;
    let feeder = Feeder::new(&world, "none");
    feeder.send("Gym", Some(line("Gym", 0).as_bytes()));
    feeder.send("Hall", None);
    feeder.send("Gym", Some(line("Gym", 1).as_bytes()));
    feeder.finish();
    let running = world.start();
    counted(&world, 2).await;
    let metrics = world.metrics();
    assert!(metrics.contains("wattdog_tombstones_total{partition=\"0\"} 1\n"), "{metrics}");
    assert!(metrics.contains("wattdog_dead_letters_total{reason=\"empty\"} 0\n"), "{metrics}");
    assert_eq!(world.log().matches("the input is compacted").count(), 1, "{}", world.log());
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_without_a_value_is_a_dead_letter_of_an_ordinary_input() {
    let mut world = World::new("not_compacted");
    world.configure("[window]\nsize = \"15m\"\n");
    LogAdmin::of(&world.kafka).make(&world.name, 1, &[]).await;
    let feeder = Feeder::new(&world, "none");
    feeder.send("Hall", None);
    feeder.send("Gym", Some(line("Gym", 1).as_bytes()));
    feeder.finish();
    let running = world.start();
    counted(&world, 1).await;
    let metrics = world.metrics();
    assert!(metrics.contains("wattdog_dead_letters_total{reason=\"empty\"} 1\n"), "{metrics}");
    running.stop();
}
