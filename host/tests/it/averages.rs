//! An average over several windows counts each by the readings that had the measure: in every store, on the page and in the
//! dashboards' queries.

use mongodb::bson::doc;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, Row as _};
use wattdog::archive::{Archive, Range, Windows};
use wattdog::config::{Config, load_text};
use wattdog::domain::EventTime;

use crate::dashboards::{NAMES, expanded};
use crate::deployed;
use crate::servers::{World, eventually};

const BUILDING: &str = NAMES[1];
/// Ten readings in the first quarter of an hour, of which one has electricity (100); one in the second (20).
const MIXED: &str = include_str!("../reality/20-weights-of-what-is-missing/mixed.jsonl");
/// Minute and value of two windows in which only water was read.
const WATER_ONLY: [(u32, f64); 2] = [(30, 5.0), (45, 7.0)];

fn readings() -> String {
    let mut lines = MIXED.replace("Hall", BUILDING).replace("2026-01-15", "2025-12-15");
    for (minute, water) in WATER_ONLY {
        let reading = serde_json::json!({
            "timestamp": format!("2025-12-15T00:{minute}:00Z"), "building": BUILDING, "meter": "W", "water": water,
        });
        lines.push_str(&format!("{reading}\n"));
    }
    lines
}

fn hour(bucket_s: Option<i64>) -> Windows {
    let time = |text| EventTime::parse(text).unwrap();
    let range = Range { since: time("2025-12-15T00:00:00Z"), until: time("2025-12-15T01:00:00Z") };
    Windows { building: None, range, bucket_s, limit: 100 }
}

/// (average, sum, count) of electricity and of water in the hour.
async fn averages(archive: &Archive) -> Vec<(f64, f64, Option<u64>)> {
    let rows = archive.windows(&hour(Some(3_600))).await.unwrap();
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows[0].measures.iter().map(|stats| (stats.avg, stats.sum, stats.count)).collect()
}

/// Rows as an older program wrote them.
async fn forget_counts(world: &World, sqlite: &str) {
    let forget = "UPDATE aggregations SET count_electricity = NULL, count_water = NULL";
    sqlx::query(forget).execute(&world.postgres().await).await.unwrap();
    let mut file = sqlx::SqliteConnection::connect(sqlite).await.unwrap();
    sqlx::query(forget).execute(&mut file).await.unwrap();
    let unset = doc! { "$unset": { "count_electricity": "", "count_water": "" } };
    world.mongodb("aggregations").await.update_many(doc! {}, unset).await.unwrap();
}

async fn assert_dashboards(world: &World) {
    let database = world.postgres().await;
    let queries = deployed::texts("rawSql");
    let averaging: Vec<_> = queries.iter().filter(|query| query.contains("sum(avg_electricity")).collect();
    assert_eq!(averaging.len(), 5, "four panels and an alert: {averaging:?}");
    for query in averaging.into_iter().filter(|query| !query.contains("now()")) {
        let rows = sqlx::query(AssertSqlSafe(expanded(query))).fetch_all(&database).await.unwrap();
        let numbers = rows.iter().flat_map(|row| (0..row.len()).filter_map(|at| row.try_get::<f64, _>(at).ok()));
        let numbers: Vec<f64> = numbers.collect();
        assert!(numbers.iter().any(|number| (number - 60.0).abs() < 1e-9), "{numbers:?} of {query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_average_counts_the_readings_that_have_the_measure() {
    let mut world = World::new("averages");
    let sqlite = world.folder.path().join("rows.db");
    let measure =
        |name: &str, unit: &str| format!("[input.measures.{name}]\nfield = \"{name}\"\nunit = \"{unit}\"\nrequired = false\n");
    world.replace_input(&format!("[input]\nmeter = [\"meter\"]\n{}{}", measure("electricity", "kWh"), measure("water", "L")));
    world.configure(&format!("[window]\nsize = \"15m\"\n[sink.sqlite]\npath = {sqlite:?}\n"));
    let file = world.folder.path().join("mixed.jsonl");
    std::fs::write(&file, readings()).unwrap();
    world.replay(&file);
    let running = world.start();
    let sqlite = sqlite.to_str().unwrap();
    let archive = |sink: String| {
        let config: Config = load_text(&sink, "test", []).unwrap();
        Archive::new(&config).unwrap()
    };
    let stores = [
        ("PostgreSQL", archive(format!("[sink.postgres]\nurl = \"{}\"\n", world.postgres))),
        ("SQLite", archive(format!("[sink.sqlite]\npath = \"{sqlite}\"\n"))),
        ("MongoDB", archive(format!("[sink.mongodb]\nurl = \"{}\"\ndatabase = \"{}\"\n", world.mongodb, world.name))),
    ];
    for (name, store) in &stores {
        let windows = eventually(name, async || {
            let rows = store.windows(&hour(None)).await.ok()?;
            (rows.iter().map(|row| row.count).sum::<u64>() == 13).then_some(rows)
        })
        .await;
        let counts: Vec<_> = windows.iter().map(|row| [row.measures[0].count, row.measures[1].count]).collect();
        assert_eq!(counts, [[Some(1), Some(9)], [Some(1), Some(0)], [Some(0), Some(1)], [Some(0), Some(1)]], "{name}");
        assert_eq!(averages(store).await, [(60.0, 120.0, Some(2)), (21.0 / 11.0, 21.0, Some(11))], "{name}");
    }
    assert_dashboards(&world).await;
    let told = world.told("/api/v1/aggregations?bucket=1h").unwrap();
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!([&told[0]["avg_electricity"], &told[0]["count_electricity"]], [&Value::from(60.0), &Value::from(2)], "{told}");
    running.stop();

    forget_counts(&world, sqlite).await;
    for (name, store) in &stores {
        let [(electricity, sum, count), _] = averages(store).await[..] else { panic!("two measures") };
        let by_the_window = (100.0 * 10.0 + 20.0) / 11.0;
        assert!((electricity - by_the_window).abs() < 1e-9 && sum == 120.0 && count == Some(11), "{name}: {electricity}");
    }
}
