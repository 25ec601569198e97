//! A host that is stopped in order and started again goes on at once.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::failing_detector::{line, with_tally};
use crate::feeder::{Feeder, make_topic};
use crate::servers::{World, eventually};

/// The broker gives the partitions of a host that left without a word to nobody for this long.
const SESSION_TIMEOUT: Duration = Duration::from_secs(30);
/// A stop is over by then, whatever a store does.
const STOP: Duration = Duration::from_secs(20);
/// A signal that comes again within a second is the same one.
const ECHO: Duration = Duration::from_millis(1_500);
const AT_ONCE: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_stops_leaves_its_partitions_to_the_next() {
    let world = World::new("restart");
    make_topic(&world).await;
    let feeder = Feeder::new(&world, "none");
    for sent in 1..=3i64 {
        let began = Instant::now();
        let running = world.start();
        // A window for each, since a restart may lose what an open one holds.
        feeder.send_line(&format!(
            r#"{{"timestamp":"2025-12-04T00:{sent:02}:00Z","building":"A","floor":1,"electricity":150,"water":300}}"#
        ));
        feeder.finish();
        let postgres = world.postgres().await;
        eventually("the reading is in its window", async || {
            let windows: i64 = sqlx::query_scalar("SELECT count(*) FROM aggregations").fetch_one(&postgres).await.ok()?;
            (windows == sent).then_some(())
        })
        .await;
        running.stop();
        assert!(began.elapsed() < SESSION_TIMEOUT / 2, "the partitions came only after {:?}", began.elapsed());
    }
    assert!(!world.log().contains("ERROR"), "{}", world.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_that_is_given_away_and_back_untouched_still_knows_its_meters() {
    let (world, feeder) = with_tally("given_back").await;
    feeder.send_lines((1..2_001).map(line));
    let running = world.start();
    let postgres = world.postgres().await;
    let distinct = async || -> Option<i64> {
        let query = "SELECT count(DISTINCT (building, context->>'seen')) FROM anomalies WHERE detector = 'tally'";
        sqlx::query_scalar(query).fetch_one(&postgres).await.ok()
    };
    eventually("all are scored", async || (distinct().await? == 2_000).then_some(())).await;
    let beside = world.start_beside();
    eventually("another host has some of the partitions", async || (world.lanes()? < 3).then_some(())).await;
    beside.stop();
    eventually("they are back", async || (world.lanes()? == 3).then_some(())).await;
    feeder.send_lines((2_001..4_001).map(line));
    eventually("each reading is the next of its meter", async || (distinct().await? == 4_000).then_some(())).await;
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_no_store_and_a_second_one_for_nothing() {
    let mut world = World::new("stop");
    make_topic(&world).await;
    let store = TcpListener::bind("127.0.0.1:0").unwrap();
    store.set_nonblocking(true).unwrap();
    world.mongodb = format!("mongodb://{}", store.local_addr().unwrap());
    world.variables = vec![("WATTDOG__SINK__MONGODB__TIMEOUT", "10m".to_owned()), ("WATTDOG_LOG", "info".to_owned())];
    Feeder::new(&world, "none").send_lines([line(1)]);
    let asks_the_store = async || eventually("the store is asked", async || store.accept().ok()).await;

    let running = world.start();
    let _unanswered = asks_the_store().await;
    let told = Instant::now();
    running.stop();
    assert!(told.elapsed() < STOP, "{:?}", told.elapsed());

    // Those of the first host.
    while store.accept().is_ok() {}
    let mut running = world.start();
    let _unanswered = asks_the_store().await;
    running.signal("INT");
    eventually("it stops, too", async || (world.log().matches("stopping").count() == 2).then_some(())).await;
    // As a wrapper would, that passes on what a terminal sent to all.
    running.signal("INT");
    tokio::time::sleep(ECHO).await;
    assert!(running.lives());
    let told = Instant::now();
    running.signal("INT");
    assert_eq!(running.ended().code(), Some(1));
    assert!(told.elapsed() < AT_ONCE, "{:?}", told.elapsed());
    assert!(world.log().contains("told to stop once more"), "{}", world.log());
}
