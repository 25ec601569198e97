//! Names in readings that bite stores, spreadsheets and terminals.

use std::fmt::Write as _;

use serde_json::Value;
use wattdog::archive::{Archive, Range, Windows};
use wattdog::config::{Config, load_text};
use wattdog::domain::EventTime;

use crate::feeder::{Feeder, make_topic};
use crate::servers::{World, eventually};

/// 30 readings of a building whose name ends with NUL, and 30 of `Gym`.
const NUL: &str = include_str!("../reality/27-names-that-bite/nul.jsonl");
const FORMULA: &str = "=HYPERLINK(\"http://evil\")";
const TURNED: &str = "\u{202e}llaH";

/// And anomalies of buildings whose names every store takes, and not every reader.
fn readings() -> String {
    let mut lines = NUL.to_owned();
    for name in [FORMULA, TURNED, "-1+1", "@SUM(A1)", "+49 30"] {
        for minute in 0..30 {
            let reading = serde_json::json!({
                "timestamp": format!("2026-01-15T00:{minute:02}:00Z"), "building": name, "electricity": 5000, "water": 9000,
            });
            writeln!(lines, "{reading}").unwrap();
        }
    }
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn all_stores_have_the_same_names_and_neither_spreadsheet_nor_terminal_obeys_them() {
    let mut world = World::new("names");
    let sqlite = world.folder.path().join("rows.db");
    world.configure(&format!("[window]\nsize = \"15m\"\n[sink.console]\n[sink.sqlite]\npath = {sqlite:?}\n"));
    make_topic(&world).await;
    Feeder::new(&world, "none").send_lines(readings().lines().map(str::to_owned));
    let running = world.start();
    let range = Range {
        since: EventTime::parse("2026-01-15T00:00:00Z").unwrap(),
        until: EventTime::parse("2026-01-15T01:00:00Z").unwrap(),
    };
    let mut rows = Vec::new();
    for sink in [
        format!("[sink.postgres]\nurl = \"{}\"\n", world.postgres),
        format!("[sink.sqlite]\npath = {sqlite:?}\n"),
        format!("[sink.mongodb]\nurl = \"{}\"\ndatabase = \"{}\"\n", world.mongodb, world.name),
    ] {
        let config: Config = load_text(&sink, "test", []).unwrap();
        let store = Archive::new(&config).unwrap();
        rows.push(
            eventually(&sink, async || {
                let windows = store.windows(&Windows { building: None, range, bucket_s: None, limit: 100 }).await.ok()?;
                (windows.iter().map(|row| row.count).sum::<u64>() == 6 * 30).then_some(windows)
            })
            .await,
        );
    }
    assert!(rows[0] == rows[1] && rows[0] == rows[2], "{rows:?}");
    assert_eq!(rows[0].iter().filter(|row| row.building == "Gym").map(|row| row.count).sum::<u64>(), 30);

    let letters = world.ask(&["dead-letters", "list", "--json"]);
    let letters: Vec<Value> = letters.lines().map(|letter| serde_json::from_str(letter).unwrap()).collect();
    let about: Vec<_> = letters.iter().map(|letter| [&letter["kind"], &letter["reason"]]).collect();
    assert_eq!(about, vec![["reading", "name"]; 30]);

    let csv = eventually("findings of every building", async || {
        let csv = world.told("/api/v1/anomalies?format=csv&limit=10000")?;
        (csv.lines().count() > 5 * 30).then_some(csv)
    })
    .await;
    let mut csv = csv::Reader::from_reader(csv.as_bytes());
    for record in csv.records() {
        let record = record.unwrap();
        let formula = |cell: &str| cell.starts_with(['=', '+', '-', '@']) && cell.parse::<f64>().is_err();
        assert!(!record.iter().any(formula), "{record:?}");
    }
    let named = world.told("/api/v1/anomalies?limit=10000").unwrap();
    let named: Value = serde_json::from_str(&named).unwrap();
    assert!(named.as_array().unwrap().iter().any(|row| row["building"] == FORMULA), "names stay as they are in JSON");

    let printed = world.log();
    assert!(printed.contains("\\u{202e}llaH") && !printed.contains(TURNED), "{printed}");
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_has_never_answered_is_listed_with_the_reason() {
    let mut world = World::new("never");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    world.variables.push(("WATTDOG__SINK__POSTGRES__URL", format!("postgres://admin@{nobody}/nowhere")));
    make_topic(&world).await;
    let running = world.start();
    let has = |text: &str, parts: &[&str]| parts.iter().all(|part| text.contains(part));
    eventually("both stores are listed", async || {
        let said = String::from_utf8(world.asked(&["status"]).stdout).unwrap();
        let away = said.lines().position(|line| has(line, &["postgres", "AWAY for"]))?;
        let reason = said.lines().nth(away + 1)?;
        (reason.contains("refused") && said.lines().any(|line| has(line, &["mongodb", "answers"]))).then_some(())
    })
    .await;
    running.stop();
}
