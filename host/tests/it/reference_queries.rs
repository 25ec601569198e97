//! Queries that were written against the system that wattdog replaces run unchanged.

use crate::servers::{World, eventually};

const PANEL_1: &str = "SELECT window_start as time, building, avg_electricity as value
FROM aggregations WHERE $__timeFilter(window_start) ORDER BY window_start;";
const PANEL_2: &str = "SELECT detected_at as time, building, floor, electricity, distance
FROM anomalies WHERE $__timeFilter(detected_at) ORDER BY detected_at DESC LIMIT 10;";
const CHECK: &str = "SELECT building, COUNT(*) as anomaly_count, AVG(distance) as avg_distance
FROM anomalies GROUP BY building ORDER BY anomaly_count DESC;";

/// As Grafana does it.
fn with_time_filter(query: &str) -> String {
    let (before, rest) = query.split_once("$__timeFilter(").unwrap();
    let (column, after) = rest.split_once(')').unwrap();
    format!("{before}{column} BETWEEN '2025-12-01T00:00:00Z' AND '2025-12-31T00:00:00Z'{after}")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_references_queries_return_rows() {
    let world = World::new("queries");
    world.replay(&world.readings(3_000));
    let _running = world.start();
    let postgres = world.postgres().await;
    for query in [with_time_filter(PANEL_1), with_time_filter(PANEL_2), CHECK.to_owned()] {
        eventually(&query, async || {
            let rows = sqlx::query(sqlx::AssertSqlSafe(query.clone())).fetch_all(&postgres).await.unwrap();
            (!rows.is_empty()).then_some(())
        })
        .await;
    }
}
