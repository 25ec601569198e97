//! Event time as meters live it: a gateway that was silent, repeats, readings that are late and too late, and from the far future.

use std::collections::BTreeMap;

use mongodb::bson::doc;
use sqlx::Row as _;

use crate::feeder::{Feeder, make_topic};
use crate::servers::{World, eventually};
use crate::topics::{header, read_topic};

/// 2025-12-04T00:00:00Z, in seconds since the epoch.
const MIDNIGHT: i64 = 1_764_806_400;

fn line(second: i64, floor: u32, electricity: i64) -> String {
    let time = MIDNIGHT + second;
    format!(r#"{{"timestamp":{time},"building":"A","floor":{floor},"electricity":{electricity},"water":300}}"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_but_what_is_said_to_be() {
    let world = World::new("late_data");
    make_topic(&world).await;
    let feeder = Feeder::new(&world, "none");
    // A minute of readings, two hours of silence, and what was read in them, newest first: one every ten minutes on two floors.
    feeder.send_lines((0..7).map(|step| line(step * 10, 1, 100)));
    feeder.send_lines((1..=12).rev().flat_map(|step| [1, 2].map(|floor| line(60 + step * 600, floor, 100 + step))));
    // Again, word for word; then with another value, which is another reading.
    feeder.send_lines([line(60 + 5 * 600, 1, 105), line(60 + 5 * 600, 1, 200)]);
    // Time goes on by more than the lateness, reading by reading: the silence is over.
    feeder.send_lines((1..=5).map(|step| line(7_260 + step * 900, 1, 100)));
    // In time, and not.
    feeder.send_lines([line(10_000, 1, 50), line(10_000, 2, 60), line(3_060, 2, 1)]);
    feeder.send("A", Some(line(10 * 365 * 86_400, 1, 1).as_bytes()));
    feeder.finish();

    // (count, revision, electricity) by start, in seconds after midnight.
    let mut expected = BTreeMap::from([(0, (3, 0, 300)), (30, (3, 0, 300)), (60, (1, 0, 100))]);
    expected.extend((1..=12).map(|step| (60 + step * 600, (2, 1, 2 * (100 + step)))));
    // The reading that ended the silence was in an open window, its second one too.
    expected.insert(60 + 12 * 600, (2, 0, 224));
    expected.insert(60 + 5 * 600, (3, 2, 410));
    expected.extend((1..=5).map(|step| (7_260 + step * 900, (1, 0, 100))));
    expected.insert(9_990, (2, 1, 110));

    let running = world.start();
    let postgres = world.postgres().await;
    eventually("PostgreSQL has every row as it should be", async || {
        let query = "SELECT extract(epoch FROM window_start)::bigint, count, revision, sum_electricity FROM aggregations";
        let rows = sqlx::query(query).fetch_all(&postgres).await.ok()?;
        let rows = rows.iter().map(|row| {
            let values = (row.get::<i64, _>(1), row.get::<i32, _>(2), row.get::<f64, _>(3) as i64);
            (row.get::<i64, _>(0) - MIDNIGHT, values)
        });
        (rows.collect::<BTreeMap<_, _>>() == expected).then_some(())
    })
    .await;
    let aggregations = world.mongodb("aggregations").await;
    eventually("MongoDB too", async || {
        for (&start, &(count, revision, electricity)) in &expected {
            let start = mongodb::bson::DateTime::from_millis((MIDNIGHT + start) * 1_000);
            let row = aggregations.find_one(doc! { "building": "A", "window_start": start }).await.ok()??;
            let sum = row.get_f64("sum_electricity").ok()? as i64;
            let values = (row.get_i64("count").ok()?, row.get_i64("revision").ok()?, sum);
            (values == (count, i64::from(revision), electricity)).then_some(())?;
        }
        (aggregations.count_documents(doc! {}).await.ok()? as usize == expected.len()).then_some(())
    })
    .await;
    running.stop();

    let mut reasons = Vec::new();
    read_topic(&world.kafka, &format!("{}.dead-letters", world.name), |letter| {
        assert_eq!(header(letter, "kind"), "reading");
        reasons.push((header(letter, "reason"), header(letter, "message")));
    });
    reasons.sort();
    let words: Vec<_> = reasons.iter().map(|(reason, _)| reason.as_str()).collect();
    assert_eq!(words, ["future", "late", "repeat"], "{reasons:?}");
    for ((_, message), key) in reasons.iter().zip(["input.max_future", "window.allowed_lateness", "input.repeats"]) {
        assert!(message.contains(key) && !message.contains('\n'), "{message}");
    }
    a_late_reading_counts_by_what_is_advised(&world, &postgres).await;
}

/// The next step that `dead-letters show` gives for a late reading: a longer lateness, and another group.
async fn a_late_reading_counts_by_what_is_advised(world: &World, postgres: &sqlx::PgPool) {
    let late = world.ask(&["dead-letters", "list", "--reason", "late", "--json"]);
    let late: serde_json::Value = serde_json::from_str(late.lines().next().unwrap()).unwrap();
    let shown = world.ask(&["dead-letters", "show", late["place"].as_str().unwrap()]);
    assert!(shown.contains("raise `window.allowed_lateness` and have another `kafka.group` read the input"), "{shown}");
    let running = world
        .start_with(&[("WATTDOG__WINDOW__ALLOWED_LATENESS", "1d"), ("WATTDOG__KAFKA__GROUP", &format!("{}.again", world.name))]);
    eventually("the late reading is in its window", async || {
        let query = "SELECT count, sum_electricity FROM aggregations WHERE window_start = to_timestamp($1)";
        let start = (MIDNIGHT + 60 + 5 * 600) as f64;
        let row: (i64, f64) = sqlx::query_as(query).bind(start).fetch_one(postgres).await.ok()?;
        (row == (4, 411.0)).then_some(())
    })
    .await;
    running.stop();
}
