//! Every row and every dead letter that follows from the input topic, told by code that shares nothing with the host's.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use mongodb::bson::{Bson, Document, doc};
use rdkafka::message::Message as _;
use serde_json::Value;
use sqlx::Row as _;

use super::load::UNBEARABLE;
use crate::faults::service;
use crate::servers::World;
use crate::topics::{header, read_topic};

const WINDOW: i64 = 30;
const LATENESS: i64 = 3_600;
/// A server of MongoDB's protocol that does not answer for so long does not answer at all.
const ANSWER: Duration = Duration::from_secs(20);

/// Where a message stands: partition and offset.
type Place = (i32, i64);

#[derive(Clone, Debug, PartialEq)]
struct Window {
    count: i64,
    revision: i32,
    electricity: f64,
    is_final: bool,
}

#[derive(Default)]
pub(crate) struct Expected {
    /// By building and start.
    windows: BTreeMap<(String, i64), Window>,
    /// How many readings of its meter the detector `tally` had seen.
    tallies: BTreeMap<Place, i64>,
    /// (kind, reason)
    dead_letters: BTreeSet<(Place, String, String)>,
}

#[derive(Default)]
struct Building {
    watermark: Option<i64>,
    seen: i64,
    /// Readings by their text, as long as their window is held.
    texts: BTreeMap<i64, BTreeSet<String>>,
}

impl Expected {
    /// Of what stands in the topic that lanes read.
    pub(crate) fn of(world: &World, topic: &str) -> Self {
        let (mut expected, mut buildings) = (Self::default(), BTreeMap::<String, Building>::new());
        read_topic(&world.kafka, topic, |message| {
            let place = (message.partition(), message.offset());
            let mut set_aside = |kind: &str, reason: &str| {
                expected.dead_letters.insert((place, kind.to_owned(), reason.to_owned()));
            };
            let text = std::str::from_utf8(message.payload().unwrap()).unwrap();
            let Ok(reading) = serde_json::from_str::<Value>(text) else {
                set_aside("reading", "not-json");
                return;
            };
            let name = reading["building"].as_str().unwrap();
            let (time, electricity) = (reading["timestamp"].as_i64().unwrap(), reading["electricity"].as_f64().unwrap());
            let start = time - time.rem_euclid(WINDOW);
            let building = buildings.entry(name.to_owned()).or_default();
            let watermark = building.watermark.unwrap_or(i64::MIN);
            if start + WINDOW + LATENESS <= watermark {
                set_aside("reading", "late");
                return;
            }
            if !building.texts.entry(start).or_default().insert(text.to_owned()) {
                set_aside("reading", "repeat");
                return;
            }
            if electricity == UNBEARABLE {
                set_aside("scoring", "plugin");
            } else {
                building.seen += 1;
                expected.tallies.insert(place, building.seen);
            }
            let watermark = watermark.max(time);
            building.watermark = Some(watermark);
            for ((_, start), window) in
                expected.windows.range_mut((name.to_owned(), i64::MIN)..=(name.to_owned(), watermark - WINDOW))
            {
                window.is_final |= *start + WINDOW <= watermark;
            }
            let empty = Window { count: 0, revision: 0, electricity: 0.0, is_final: false };
            let window = expected.windows.entry((name.to_owned(), start)).or_insert(empty);
            window.count += 1;
            window.electricity += electricity;
            if start + WINDOW <= watermark {
                window.revision += i32::from(window.is_final);
                window.is_final = true;
            }
        });
        expected
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (windows, tallies, letters) = (self.windows.len(), self.tallies.len(), self.dead_letters.len());
        write!(f, "{windows} windows, {tallies} findings of a detector with a memory, {letters} dead letters")
    }
}

/// What is not as it should be.
#[derive(Default)]
pub(crate) struct Wrong {
    pub(crate) lost: Vec<String>,
    pub(crate) doubled: Vec<String>,
    pub(crate) wrong: Vec<String>,
}

impl Wrong {
    /// What is doubled first: the comparison ends with it, before late rows have come.
    pub(crate) fn all(&self) -> impl Iterator<Item = &String> {
        self.doubled.iter().chain(&self.wrong).chain(&self.lost)
    }

    fn rows<K: Ord + fmt::Debug, V: PartialEq + fmt::Debug>(
        &mut self,
        what: &str,
        expected: &BTreeMap<K, V>,
        found: Vec<(K, V)>,
    ) {
        let mut there = BTreeMap::new();
        for (key, value) in found {
            match (expected.get(&key), there.get(&key)) {
                (None, _) => self.wrong.push(format!("{what} {key:?} should not be")),
                (_, Some(_)) => self.doubled.push(format!("{what} {key:?}")),
                (Some(wanted), None) if *wanted != value => {
                    self.wrong.push(format!("{what} {key:?} is {value:?}, not {wanted:?}"))
                }
                _ => {}
            }
            there.insert(key, value);
        }
        let missing = expected.keys().filter(|key| !there.contains_key(key));
        self.lost.extend(missing.map(|key| format!("{what} {key:?}")));
    }
}

/// Waits until each message of the input is in the topic that is keyed by building, as often as in the input.
pub(crate) fn all_are_moved(world: &World, keyed: &str, patience: Duration) {
    let texts = |topic: &str| {
        let mut texts = BTreeMap::<Vec<u8>, u32>::new();
        read_topic(&world.kafka, topic, |message| *texts.entry(message.payload().unwrap().to_owned()).or_default() += 1);
        texts
    };
    let (wanted, began) = (texts(&world.name), Instant::now());
    loop {
        let moved = texts(keyed);
        let lost = wanted.iter().filter(|(text, times)| moved.get(*text).is_none_or(|moved| moved < times)).count();
        let doubled = moved.iter().filter(|(text, times)| wanted.get(*text).is_none_or(|wanted| wanted < times)).count();
        assert_eq!(doubled, 0, "texts that stand too often in the topic that is keyed by building");
        if lost == 0 {
            return;
        }
        assert!(began.elapsed() < patience, "{lost} texts never came to the topic that is keyed by building");
        std::thread::sleep(Duration::from_secs(2));
    }
}

