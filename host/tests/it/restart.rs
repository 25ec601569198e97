//! A host that is stopped in order and started again goes on at once.

use std::time::{Duration, Instant};

use crate::failing_detector::{line, with_tally};
use crate::feeder::{Feeder, make_topic};
use crate::servers::{World, eventually};

/// The broker gives the partitions of a host that left without a word to nobody for this long.
const SESSION_TIMEOUT: Duration = Duration::from_secs(30);

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
