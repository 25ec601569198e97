//! A host that is stopped in order and started again goes on at once.

use std::time::{Duration, Instant};

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
