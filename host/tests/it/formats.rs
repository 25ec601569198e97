//! Readings as gateways have them: fields within objects, local time in a form of its own, watt-hours, and counters that go on
//! through a kill, roll over and are reset.

use crate::feeder::{Feeder, make_topic};
use crate::servers::{World, eventually};

/// As gateways send it.
pub(crate) const CONFIG: &str = r#"
[input]
timestamp = "at"
timestamp_format = "%d.%m.%Y %H:%M"
time_zone = "Europe/Berlin"
building = "site.name"
floor = "site.floor"
meter = ["site.name", "device.id"]
max_future = "1d"
[input.measures.electricity]
field = "device.total"
unit = "kWh"
sent_in = "Wh"
kind = "counter"
rollover = 1000.0
[input.measures.water]
field = "litres"
unit = "L"
required = false
"#;

pub(crate) fn reading(minute: u32, device: u32, total_wh: f64) -> String {
    let reading = serde_json::json!({
        "at": format!("04.12.2025 12:{minute:02}"),
        "site": { "name": "Turm", "floor": 2 },
        "device": { "id": device, "total": total_wh },
        "litres": 1.5,
    });
    reading.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_in_watt_hours_become_what_they_have_grown_by() {
    let mut world = World::with_plugins("formats", &[]);
    world.replace_input(CONFIG);
    make_topic(&world).await;
    let feeder = Feeder::new(&world, "none");
    let send = |readings: &[(u32, u32, f64)]| {
        for &(minute, device, total) in readings {
            feeder.send("Turm", Some(reading(minute, device, total).as_bytes()));
        }
        feeder.finish();
    };
    // The first of each meter says nothing of how much there was.
    send(&[(0, 7, 998_000.0), (0, 8, 5_000.0), (1, 7, 999_500.0), (1, 8, 5_250.0)]);
    let running = world.start();
    let postgres = world.postgres().await;
    let seen = async |count: i64| {
        eventually("all readings are in windows", async || {
            let sum = "SELECT coalesce(sum(count), 0)::bigint FROM aggregations";
            let readings: i64 = sqlx::query_scalar(sum).fetch_one(&postgres).await.ok()?;
            (readings == count).then_some(())
        })
        .await;
    };
    seen(4).await;
    // What meters showed last is known to the next life.
    running.signal("KILL");
    drop(running);
    let running = world.start();
    // One rolls over at 1,000 kWh; the other is reset, says the same again, and then something older.
    send(&[(2, 7, 2_000.0), (2, 8, 100.0), (2, 8, 100.0), (0, 8, 5_100.0), (3, 8, 350.0)]);
    seen(8).await;
    let row = "SELECT to_char(window_start AT TIME ZONE 'UTC', 'HH24:MI'), sum_electricity FROM aggregations
               WHERE sum_electricity IS NOT NULL ORDER BY window_start";
    let rows: Vec<(String, f64)> = sqlx::query_as(row).fetch_all(&postgres).await.unwrap();
    let expected = [("11:01", 1.75), ("11:02", 2.5 + 0.1), ("11:03", 0.25)];
    assert_eq!(rows.len(), expected.len(), "{rows:?}");
    for ((start, sum), (minute, grown)) in rows.iter().zip(expected) {
        assert!(start == minute && (sum - grown).abs() < 1e-9, "{rows:?}");
    }
    running.stop();
}
