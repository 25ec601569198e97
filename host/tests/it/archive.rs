//! What was written is read back, the same from every store.

use serde_json::Value;
use wattdog::archive::{Archive, Findings, Range, Windows};
use wattdog::config::{Config, load_text};
use wattdog::domain::EventTime;
use wattdog::results::{RowFormat, Severity};

use crate::servers::{World, eventually};

/// 200 s of three buildings, and the windows that they make.
const READINGS: u32 = 3_000;
const WINDOWS: usize = 3 * 7;

fn everything() -> Range {
    Range { since: EventTime::parse("2025-12-04T00:00:00Z").unwrap(), until: EventTime::parse("2025-12-05T00:00:00Z").unwrap() }
}

fn windows(bucket_s: Option<i64>, limit: u32) -> Windows {
    Windows { building: None, range: everything(), bucket_s, limit }
}

fn findings(limit: u32) -> Findings {
    Findings { building: None, detector: None, severities: Vec::new(), range: everything(), after: None, limit }
}

/// A store's answers to all questions, as JSON: in it, the order of an object's keys says nothing.
async fn answers(archive: &Archive, format: &RowFormat) -> Vec<Value> {
    let mut answers = Vec::new();
    let building = |building: &str, bucket_s| Windows { building: Some(building.into()), ..windows(bucket_s, 1_000) };
    let part = Range { until: EventTime::parse("2025-12-04T00:01:30Z").unwrap(), ..everything() };
    let asked = [
        windows(None, 1_000),
        windows(Some(60), 1_000),
        windows(Some(86_400), 1_000),
        windows(Some(60), 4),
        windows(None, 5),
        building("Building B", None),
        building("Building B", Some(60)),
        Windows { range: part, ..windows(None, 1_000) },
    ];
    for question in asked {
        let rows = archive.windows(&question).await.unwrap();
        answers.push(rows.iter().map(|row| parsed(|out| format.write_aggregation(row, out))).collect());
    }
    let all = archive.findings(&findings(1_000)).await.unwrap();
    let middle = &all[all.len() / 2];
    let asked = [
        findings(1_000),
        findings(3),
        Findings { severities: vec![Severity::Critical, Severity::Minor], ..findings(1_000) },
        Findings { building: Some("Building A".into()), ..findings(1_000) },
        Findings { detector: Some("nobody".into()), ..findings(1_000) },
        Findings { after: Some((middle.detected_at, middle.id)), ..findings(1_000) },
        Findings { range: part, ..findings(1_000) },
    ];
    for question in asked {
        let rows = archive.findings(&question).await.unwrap();
        answers.push(rows.iter().map(|row| parsed(|out| format.write_anomaly(row, out))).collect());
    }
    answers.push(serde_json::to_value(archive.counts(everything()).await.unwrap()).unwrap());
    answers.push(archive.latest().await.unwrap().unwrap().to_string().into());
    answers
}

fn parsed(write: impl FnOnce(&mut Vec<u8>)) -> Value {
    let mut json = Vec::new();
    write(&mut json);
    let mut row: Value = serde_json::from_slice(&json).unwrap();
    // A mean of many is summed up in whatever order a store likes.
    for (name, value) in row.as_object_mut().unwrap() {
        if let Some(number) = value.as_f64().filter(|_| name.starts_with("avg_") || name.starts_with("sum_")) {
            *value = format!("{number:.9e}").into();
        }
    }
    row
}

/// What detectors have found, all of them.
fn findings_of(world: &World) -> i64 {
    let metrics = world.metrics();
    let of = |line: &str| line.strip_prefix("wattdog_findings_total{")?.rsplit_once(' ')?.1.parse::<i64>().ok();
    metrics.lines().filter_map(of).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_store_gives_the_same_answers() {
    let mut world = World::new("archive");
    let sqlite = world.folder.path().join("rows.db");
    world.configure(&format!("[sink.sqlite]\npath = {sqlite:?}\n"));
    world.replay(&world.readings(READINGS));
    let running = world.start();
    let archive = |sink: String| {
        let config: Config = load_text(&sink, "test", []).unwrap();
        (Archive::new(&config).unwrap(), RowFormat::new(&config.measure_names()))
    };
    let stores = [
        ("PostgreSQL", archive(format!("[sink.postgres]\nurl = \"{}\"\n", world.postgres))),
        ("SQLite", archive(format!("[sink.sqlite]\npath = {sqlite:?}\n"))),
        ("MongoDB", archive(format!("[sink.mongodb]\nurl = \"{}\"\ndatabase = \"{}\"\n", world.mongodb, world.name))),
    ];
    for (name, (store, _)) in &stores {
        eventually(name, async || {
            let readings: u64 = store.windows(&windows(None, 1_000)).await.ok()?.iter().map(|row| row.count).sum();
            let found: i64 = store.counts(everything()).await.ok()?.iter().map(|count| count.count).sum();
            (readings == u64::from(READINGS) && found == findings_of(&world)).then_some(())
        })
        .await;
    }
    running.stop();

    let (_, (postgres, format)) = &stores[0];
    let expected = answers(postgres, format).await;
    let lengths: Vec<_> = expected.iter().map(|answer| answer.as_array().map_or(1, Vec::len)).collect();
    assert_eq!(lengths[..4], [WINDOWS, 3 * 4, 3, 4]);
    assert!(
        lengths[8] > 20 && lengths[9] == 3 && lengths[12] == 0 && lengths[13] == lengths[8] - lengths[8] / 2 - 1,
        "{lengths:?}"
    );
    for (name, (store, format)) in &stores[1..] {
        let told = answers(store, format).await;
        for (index, (told, expected)) in told.iter().zip(&expected).enumerate() {
            assert_eq!(told, expected, "{name}, question {index}");
        }
    }
}

#[tokio::test]
async fn without_a_store_the_answer_says_what_to_do() {
    let error = Archive::new(&Config::default()).unwrap().latest().await.unwrap_err();
    assert!(error.to_string().contains("add `[sink.postgres]`"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overview_of_hourly_windows_has_no_gaps() {
    let world = World::new("hourly");
    let file = world.folder.path().join("hours.jsonl");
    let hours = 2 * 24 + 1;
    let lines = (0..hours).map(|hour| {
        let timestamp = format!("2025-12-{:02}T{:02}:00:00Z", 4 + hour / 24, hour % 24);
        let reading = serde_json::json!({
            "timestamp": timestamp, "building": "Hall", "floor": 0, "electricity": f64::from(hour), "water": 1.0,
        });
        format!("{reading}\n")
    });
    std::fs::write(&file, lines.collect::<String>()).unwrap();
    world.replay(&file);
    let running = world.start_with(&[("WATTDOG__WINDOW__SIZE", "1h")]);
    eventually("the last day of windows, with the one that is open", async || {
        let overview = world.told("/api/v1/overview")?;
        let overview: Value = serde_json::from_str(&overview).ok()?;
        let averages = overview["buildings"][0]["measures"]["electricity"]["averages"].as_array()?.clone();
        let expected: Vec<Value> = (hours - 24..hours).map(|hour| f64::from(hour).into()).collect();
        (averages == expected && overview["bucket_s"] == 3_600).then_some(())
    })
    .await;
    running.stop();
}
