//! Rows that bite: names, sizes and numbers that one store takes and another does not. All stores end up with the same rows, what
//! none can hold is one dead letter for each store, and the rows around them are there.

use serde_json::{Value, json};
use sqlx::Connection as _;
use wattdog::archive::{Archive, Findings, Range, Windows};
use wattdog::config::{Config, load_text};
use wattdog::domain::EventTime;
use wattdog::metrics::SinkLabel;
use wattdog::results::{Aggregation, Anomaly, RowFormat};
use wattdog::sink::{self, Place, RowBatch, Sink, SinkError, mongodb::MongoSink, postgres::PostgresSink, sqlite::SqliteSink};

use crate::servers::{World, eventually};
use crate::sink_duties::{Results, finding, join, measures, window};

const DAY: &str = "2026-01-15T00:00:00Z";
const STORES: [&str; 3] = ["postgres", "mongodb", "sqlite"];

struct Stores {
    postgres: sink::postgres::Config,
    mongodb: sink::mongodb::Config,
    sqlite: sink::sqlite::Config,
}

impl Stores {
    fn of(world: &World) -> Self {
        Self {
            postgres: sink::postgres::Config { url: world.postgres.clone(), ..Default::default() },
            mongodb: sink::mongodb::Config { url: world.mongodb.clone(), database: world.name.clone(), ..Default::default() },
            sqlite: sink::sqlite::Config { path: world.folder.path().join("rows.db"), ..Default::default() },
        }
    }

    fn postgres(&self) -> PostgresSink {
        PostgresSink::new(self.postgres.clone(), &measures())
    }

    fn mongodb(&self) -> MongoSink {
        MongoSink::new(self.mongodb.clone(), &measures())
    }

    fn sqlite(&self) -> SqliteSink {
        SqliteSink::new(self.sqlite.clone(), &measures())
    }

    fn archives(&self) -> [Archive; 3] {
        let Self { postgres, mongodb, sqlite } = self;
        [
            format!("[sink.postgres]\nurl = \"{}\"\n", postgres.url),
            format!("[sink.mongodb]\nurl = \"{}\"\ndatabase = \"{}\"\n", mongodb.url, mongodb.database),
            format!("[sink.sqlite]\npath = {:?}\n", sqlite.path),
        ]
        .map(|text| {
            let config: Config = load_text(&text, "test", []).unwrap();
            Archive::new(&config).unwrap()
        })
    }
}

fn day() -> EventTime {
    EventTime::parse(DAY).unwrap()
}

/// All rows of a store as JSON, in an order that does not depend on it.
async fn rows(archive: &Archive) -> Option<Vec<Value>> {
    let format = RowFormat::new(&measures());
    let range = Range { since: EventTime(day().0 - 1), until: EventTime(day().0 + 86_400_000_000) };
    let windows = archive.windows(&Windows { building: None, range, bucket_s: None, limit: 10_000 }).await.ok()?;
    let severities = Vec::new();
    let findings = Findings { building: None, detector: None, severities, range, after: None, limit: 10_000 };
    let findings = archive.findings(&findings).await.ok()?;
    let parsed = |write: &dyn Fn(&mut Vec<u8>)| -> Value {
        let mut json = Vec::new();
        write(&mut json);
        serde_json::from_slice(&json).unwrap()
    };
    let windows = windows.iter().map(|row| parsed(&|out| format.write_aggregation(row, out)));
    Some(windows.chain(findings.iter().map(|row| parsed(&|out| format.write_anomaly(row, out)))).collect())
}

/// JSON of a finding with other fields.
fn changed(number: u128, fields: &[(&str, Value)]) -> Vec<u8> {
    let mut json = Vec::new();
    RowFormat::new(&measures()).write_anomaly(&finding(number, day()), &mut json);
    let mut row: Value = serde_json::from_slice(&json).unwrap();
    for (name, value) in fields {
        row[*name] = value.clone();
    }
    row.to_string().into_bytes()
}

/// What an older program or another writer may have left on a topic of findings, and every store can hold in some form.
fn storable() -> Vec<Vec<u8>> {
    let long = "n".repeat(6_000);
    let fields = [
        [("building", json!("Hall\0\0")), ("meter", json!("Hall\0\0/1"))],
        [("building", json!(long)), ("meter", json!(format!("{long}/1")))],
        [("building", json!(format!("{long}2"))), ("meter", json!("\u{1b}[31m"))],
        [("reason", json!("r\0".repeat(100_000))), ("meter", json!("=cmd()"))],
        [("context", json!({ "a\0b": ["\0", { "c": "\u{1b}" }] })), ("detector", json!("d\0"))],
        [
            ("context", json!({ "calendar.local_hour": 7, "calendar.day": "x".repeat(100_000) })),
            ("reason", json!("'\"; DROP TABLE anomalies")),
        ],
        [("electricity", json!(f64::MAX)), ("water", json!(f64::MIN_POSITIVE))],
        [("electricity", json!(-0.0)), ("score", json!(1e300))],
        [("floor", json!(i32::MIN)), ("source_offset", json!(i64::MAX))],
        [("building", json!("")), ("meter", json!("𝔐 \u{202e} é e\u{301}"))],
    ];
    (100..).zip(fields).map(|(number, fields)| changed(number, &fields)).collect()
}

