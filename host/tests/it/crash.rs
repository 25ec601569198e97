//! A host that is killed at any moment costs nothing: its successor knows what it knew.

use std::time::Duration;

use crate::failing_detector::{line, with_tally};
use crate::servers::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_host_is_followed_by_one_that_knows_every_meter() {
    let (world, feeder) = with_tally("crash").await;
    let feeding = std::thread::spawn(move || {
        for reading in 1..12_001 {
            feeder.send_line(&line(reading));
            if reading % 10 == 0 {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        feeder.finish();
    });
    let mut running = world.start_host("host-1", Some("before-commit/3"));
    eventually("it ends with a transaction that is open, its offsets in it", async || (!running.lives()).then_some(())).await;
    running = world.start_host("host-1", None);
    for life in 0..6 {
        std::thread::sleep(Duration::from_millis(700 + 450 * (life % 3)));
        drop(running);
        running = world.start_host("host-1", None);
    }
    feeding.join().unwrap();
    let postgres = world.postgres().await;
    let distinct = async || -> Option<(i64, i64)> {
        let query = "SELECT count(DISTINCT (building, context->>'seen')), count(*) FROM anomalies WHERE detector = 'tally'";
        sqlx::query_as(query).fetch_one(&postgres).await.ok()
    };
    eventually("all are scored, each as the next of its meter", async || (distinct().await? == (12_000, 12_000)).then_some(()))
        .await;
    let readings = async || -> Option<i64> {
        sqlx::query_scalar("SELECT coalesce(sum(count), 0)::bigint FROM aggregations").fetch_one(&postgres).await.ok()
    };
    eventually("each is in one window", async || (readings().await? == 12_000).then_some(())).await;
    running.stop();
}
