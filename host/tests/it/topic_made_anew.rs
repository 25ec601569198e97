//! A topic that was deleted and made anew under the same name: all of the new one is read, and it is said once.

use std::path::PathBuf;

use crate::log_admin::LogAdmin;
use crate::servers::{World, eventually};

const MADE_ANEW: &str = "the topic was deleted and made anew";

/// Readings of one building, a minute apart, from midnight of a day of January 2026.
fn readings(world: &World, day: u32, count: u32) -> PathBuf {
    let midnight = 1_767_225_600 + (day - 1) * 86_400;
    let line = |minute: u32| {
        let time = midnight + minute * 60;
        format!("{{\"timestamp\":{time},\"building\":\"Hall\",\"electricity\":1.0,\"water\":2.0}}\n")
    };
    let file = world.folder.path().join("made-anew.jsonl");
    std::fs::write(&file, (0..count).map(line).collect::<String>()).unwrap();
    file
}

fn world(name: &str) -> World {
    let mut world = World::new(name);
    world.configure("[window]\nsize = \"15m\"\n");
    world
}

/// Readings in windows from the beginning of a day on.
async fn counted(world: &World, day: u32, wanted: i64) {
    let postgres = world.postgres().await;
    eventually(&format!("{wanted} readings are counted from day {day} on"), async || {
        let query = format!("SELECT coalesce(sum(count), 0)::bigint FROM aggregations WHERE window_start >= '2026-01-{day:02}'");
        let count: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_one(&postgres).await.ok()?;
        (count == wanted).then_some(())
    })
    .await;
}

fn said(world: &World, words: &str) -> usize {
    world.log().matches(words).count()
}

fn metric(world: &World, line: &str) -> bool {
    world.metrics().lines().any(|told| told == line)
}

#[tokio::test(flavor = "multi_thread")]
async fn fewer_and_more_records_than_the_old_topic_had_are_all_read() {
    for (name, count) in [("anew_fewer", 50), ("anew_more", 400)] {
        let world = world(name);
        let admin = LogAdmin::of(&world.kafka);
        admin.make(&world.name, 1, &[]).await;
        world.replay(&readings(&world, 15, 300));
        let running = world.start();
        counted(&world, 15, 300).await;
        running.stop();
        admin.make_anew(&world.name, 1, &[]).await;
        world.replay(&readings(&world, 16, count));
        let running = world.start();
        counted(&world, 16, i64::from(count)).await;
        assert_eq!(said(&world, MADE_ANEW), 1, "{}", world.log());
        assert!(metric(&world, &format!("wattdog_topics_made_anew_total{{topic=\"{}\"}} 1", world.name)), "{}", world.metrics());
        running.stop();
        // Said once, and not at each start.
        let running = world.start();
        counted(&world, 16, i64::from(count)).await;
        eventually("the lane runs", async || (world.lanes()? == 1).then_some(())).await;
        assert_eq!(said(&world, MADE_ANEW), 1, "{}", world.log());
        running.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_of_times_that_the_old_topic_had_passed_are_neither_late_nor_repeats() {
    let world = world("anew_again");
    let admin = LogAdmin::of(&world.kafka);
    admin.make(&world.name, 1, &[]).await;
    world.replay(&readings(&world, 15, 300));
    let running = world.start();
    counted(&world, 15, 300).await;
    running.stop();
    admin.make_anew(&world.name, 1, &[]).await;
    // The same once more, and a hundred after them.
    world.replay(&readings(&world, 15, 400));
    let running = world.start();
    counted(&world, 15, 400).await;
    assert!(!world.metrics().contains("wattdog_rejects_total{reason=\"repeat\"} 3"), "{}", world.metrics());
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_anew_under_a_running_lane_is_read_from_its_beginning() {
    let world = world("anew_running");
    let admin = LogAdmin::of(&world.kafka);
    admin.make(&world.name, 1, &[]).await;
    world.replay(&readings(&world, 15, 300));
    let running = world.start();
    counted(&world, 15, 300).await;
    admin.make_anew(&world.name, 1, &[]).await;
    world.replay(&readings(&world, 16, 400));
    counted(&world, 16, 400).await;
    assert_eq!(said(&world, MADE_ANEW), 1, "{}", world.log());
    let warnings = world.log().lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).count();
    assert!(warnings < 60, "{}", world.log());
    running.stop();
}

/// Where a lane goes on at its old offset, that is a place in the new topic too.
#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_longer_before_its_lane_looks_is_read_from_its_beginning() {
    let world = world("anew_longer");
    let admin = LogAdmin::of(&world.kafka);
    admin.make(&world.name, 1, &[]).await;
    world.replay(&readings(&world, 15, 300));
    let running = world.start();
    counted(&world, 15, 300).await;
    running.signal("STOP");
    admin.make_anew(&world.name, 1, &[]).await;
    world.replay(&readings(&world, 16, 900));
    running.signal("CONT");
    counted(&world, 16, 900).await;
    assert_eq!(said(&world, MADE_ANEW), 1, "{}", world.log());
    let metrics = world.metrics();
    let mut lost = metrics.lines().filter(|line| line.starts_with("wattdog_lost_records_total{"));
    assert!(lost.all(|line| line.ends_with(" 0")), "{metrics}");
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_topic_made_anew_is_read_from_its_beginning_by_stores() {
    let world = world("anew_results");
    let admin = LogAdmin::of(&world.kafka);
    admin.make(&world.name, 1, &[]).await;
    let aggregations = format!("{}.aggregations", world.name);
    world.replay(&readings(&world, 15, 300));
    let running = world.start();
    counted(&world, 15, 300).await;
    running.stop();
    admin.make_anew(&aggregations, 1, &[]).await;
    world.replay(&readings(&world, 16, 400));
    let running = world.start();
    counted(&world, 16, 400).await;
    counted(&world, 15, 700).await;
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_topic_made_anew_under_a_lane_is_written_whole_again() {
    let world = world("anew_state");
    let admin = LogAdmin::of(&world.kafka);
    admin.make(&world.name, 1, &[]).await;
    let state = format!("{}.state", world.name);
    world.replay(&readings(&world, 15, 300));
    let running = world.start();
    counted(&world, 15, 300).await;
    admin.make_anew(&state, 1, &[("cleanup.policy", "compact")]).await;
    eventually("it is said", async || (said(&world, MADE_ANEW) == 1).then_some(())).await;
    let file = world.folder.path().join("next.jsonl");
    let all = std::fs::read_to_string(readings(&world, 15, 320)).unwrap();
    std::fs::write(&file, all.lines().skip(300).collect::<Vec<_>>().join("\n")).unwrap();
    world.replay(&file);
    counted(&world, 15, 320).await;
    drop(running);
    let running = world.start();
    counted(&world, 15, 320).await;
    eventually("the lane runs", async || (world.lanes()? == 1).then_some(())).await;
    running.stop();
}
