//! Messages as gateways, connectors and exports write them: local stamps through a repeated hour, several readings in one message, the
//! building in the key, names that no store can hold.

use sqlx::PgPool;

use crate::dead_letters::{letters, redrive};
use crate::feeder::{Feeder, make_topic};
use crate::servers::{World, eventually};

async fn until(postgres: &PgPool, what: &str, query: &'static str, wanted: (i64, f64)) {
    eventually(what, async || {
        let found: (i64, f64) = sqlx::query_as(query).fetch_one(postgres).await.ok()?;
        assert!(found.0 <= wanted.0, "{what}: {found:?}");
        (found == wanted).then_some(())
    })
    .await;
}

const DAYS: &str = "SELECT coalesce(sum(count), 0)::bigint, coalesce(sum(sum_electricity), 0) FROM aggregations \
                    WHERE window_start = '2025-10-25T22:00:00Z' AND window_end = '2025-10-26T23:00:00Z'";

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_25_hours_has_all_its_quarters_though_the_host_is_killed_in_the_hour_that_comes_twice() {
    let mut world = World::with_plugins("repeated_hour", &[]);
    world.replace_input("[input]\ntime_zone = \"Europe/Berlin\"\n[window]\nsize = \"1d\"\ntime_zone = \"Europe/Berlin\"");
    make_topic(&world).await;
    let feeder = Feeder::new(&world, "none");
    let send = |quarters: std::ops::Range<i64>| {
        let begin: jiff::Timestamp = "2025-10-25T22:00:00Z".parse().unwrap();
        let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
        let reading = |quarter: i64| {
            let local = zone.to_datetime(begin + jiff::SignedDuration::from_mins(15 * quarter));
            format!(r#"{{"timestamp":"{local}","building":"Hall","electricity":1.0,"water":2.0}}"#)
        };
        feeder.send_lines(quarters.map(reading));
    };
    // 02:30 of the first pass is the last.
    send(0..11);
    let running = world.start();
    let postgres = world.postgres().await;
    until(&postgres, "the first readings are there", DAYS, (11, 11.0)).await;
    running.signal("KILL");
    drop(running);
    let running = world.start();
    send(11..14);
    until(&postgres, "more are there", DAYS, (14, 14.0)).await;
    running.stop();
    let running = world.start();
    send(14..100);
    until(&postgres, "a hundred quarters are there", DAYS, (100, 100.0)).await;
    assert!(letters(&world, &[], 0).await.is_empty());
    running.stop();
}

/// Readings of two buildings, one of which says too much.
const TELEMETRY: &str = r#"{"site":"campus","data":[
    {"at":1764806410000,"b":"Hall","v":"150.5"},{"at":1764806411000,"b":"Gym","v":7e9},{"at":1764806412000,"b":"Gym","v":1.5},
    {"at":1764806413000,"b":"Gym"}]}"#;

const SEVERAL: &str = "[input]\nmax_future = \"1d\"\nreadings = \"data[]\"\ntimestamp = \"at\"\nbuilding = \"b\"\nfloor = \"$.site\"\n\
                       repartition = \"always\"\n[input.measures.electricity]\nfield = \"v\"\n";

const READINGS: &str = "SELECT coalesce(sum(count), 0)::bigint, coalesce(sum(sum_electricity), 0) FROM aggregations WHERE building IN ('Hall', 'Gym')";

