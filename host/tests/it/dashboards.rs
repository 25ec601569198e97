//! Dashboards are of Grafana's schema. Every SQL query of theirs and of alerts, and those written against the system that wattdog
//! replaces, is answered by a database that a run has filled, whatever buildings are called.

use std::fmt::Write as _;
use std::process::Command;

use sqlx::Row as _;

use crate::deployed;
use crate::servers::{World, eventually, variable, workspace};

const PANEL_1: &str = "SELECT window_start as time, building, avg_electricity as value
FROM aggregations WHERE $__timeFilter(window_start) ORDER BY window_start;";
const PANEL_2: &str = "SELECT detected_at as time, building, floor, electricity, distance
FROM anomalies WHERE $__timeFilter(detected_at) ORDER BY detected_at DESC LIMIT 10;";
const CHECK: &str = "SELECT building, COUNT(*) as anomaly_count, AVG(distance) as avg_distance
FROM anomalies GROUP BY building ORDER BY anomaly_count DESC;";

pub(crate) const NAMES: [&str; 4] = ["O'Neil \"Hall\"", "<b>Lab</b> & Co", "مبنى الهندسة", "🏢 Turm 7"];
const SINCE: &str = "'2025-12-01T00:00:00Z'";
const UNTIL: &str = "'2025-12-31T00:00:00Z'";

#[test]
fn dashboards_are_of_the_schema_of_grafana() {
    let folder = workspace().join("host/deploy/grafana/dashboards");
    let mut check = Command::new(variable("WATTDOG_TEST_PYTHON"));
    check
        .arg(workspace().join("host/tests/dashboards/schema.py"))
        .arg(folder.join("energy.json"))
        .arg(folder.join("wattdog.json"));
    let output = check.output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{said}");
}

/// As Grafana does it.
pub(crate) fn expanded(query: &str) -> String {
    let mut expanded = String::new();
    let mut rest = query;
    while let Some((before, after)) = rest.split_once("$__timeFilter(") {
        let (column, after) = after.split_once(')').unwrap();
        write!(expanded, "{before}{column} BETWEEN {SINCE} AND {UNTIL}").unwrap();
        rest = after;
    }
    expanded += rest;
    let names: Vec<_> = NAMES.iter().map(|name| format!("'{}'", name.replace('\'', "''"))).collect();
    for (variable, value) in [
        ("$__timeFrom()", SINCE),
        ("$__timeTo()", UNTIL),
        ("${building}", &names.join(",")),
        ("${timezone}", "Europe/Berlin"),
        ("${areas}", r#"{"<b>Lab</b> & Co": 1200}"#),
    ] {
        expanded = expanded.replace(variable, value);
    }
    assert!(!expanded.contains('$'), "nobody knows what is to stand here: {expanded}");
    expanded
}

/// A night and a morning in buildings with such names, in which each has its anomaly.
fn readings() -> String {
    let mut lines = String::new();
    for minute in (0..720).step_by(10) {
        for name in NAMES {
            let electricity = if minute == 300 { 900.0 } else { 150.0 };
            let reading = serde_json::json!({
                "timestamp": format!("2025-12-04T{:02}:{:02}:00Z", minute / 60, minute % 60),
                "building": name, "floor": 1, "electricity": electricity, "water": 300.0,
            });
            writeln!(lines, "{reading}").unwrap();
        }
    }
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_is_answered() {
    let queries = deployed::texts("rawSql");
    for known in [PANEL_1, PANEL_2] {
        assert!(queries.iter().any(|query| query == known), "no panel has the query unchanged: {known}");
    }
    let world = World::new("queries");
    let file = world.folder.path().join("names.jsonl");
    std::fs::write(&file, readings()).unwrap();
    world.replay(&file);
    world.replay(&world.readings(3_000));
    let _running = world.start();
    let postgres = world.postgres().await;
    eventually("all buildings have windows and anomalies", async || {
        let both = "SELECT count(DISTINCT building) FROM aggregations JOIN anomalies USING (building)";
        let buildings: i64 = sqlx::query_scalar(both).fetch_one(&postgres).await.ok()?;
        (buildings == NAMES.len() as i64 + 3).then_some(())
    })
    .await;
    for query in queries.iter().map(String::as_str).chain([CHECK]) {
        let query = expanded(query);
        let rows = sqlx::query(sqlx::AssertSqlSafe(query.clone())).fetch_all(&postgres).await;
        let rows = rows.unwrap_or_else(|error| panic!("{error}: {query}"));
        // An alert asks for what should not be there, and an annotation for some severities.
        let may_be_empty = query.contains("now()") || query.contains("AS tags");
        assert!(may_be_empty || !rows.is_empty(), "no rows: {query}");
    }

    let variables = deployed::texts("query");
    let buildings = variables.iter().find(|query| query.contains("FROM aggregations")).expect("a variable has the buildings");
    let rows = sqlx::query(sqlx::AssertSqlSafe(buildings.clone())).fetch_all(&postgres).await.unwrap();
    let found: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert!(NAMES.iter().all(|name| found.iter().any(|building| building == name)), "{found:?}");
}
