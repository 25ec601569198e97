//! Every query of the dashboards, and those written against the system that wattdog replaces, return rows.

use serde_json::Value;

use crate::servers::{World, eventually, workspace};

const PANEL_1: &str = "SELECT window_start as time, building, avg_electricity as value
FROM aggregations WHERE $__timeFilter(window_start) ORDER BY window_start;";
const PANEL_2: &str = "SELECT detected_at as time, building, floor, electricity, distance
FROM anomalies WHERE $__timeFilter(detected_at) ORDER BY detected_at DESC LIMIT 10;";
const CHECK: &str = "SELECT building, COUNT(*) as anomaly_count, AVG(distance) as avg_distance
FROM anomalies GROUP BY building ORDER BY anomaly_count DESC;";

/// The queries of all panels of all dashboards.
fn panel_queries() -> Vec<String> {
    let folder = workspace().join("host/deploy/grafana/dashboards");
    let mut queries = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let dashboard: Value = serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
        for panel in dashboard["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap() {
                queries.push(target["rawSql"].as_str().unwrap().to_owned());
            }
        }
    }
    queries
}

/// As Grafana does it.
fn with_time_filter(query: &str) -> String {
    let Some((before, rest)) = query.split_once("$__timeFilter(") else { return query.to_owned() };
    let (column, after) = rest.split_once(')').unwrap();
    format!("{before}{column} BETWEEN '2025-12-01T00:00:00Z' AND '2025-12-31T00:00:00Z'{after}")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_returns_rows() {
    let mut queries = panel_queries();
    for known in [PANEL_1, PANEL_2] {
        assert!(queries.iter().any(|query| query == known), "no panel has the query unchanged: {known}");
    }
    queries.push(CHECK.to_owned());

    let world = World::new("queries");
    world.replay(&world.readings(3_000));
    let _running = world.start();
    let postgres = world.postgres().await;
    for query in queries.iter().map(|query| with_time_filter(query)) {
        eventually(&query, async || {
            let rows = sqlx::query(sqlx::AssertSqlSafe(query.clone())).fetch_all(&postgres).await.unwrap();
            (!rows.is_empty()).then_some(())
        })
        .await;
    }
}