/// Compares until all is as it should be, or patience ends.
pub(crate) async fn compare(world: &World, expected: &Expected, patience: Duration) -> Wrong {
    let began = Instant::now();
    loop {
        wake_mongodb(world).await;
        let wrong = compare_now(world, expected).await;
        // What is doubled stays so.
        if wrong.all().count() == 0 || !wrong.doubled.is_empty() || began.elapsed() > patience {
            return wrong;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

/// FerretDB 1 was seen to lock itself up for good when its own database went away and many clients came back at once; nothing but
/// a restart helps, for which its operator would see.
async fn wake_mongodb(world: &World) {
    let client = mongodb::Client::with_uri_str(&world.mongodb).await.unwrap();
    let answer = async { client.database(&world.name).list_collection_names().await };
    if tokio::time::timeout(ANSWER, answer).await.is_err() {
        service("stop", "ferretdb");
        service("start", "ferretdb");
    }
}

async fn compare_now(world: &World, expected: &Expected) -> Wrong {
    let mut wrong = Wrong::default();
    let mut letters = BTreeMap::new();
    read_topic(&world.kafka, &format!("{}.dead-letters", world.name), |message| {
        let number = |name| header(message, name).parse::<i64>().unwrap();
        let place = (number("partition") as i32, number("offset"));
        *letters.entry((place, header(message, "kind"), header(message, "reason"))).or_insert(0) += 1;
    });
    let wanted = expected.dead_letters.iter().map(|letter| (letter.clone(), 1)).collect();
    wrong.doubled.extend(letters.iter().filter(|(_, times)| **times > 1).map(|(letter, _)| format!("dead letter {letter:?}")));
    wrong.rows("dead letter", &wanted, letters.into_keys().map(|letter| (letter, 1)).collect());
    // Twice in a topic is twice, even where a store would not notice.
    let mut findings = Vec::new();
    read_topic(&world.kafka, &format!("{}.anomalies", world.name), |message| {
        let row: Value = serde_json::from_slice(message.payload().unwrap()).unwrap();
        if row["detector"] == "tally" {
            let place = (row["source_partition"].as_i64().unwrap() as i32, row["source_offset"].as_i64().unwrap());
            findings.push((place, row["context"]["seen"].as_f64().unwrap() as i64));
        }
    });
    wrong.rows("finding on its topic", &expected.tallies, findings);
    postgres(world, expected, &mut wrong).await;
    mongodb(world, expected, &mut wrong).await;
    wrong
}

async fn postgres(world: &World, expected: &Expected, wrong: &mut Wrong) {
    let postgres = world.postgres().await;
    let query =
        "SELECT building, extract(epoch FROM window_start)::bigint, count, revision, sum_electricity, final FROM aggregations";
    let rows = sqlx::query(query).fetch_all(&postgres).await.unwrap();
    let window = |row: &sqlx::postgres::PgRow| {
        let window = Window { count: row.get(2), revision: row.get(3), electricity: row.get(4), is_final: row.get(5) };
        ((row.get(0), row.get(1)), window)
    };
    wrong.rows("window in PostgreSQL", &expected.windows, rows.iter().map(window).collect());
    let query = "SELECT source_partition, source_offset, (context->>'seen')::float8 FROM anomalies WHERE detector = 'tally'";
    let rows = sqlx::query(query).fetch_all(&postgres).await.unwrap();
    let tally = |row: &sqlx::postgres::PgRow| ((row.get(0), row.get(1)), row.get::<f64, _>(2) as i64);
    wrong.rows("finding in PostgreSQL", &expected.tallies, rows.iter().map(tally).collect());
}

async fn mongodb(world: &World, expected: &Expected, wrong: &mut Wrong) {
    let all = async |name: &str, filter: Document| -> Vec<Document> {
        world.mongodb(name).await.find(filter).await.unwrap().try_collect().await.unwrap()
    };
    // A whole number has the length that it needs.
    let whole = |row: &Document, name: &str| match row.get(name) {
        Some(Bson::Int32(value)) => i64::from(*value),
        Some(Bson::Int64(value)) => *value,
        other => panic!("{name} is {other:?}"),
    };
    let window = |row: &Document| {
        let start = row.get_datetime("window_start").unwrap().timestamp_millis() / 1_000;
        let window = Window {
            count: whole(row, "count"),
            revision: whole(row, "revision") as i32,
            electricity: row.get_f64("sum_electricity").unwrap(),
            is_final: row.get_bool("final").unwrap(),
        };
        ((row.get_str("building").unwrap().to_owned(), start), window)
    };
    wrong.rows("window in MongoDB", &expected.windows, all("aggregations", doc! {}).await.iter().map(window).collect());
    let tally = |row: &Document| {
        let place = (whole(row, "source_partition") as i32, whole(row, "source_offset"));
        (place, row.get_document("context").unwrap().get_f64("seen").unwrap() as i64)
    };
    let rows = all("anomalies", doc! { "detector": "tally" }).await;
    wrong.rows("finding in MongoDB", &expected.tallies, rows.iter().map(tally).collect());
}