/// What no store is asked to hold.
fn unreadable() -> Vec<Vec<u8>> {
    let raw = |number, from: &str, to: &str| {
        let json = String::from_utf8(changed(number, &[])).unwrap();
        assert!(json.contains(from), "{json}");
        json.replace(from, to).into_bytes()
    };
    let mut invalid = changed(200, &[("reason", json!("XX"))]);
    let at = invalid.windows(2).position(|pair| pair == b"XX").unwrap();
    invalid[at] = 0xff;
    vec![
        invalid,
        raw(201, "\"floor\":1", "\"floor\":3000000000"),
        raw(202, "1.01", "1e999"),
        raw(203, "\"calendar.local_hour\":7", "\"a\":1e999"),
        raw(204, "\"calendar.local_hour\":7", "\"a\":\"\\ud800\""),
        changed(205, &[("detected_at", json!("-009999-01-01T00:00:00Z"))]),
        raw(206, "\"context\":{", &format!("\"context\":{{\"deep\":{}{},", "[".repeat(200), "]".repeat(200))),
        b"{".to_vec(),
        Vec::new(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn all_stores_have_the_same_rows_whatever_is_in_them() {
    let results = Results::new(World::new("biting")).await;
    let stores = Stores::of(&results.world);
    let topics = &results.topics;
    results.send_finding(&topics.anomalies, &finding(1, day()));
    let (bad, good) = (unreadable(), storable());
    for row in good.iter().chain(&bad) {
        results.send(&topics.anomalies, "A", row);
    }
    results.send_finding(&topics.anomalies, &finding(2, day()));
    // Windows of names that an older program took, and counts that no store has.
    for building in ["Hall\0\0", "Gym", &"w".repeat(6_000)] {
        let json = json!({
            "building": building, "window_start": DAY, "window_end": "2026-01-15T00:15:00Z", "count": 15,
            "avg_electricity": 1.0, "min_electricity": 1.0, "max_electricity": 1.0, "sum_electricity": 15.0, "final": false,
        });
        results.send(&topics.aggregations, building, json.to_string().as_bytes());
    }
    let too_many = json!({ "building": "A", "window_start": DAY, "window_end": DAY, "count": u64::MAX });
    results.send(&topics.aggregations, "A", too_many.to_string().as_bytes());

    let running = [
        results.start(stores.postgres(), "postgres"),
        results.start(stores.mongodb(), "mongodb"),
        results.start(stores.sqlite(), "sqlite"),
    ];
    let archives = stores.archives();
    for ((name, archive), (_, metrics)) in STORES.iter().zip(&archives).zip(&running) {
        eventually(name, async || (rows(archive).await?.len() == good.len() + 2 + 3).then_some(())).await;
        let stored = metrics.sink_rows.get_or_create(&SinkLabel { sink: (*name).to_owned() }).get();
        assert_eq!(stored, good.len() as u64 + 2 + 3, "{name}");
    }
    let expected = rows(&archives[0]).await.unwrap();
    for (name, archive) in STORES.iter().zip(&archives).skip(1) {
        let told = rows(archive).await.unwrap();
        for (told, expected) in told.iter().zip(&expected) {
            assert_eq!(told, expected, "{name}");
        }
    }
    assert!(expected.iter().any(|row| row["building"] == "Hall\\u{0}\\u{0}" && row["count"] == 15), "{expected:?}");
    let letters = eventually("dead letters", async || {
        Some(results.dead_letters()).filter(|letters| letters.len() >= STORES.len() * (bad.len() + 1))
    })
    .await;
    for store in STORES {
        let of = letters.iter().filter(|(about, ..)| about[2] == format!("sink.{store}") && about[1] == "unreadable");
        assert_eq!(of.count(), bad.len() + 1, "{store}: {letters:?}");
    }
    assert_eq!(letters.len(), STORES.len() * (bad.len() + 1));
    running.into_iter().for_each(|(handle, _)| join(handle));
}

fn place() -> Place {
    Place { partition: 0, offset: 0, timestamp_ms: 0 }
}

fn of_window(row: Aggregation) -> RowBatch {
    let mut batch = RowBatch::default();
    batch.aggregations.push(row, place());
    batch
}

fn of_finding(row: Anomaly<'static>) -> RowBatch {
    let mut batch = RowBatch::default();
    batch.anomalies.push(row, place());
    batch
}

/// Rows as they never come out of a topic, for the judgement of each store.
fn biting() -> Vec<RowBatch> {
    let long = "n".repeat(60_000);
    let finding = |number| finding(number, day());
    vec![
        of_window(window("Hall\0", day())),
        of_window(window(&long, day())),
        of_finding(Anomaly { building: "Hall\0".into(), ..finding(301) }),
        of_finding(Anomaly { building: long.clone().into(), meter: long.into(), ..finding(302) }),
        of_finding(Anomaly { reason: "r".repeat(17 << 20).into(), ..finding(303) }),
        of_finding(Anomaly { context: Some(r#"{"a\u0000b":1}"#.into()), ..finding(304) }),
        of_finding(Anomaly { context: Some(r#"{"a":"\u0000"}"#.into()), ..finding(305) }),
        of_finding(Anomaly { expected: Some("{".into()), ..finding(306) }),
        of_finding(Anomaly { context: Some(format!("{}1{}", r#"{"a":"#.repeat(120), "}".repeat(120))), ..finding(307) }),
    ]
}

async fn assert_judged(mut store: impl Sink) {
    store.prepare().await.unwrap();
    for batch in biting() {
        let answer = store.write(&batch).await;
        assert!(matches!(answer, Ok(()) | Err(SinkError::Refused(_))), "{}: {answer:?} of {:.200?}", store.name(), batch);
    }
    store.write(&of_window(window("Gym", day()))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_store_is_blamed_for_a_row() {
    let world = World::new("blamed");
    let stores = Stores::of(&world);
    assert_judged(stores.postgres()).await;
    assert_judged(stores.mongodb()).await;
    assert_judged(stores.sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_window_that_a_store_refuses_is_one_dead_letter_and_its_final_row_another() {
    let results = Results::new(World::new("refused")).await;
    let stores = Stores::of(&results.world);
    stores.sqlite().prepare().await.unwrap();
    let mut file = sqlx::SqliteConnection::connect(stores.sqlite.path.to_str().unwrap()).await.unwrap();
    let trigger = "CREATE TRIGGER no_such_building BEFORE INSERT ON aggregations WHEN NEW.building = 'B' \
                   BEGIN SELECT RAISE(ABORT, 'no such building'); END";
    sqlx::query(trigger).execute(&mut file).await.unwrap();
    let (running, metrics) = results.start(stores.sqlite(), "sqlite");
    let written = || metrics.sink_rows.get_or_create(&SinkLabel { sink: "sqlite".to_owned() }).get();
    for (count, is_final) in [(1, false), (2, false), (3, false), (4, false), (4, true)] {
        let before = written();
        results.send_window(&Aggregation { count, is_final, ..window("B", day()) });
        results.send_window(&Aggregation { count, is_final, ..window("A", day()) });
        eventually("the row beside it is there", async || (written() > before).then_some(())).await;
    }
    let letters =
        eventually("two dead letters", async || Some(results.dead_letters()).filter(|letters| letters.len() >= 2)).await;
    let said: Vec<(u64, bool)> = letters
        .iter()
        .map(|(_, value, words)| {
            assert!(words.contains("no such building"), "{words}");
            let row: Value = serde_json::from_slice(value).unwrap();
            (row["count"].as_u64().unwrap(), row["final"].as_bool().unwrap())
        })
        .collect();
    assert_eq!(said, [(1, false), (4, true)]);
    join(running);
}

/// An error of PostgreSQL that is neither a row's fault for sure nor the server's: a right that a policy keeps from some rows.
#[tokio::test(flavor = "multi_thread")]
async fn an_unclear_error_is_a_rows_fault_where_the_store_takes_others_and_an_outage_where_it_takes_none() {
    let results = Results::new(World::new("unclear")).await;
    let stores = Stores::of(&results.world);
    stores.postgres().prepare().await.unwrap();
    let mut owner = sqlx::PgConnection::connect(&stores.postgres.url).await.unwrap();
    let trigger = "CREATE FUNCTION odd() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.building = 'B' THEN RAISE EXCEPTION 'odd row' USING ERRCODE = 'XX123'; END IF; RETURN NEW; END $$;
        CREATE TRIGGER odd BEFORE INSERT ON aggregations FOR EACH ROW EXECUTE FUNCTION odd()";
    sqlx::raw_sql(trigger).execute(&mut owner).await.unwrap();
    let (running, metrics) = results.start(stores.postgres(), "postgres");
    let label = SinkLabel { sink: "postgres".to_owned() };
    let written = || metrics.sink_rows.get_or_create(&label).get();
    let away = || metrics.sink_away.get_or_create(&label).get();
    results.send_window(&window("A", day()));
    eventually("a row is there", async || (written() >= 1).then_some(())).await;
    for building in ["B", "C", "D"] {
        results.send_window(&window(building, day()));
    }
    eventually("the rows around the odd one are there", async || (written() >= 3).then_some(())).await;
    let letters =
        eventually("it is set aside", async || Some(results.dead_letters()).filter(|letters| !letters.is_empty())).await;
    assert!(letters.len() == 1 && letters[0].2.contains("odd row"), "{letters:?}");

    let every = "CREATE OR REPLACE FUNCTION odd() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            RAISE EXCEPTION 'odd server' USING ERRCODE = 'XX123'; END $$";
    sqlx::raw_sql(every).execute(&mut owner).await.unwrap();
    results.send_window(&window("E", day()));
    eventually("the store is away", async || (away() > 1.0).then_some(())).await;
    sqlx::raw_sql("DROP TRIGGER odd ON aggregations").execute(&mut owner).await.unwrap();
    eventually("the row that waited is there", async || (written() >= 4).then_some(())).await;
    assert_eq!(results.dead_letters().len(), 1);
    join(running);
}
