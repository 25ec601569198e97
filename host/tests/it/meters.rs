//! Meters as buildings have them: one number in two buildings, and registers whose readings come late.

use std::collections::BTreeMap;

use sqlx::Row as _;

use crate::feeder::{Feeder, make_topic};
use crate::servers::{World, eventually};
use crate::topics::{header, read_topic};

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_names_the_building_of_its_own_message() {
    let mut world = World::with_plugins("two_buildings", &["kmeans"]);
    world.replace_input("[input]\nmeter = [\"meter_id\"]\nmax_future = \"1d\"\n");
    make_topic(&world).await;
    let feeder = Feeder::new(&world, "none");
    let reading = |time: &str, building: &str, meter: &str, electricity: u32, water: u32| {
        format!(
            r#"{{"timestamp":"{time}","building":"{building}","meter_id":"{meter}","electricity":{electricity},"water":{water}}}"#
        )
    };
    // Two buildings that number their meters from 1, a meter that was moved, and names that would be one if they were joined.
    let readings = [
        ("2026-01-15T00:00:00Z", "Library", "1", 150, 300),
        ("2026-01-15T00:00:00Z", "Gym", "2", 150, 300),
        ("2026-01-15T00:01:00Z", "Gym", "1", 5_000, 9_000),
        ("2026-01-15T00:00:00Z", "Library", "7", 150, 300),
        ("2026-02-14T00:00:00Z", "Gym", "7", 5_000, 9_000),
        ("2026-01-15T00:00:00Z", "A/1", "x", 150, 300),
        ("2026-01-15T00:00:00Z", "A", "1/x", 5_000, 9_000),
    ];
    for (time, building, meter, electricity, water) in readings {
        feeder.send("all", Some(reading(time, building, meter, electricity, water).as_bytes()));
    }
    feeder.finish();
    let running = world.start();
    let postgres = world.postgres().await;
    let findings = "SELECT building, meter FROM anomalies ORDER BY building, meter";
    let found = eventually("three findings", async || {
        let rows = sqlx::query(findings).fetch_all(&postgres).await.ok()?;
        (rows.len() == 3).then(|| rows.iter().map(|row| (row.get(0), row.get(1))).collect::<Vec<(String, String)>>())
    })
    .await;
    let expected = [("A", "1/x"), ("Gym", "1"), ("Gym", "7")];
    assert_eq!(found, expected.map(|(building, meter)| (building.to_owned(), meter.to_owned())));
    let windows = "SELECT building, sum(count)::bigint FROM aggregations GROUP BY building";
    eventually("each reading in a window of its building", async || {
        let rows = sqlx::query(windows).fetch_all(&postgres).await.ok()?;
        let counts: BTreeMap<String, i64> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        (counts
            == BTreeMap::from([("A", 1), ("A/1", 1), ("Gym", 3), ("Library", 2)].map(|(name, count)| (name.to_owned(), count))))
        .then_some(())
    })
    .await;
    assert!(world.metrics().contains("wattdog_moved_meters_total 2\n"), "meters 1 and 7 are seen in two buildings");
    running.stop();
    let said = world.log();
    let moved: Vec<_> = said.lines().filter(|line| line.contains("was seen in another building before")).collect();
    assert_eq!(moved.len(), 2, "{said}");
    assert!(moved.iter().all(|line| line.contains("Library") && line.contains("Gym")), "{moved:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_counter_reading_loses_no_energy_and_a_new_meter_invents_none() {
    let mut world = World::with_plugins("late_counter", &[]);
    world.replace_input(
        "[input]\nmeter = [\"meter\"]\nmax_future = \"1d\"\n\
         [input.measures.electricity]\nfield = \"total\"\nunit = \"kWh\"\nkind = \"counter\"\n",
    );
    make_topic(&world).await;
    let feeder = Feeder::new(&world, "none");
    let reading = |minute: u32, meter: &str, total: f64| {
        let (hour, minute) = (10 + minute / 60, minute % 60);
        format!(r#"{{"timestamp":"2026-01-15T{hour}:{minute:02}:00Z","building":"Hall","meter":"{meter}","total":{total}}}"#)
    };
    let mut lines = vec![reading(0, "M2", 400.0)];
    lines.extend((0..=30).map(|step| reading(step * 10, "M1", f64::from(step))));
    // Beyond the lateness, with 100 kWh; then in time, with all of it.
    lines.extend([reading(60, "M2", 500.0), reading(300, "M2", 510.0)]);
    // M1 is exchanged for one that stands at 17,000.
    lines.extend([reading(310, "M1", 17_000.0), reading(320, "M1", 17_001.0)]);
    feeder.send_lines(lines);
    feeder.finish();
    let running = world.start();
    let postgres = world.postgres().await;
    eventually("the true consumption", async || {
        let sum = "SELECT sum(sum_electricity) FROM aggregations";
        let sum: Option<f64> = sqlx::query_scalar(sum).fetch_one(&postgres).await.ok()?;
        (sum == Some(30.0 + 110.0 + 1.0)).then_some(())
    })
    .await;
    running.stop();
    let mut reasons = Vec::new();
    read_topic(&world.kafka, &format!("{}.dead-letters", world.name), |letter| {
        reasons.push((header(letter, "reason"), header(letter, "message")));
    });
    reasons.sort();
    let [(growth, message), (late, _)] = &reasons[..] else { panic!("{reasons:?}") };
    assert_eq!((growth.as_str(), late.as_str()), ("growth", "late"));
    assert!(message.contains("17000 kWh") && message.contains("`input.measures.electricity.counter.max_rate`"), "{message}");
}
