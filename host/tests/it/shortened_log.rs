//! Records that were deleted before they were read: said once, and counted exactly.

use std::path::PathBuf;

use rdkafka::Offset;

use crate::log_admin::LogAdmin;
use crate::servers::{World, eventually};

const LOST: &str = "offsets that were never read";

fn readings(world: &World, from: u32, count: u32) -> PathBuf {
    let line = |second: u32| {
        let time = 1_768_435_200 + second;
        format!("{{\"timestamp\":{time},\"building\":\"Hall\",\"electricity\":1.0,\"water\":2.0}}\n")
    };
    let file = world.folder.path().join("shortened.jsonl");
    std::fs::write(&file, (from..from + count).map(line).collect::<String>()).unwrap();
    file
}

fn world(name: &str) -> World {
    let mut world = World::new(name);
    world.configure("[window]\nsize = \"15m\"\n");
    world
}

async fn counted(world: &World, wanted: i64) {
    let postgres = world.postgres().await;
    eventually(&format!("{wanted} readings are counted"), async || {
        let query = "SELECT coalesce(sum(count), 0)::bigint FROM aggregations";
        let count: i64 = sqlx::query_scalar(query).fetch_one(&postgres).await.ok()?;
        (count == wanted).then_some(())
    })
    .await;
}

fn lost(world: &World, reader: &str, topic: &str) -> Option<u64> {
    let start = format!("wattdog_lost_records_total{{reader=\"{reader}\",topic=\"{topic}\",partition=\"0\"}} ");
    world.told("/metrics")?.lines().find_map(|line| line.strip_prefix(&start)?.parse().ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn records_deleted_while_nobody_reads_are_counted_once() {
    let world = world("deleted_at_rest");
    let admin = LogAdmin::of(&world.kafka);
    admin.make(&world.name, 1, &[]).await;
    world.replay(&readings(&world, 0, 100));
    let running = world.start();
    counted(&world, 100).await;
    running.stop();
    world.replay(&readings(&world, 100, 500));
    admin.cut(&world.name, 0, Offset::Offset(350)).await;
    let running = world.start();
    counted(&world, 100 + 250).await;
    assert_eq!(lost(&world, "lane", &world.name), Some(250), "{}", world.metrics());
    assert_eq!(world.log().matches(LOST).count(), 1, "{}", world.log());
    running.stop();
    let running = world.start();
    eventually("the lane runs", async || (lost(&world, "lane", &world.name)? == 0).then_some(())).await;
    assert_eq!(world.log().matches(LOST).count(), 1, "{}", world.log());
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn records_deleted_under_a_running_lane_are_counted_to_the_one() {
    const ROUNDS: u32 = 8;
    const EACH: u32 = 2_000;
    let world = world("deleted_running");
    let admin = LogAdmin::of(&world.kafka);
    admin.make(&world.name, 1, &[]).await;
    world.replay(&readings(&world, 0, 100));
    let running = world.start();
    counted(&world, 100).await;
    let mut all_lost = 0;
    for round in 0..ROUNDS {
        // It stands still while its records go, as one that is far behind would. What the broker answered meanwhile is read.
        running.signal("STOP");
        world.replay(&readings(&world, 100 + round * EACH, EACH));
        admin.cut(&world.name, 0, Offset::End).await;
        running.signal("CONT");
        eventually("it is counted", async || (lost(&world, "lane", &world.name)? > all_lost).then_some(())).await;
        all_lost = lost(&world, "lane", &world.name).unwrap();
    }
    let sent = 100 + u64::from(ROUNDS * EACH);
    counted(&world, i64::try_from(sent - all_lost).unwrap()).await;
    assert_eq!(world.log().matches(LOST).count(), ROUNDS as usize, "{}", world.log());
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn all_records_deleted_are_counted_though_none_follows() {
    let world = world("deleted_all");
    let admin = LogAdmin::of(&world.kafka);
    admin.make(&world.name, 1, &[]).await;
    world.replay(&readings(&world, 0, 100));
    let running = world.start();
    counted(&world, 100).await;
    // Of what was read nothing is lost.
    admin.cut(&world.name, 0, Offset::End).await;
    world.replay(&readings(&world, 100, 100));
    counted(&world, 200).await;
    assert_eq!(lost(&world, "lane", &world.name), Some(0));
    running.stop();
    world.replay(&readings(&world, 200, 77));
    admin.cut(&world.name, 0, Offset::End).await;
    let running = world.start();
    eventually("it is counted", async || (lost(&world, "lane", &world.name)? == 77).then_some(())).await;
    running.stop();
}

/// A store that has never begun lacks nothing.
pub(crate) async fn stores_have_begun(world: &World, topic: &str, partitions: i32) {
    for sink in ["postgres", "mongodb"] {
        let group = format!("{}.sink.{sink}", world.name);
        for partition in 0..partitions {
            eventually(&format!("{sink} has begun"), async || {
                (LogAdmin::committed(&world.kafka, &group, topic, partition) >= 0).then_some(())
            })
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_deleted_before_a_store_has_read_them_are_counted() {
    let world = world("rows_deleted");
    let admin = LogAdmin::of(&world.kafka);
    admin.make(&world.name, 1, &[]).await;
    let aggregations = format!("{}.aggregations", world.name);
    world.replay(&readings(&world, 0, 2_000));
    let running = world.start();
    counted(&world, 2_000).await;
    stores_have_begun(&world, &aggregations, 1).await;
    running.stop();
    let (_, before) = admin.held(&aggregations, 0);
    let running = world.start_with(&[
        ("WATTDOG__SINK__POSTGRES__URL", "postgres://admin@127.0.0.1:9/none"),
        ("WATTDOG__SINK__MONGODB__URL", "mongodb://127.0.0.1:9"),
    ]);
    world.replay(&readings(&world, 2_000, 2_000));
    eventually("rows are written", async || (admin.held(&aggregations, 0).1 > before + 3).then_some(())).await;
    running.stop();
    let (_, end) = admin.held(&aggregations, 0);
    let read = ["postgres", "mongodb"]
        .map(|sink| LogAdmin::committed(&world.kafka, &format!("{}.sink.{sink}", world.name), &aggregations, 0));
    admin.cut(&aggregations, 0, Offset::End).await;
    let running = world.start();
    for (sink, read) in ["postgres", "mongodb"].into_iter().zip(read) {
        eventually("it is counted", async || (lost(&world, sink, &aggregations)? > 0).then_some(())).await;
        assert_eq!(lost(&world, sink, &aggregations), u64::try_from(end - read).ok(), "{sink}");
    }
    assert!(world.log().contains("rows that this store never had"), "{}", world.log());
    running.stop();
}
