//! Another detector is a file in a folder and a restart away.

use crate::feeder::{Feeder, make_topic};
use crate::servers::{World, eventually, workspace};

/// A meter that repeats its value for five hours; the detector's own limit is three.
fn stuck_readings() -> impl Iterator<Item = String> {
    (0..10).map(|half_hour| {
        let (hour, minute) = (half_hour / 2, half_hour % 2 * 30);
        format!(
            r#"{{"timestamp":"2025-12-04T{hour:02}:{minute:02}:00Z","building":"Stuck","floor":1,"electricity":900.5,"water":300}}"#
        )
    })
}

async fn findings(postgres: &sqlx::PgPool, detector: &str) -> Option<i64> {
    let query = sqlx::query_scalar("SELECT count(*) FROM anomalies WHERE detector = $1").bind(detector);
    query.fetch_one(postgres).await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_detector_runs_after_a_restart() {
    let world = World::with_plugins("dropped", &["kmeans"]);
    make_topic(&world).await;
    let feeder = Feeder::new(&world, "none");
    stuck_readings().for_each(|line| feeder.send_line(&line));
    feeder.finish();
    let running = world.start();
    let postgres = world.postgres().await;
    eventually("kmeans judges", async || (findings(&postgres, "kmeans").await? == 10).then_some(())).await;
    assert_eq!(findings(&postgres, "stuck-meter").await, Some(0));
    running.stop();

    let dropped = workspace().join("target/guests/stuck-meter.wasm");
    std::fs::copy(&dropped, world.plugins().join("stuck-meter.wasm"))
        .unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask plugins`", dropped.display()));
    let running = world.start();
    stuck_readings().for_each(|line| feeder.send_line(&line.replace("2025-12-04", "2025-12-05")));
    feeder.finish();
    // From the seventh reading on the value has stayed for more than three hours; kmeans finds every reading far off.
    eventually("both judge", async || {
        (findings(&postgres, "kmeans").await? == 20 && findings(&postgres, "stuck-meter").await? == 3).then_some(())
    })
    .await;
    running.stop();
}