#[tokio::test(flavor = "multi_thread")]
async fn each_element_of_an_array_is_a_reading_of_its_building_and_is_redriven_alone() {
    let mut world = World::with_plugins("elements", &[]);
    world.replace_input(SEVERAL);
    make_topic(&world).await;
    let feeder = Feeder::new(&world, "none");
    feeder.send("gateway", Some(TELEMETRY.as_bytes()));
    feeder.finish();
    let running = world.start();
    let postgres = world.postgres().await;
    until(&postgres, "two readings are there", READINGS, (2, 152.0)).await;
    let mut found = letters(&world, &[], 2).await;
    found.sort_by_key(|letter| letter["message"].to_string());
    let reasons: Vec<_> = found.iter().map(|letter| letter["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["range", "missing-field"]);
    let place = found[0]["place"].as_str().unwrap();
    let shown = world.ask(&["dead-letters", "show", place]);
    assert!(shown.contains("element") && shown.contains("gateway") | shown.contains("Gym"), "{shown}");
    running.stop();
    let fix = [("WATTDOG__INPUT__MEASURES__ELECTRICITY__FIELD", "v"), ("WATTDOG__INPUT__MEASURES__ELECTRICITY__MAX", "1e12")];
    let running = world.start_with(&fix);
    let (code, said) = redrive(&world, &["--reason", "range", "--yes"]);
    assert!(code == 0 && said.contains("1 sent again"), "{said}");
    until(&postgres, "the third is there", READINGS, (3, 152.0 + 7e9)).await;
    assert_eq!(letters(&world, &[], 2).await.len(), 2, "its siblings are not read again");
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_building_in_the_key_is_known_behind_the_topic_that_is_keyed_by_building() {
    let mut world = World::with_plugins("key_part", &[]);
    world.replace_input(
        "[input]\nmax_future = \"1d\"\nbuilding = \"@key.2\"\nfloor = \"@key.3\"\nrepartition = \"always\"\n\
         [input.measures.electricity]\nfield = \"e[1]\"\n",
    );
    make_topic(&world).await;
    let feeder = Feeder::new(&world, "none");
    for (second, key) in ["tele/Hall/1", "tele/Gym/2", "tele/Hall/1", "tele"].into_iter().enumerate() {
        let text = format!(r#"{{"timestamp":"2025-12-04T00:00:{second:02}Z","e":[0,1.5]}}"#);
        feeder.send(key, Some(text.as_bytes()));
    }
    feeder.finish();
    let running = world.start();
    let postgres = world.postgres().await;
    until(&postgres, "three readings are there", READINGS, (3, 4.5)).await;
    let [letter] = &letters(&world, &[], 1).await[..] else { panic!("one has no building") };
    assert_eq!(letter["reason"].as_str(), Some("missing-field"));
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_building_in_a_header_goes_with_its_reading_wherever_that_is_sent_again() {
    let mut world = World::with_plugins("header", &[]);
    world.replace_input(
        "[input]\nmax_future = \"1d\"\nbuilding = \"@header.site\"\nrepartition = \"always\"\n\
         [input.measures.electricity]\nfield = \"v\"\n",
    );
    make_topic(&world).await;
    let feeder = Feeder::new(&world, "none");
    for (second, site, value) in [(0, "Hall", 1.5), (1, "Gym", 1.5), (2, "Gym", 7e9)] {
        let text = format!(r#"{{"timestamp":"2025-12-04T00:00:{second:02}Z","v":{value:?}}}"#);
        feeder.send_with_header("site", site, text.as_bytes());
    }
    feeder.finish();
    let running = world.start();
    let postgres = world.postgres().await;
    until(&postgres, "two readings are there", READINGS, (2, 3.0)).await;
    letters(&world, &["--reason", "range"], 1).await;
    running.stop();
    let fix = [("WATTDOG__INPUT__MEASURES__ELECTRICITY__FIELD", "v"), ("WATTDOG__INPUT__MEASURES__ELECTRICITY__MAX", "1e12")];
    let running = world.start_with(&fix);
    let (code, said) = redrive(&world, &["--reason", "range", "--yes"]);
    assert!(code == 0 && said.contains("1 sent again"), "{said}");
    until(&postgres, "the third is there", READINGS, (3, 3.0 + 7e9)).await;
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_a_store_cannot_hold_is_rejected_before_any_store() {
    let world = World::with_plugins("names", &[]);
    make_topic(&world).await;
    let feeder = Feeder::new(&world, "none");
    let long = "x".repeat(6_000);
    for second in 0..30 {
        for building in [r"Hall\u0000\u0000", &long, r"\u001b[31mHall", "Gym"] {
            let text =
                format!(r#"{{"timestamp":"2025-12-04T00:00:{second:02}Z","building":"{building}","electricity":1,"water":1}}"#);
            feeder.send("key", Some(text.as_bytes()));
        }
    }
    feeder.finish();
    let running = world.start();
    let postgres = world.postgres().await;
    until(&postgres, "the good ones are there", READINGS, (30, 30.0)).await;
    let found = letters(&world, &["--limit", "100"], 90).await;
    assert!(found.iter().all(|letter| (letter["kind"].as_str(), letter["reason"].as_str()) == (Some("reading"), Some("name"))));
    let mongodb = world.mongodb("aggregations").await;
    let buildings = mongodb.distinct("building", mongodb::bson::doc! {}).await.unwrap();
    assert_eq!(buildings, [mongodb::bson::Bson::from("Gym")]);
    running.stop();
}
