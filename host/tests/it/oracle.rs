//! Every window and every finding, recomputed from a file by code that shares nothing with the host's.

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;
use mongodb::bson::doc;
use serde_json::Value;
use sqlx::Row as _;

use crate::servers::{Running, World, eventually, workspace};

/// (building, window start in seconds) to (count, sum, minimum, maximum) of electricity.
pub(crate) type Windows = BTreeMap<(String, i64), (i64, f64, f64, f64)>;

pub(crate) struct Expected {
    pub(crate) windows: Windows,
    /// (meter, seconds) to distance.
    pub(crate) anomalies: BTreeMap<(String, i64), f64>,
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

pub(crate) fn expected(file: &std::path::Path) -> Expected {
    let model = std::fs::read_to_string(workspace().join("models/kmeans_energy.json")).unwrap();
    let model: Value = serde_json::from_str(&model).unwrap();
    let (mean, std) = (floats(&model["mean"]), floats(&model["std"]));
    let centroids: Vec<_> = model["centroids_scaled"].as_array().unwrap().iter().map(floats).collect();
    let threshold = model["threshold"].as_f64().unwrap();
    let mut expected = Expected { windows: Windows::new(), anomalies: BTreeMap::new() };
    for line in std::fs::read_to_string(file).unwrap().lines() {
        let reading: Value = serde_json::from_str(line).unwrap();
        let building = reading["building"].as_str().unwrap().to_owned();
        let (electricity, water) = (reading["electricity"].as_f64().unwrap(), reading["water"].as_f64().unwrap());
        let time: jiff::Timestamp = reading["timestamp"].as_str().unwrap().parse().unwrap();
        let seconds = time.as_second();
        let window = expected.windows.entry((building.clone(), seconds - seconds.rem_euclid(30))).or_insert((
            0,
            0.0,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ));
        *window = (window.0 + 1, window.1 + electricity, window.2.min(electricity), window.3.max(electricity));
        let scaled = [(electricity - mean[0]) / std[0], (water - mean[1]) / std[1]];
        let distance = centroids
            .iter()
            .map(|c| ((scaled[0] - c[0]).powi(2) + (scaled[1] - c[1]).powi(2)).sqrt())
            .fold(f64::INFINITY, f64::min);
        if distance > threshold {
            expected.anomalies.insert((format!("{building}/{}", reading["floor"]), seconds), distance);
        }
    }
    expected
}

fn assert_close(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-9 * a.abs().max(b.abs()), "{a} is not {b}");
}

/// Waits until both stores have all, ends the program, and checks each row.
pub(crate) async fn stores_have_all(world: &World, running: Running, expected: &Expected) {
    let postgres = world.postgres().await;
    let readings = expected.windows.values().map(|window| window.0).sum::<i64>();
    eventually("all windows and findings are in PostgreSQL", async || {
        let counted: i64 =
            sqlx::query_scalar("SELECT coalesce(sum(count), 0)::bigint FROM aggregations").fetch_one(&postgres).await.ok()?;
        let anomalies: i64 = sqlx::query_scalar("SELECT count(*) FROM anomalies").fetch_one(&postgres).await.ok()?;
        (counted == readings && anomalies as usize >= expected.anomalies.len()).then_some(())
    })
    .await;
    let aggregations = world.mongodb("aggregations").await;
    let anomalies = world.mongodb("anomalies").await;
    eventually("all rows are in MongoDB", async || {
        let windows: Vec<_> = aggregations.find(doc! {}).await.ok()?.try_collect().await.ok()?;
        let counted: i64 = windows.iter().map(|w| w.get_i64("count").unwrap()).sum();
        let found = anomalies.count_documents(doc! {}).await.ok()? as usize;
        (counted == readings && found >= expected.anomalies.len()).then_some(())
    })
    .await;
    running.stop();
    check_postgres(&postgres, expected).await;
    check_mongodb(&aggregations, &anomalies, expected).await;
}

async fn check_postgres(postgres: &sqlx::PgPool, expected: &Expected) {
    let rows = sqlx::query(
        "SELECT building, extract(epoch FROM window_start)::bigint, count, sum_electricity, min_electricity, \
         max_electricity, avg_electricity, revision FROM aggregations",
    )
    .fetch_all(postgres)
    .await
    .unwrap();
    assert_eq!(rows.len(), expected.windows.len());
    for row in rows {
        let (count, sum, min, max) = expected.windows[&(row.get::<String, _>(0), row.get::<i64, _>(1))];
        assert_eq!((row.get::<i64, _>(2), row.get::<i32, _>(7)), (count, 0));
        assert_close(row.get(3), sum);
        assert_eq!((row.get::<f64, _>(4), row.get::<f64, _>(5)), (min, max));
        assert_close(row.get(6), sum / count as f64);
    }
    let rows = sqlx::query("SELECT meter, extract(epoch FROM detected_at)::bigint, distance, context FROM anomalies")
        .fetch_all(postgres)
        .await
        .unwrap();
    assert_eq!(rows.len(), expected.anomalies.len());
    for row in rows {
        assert_close(row.get(2), expected.anomalies[&(row.get::<String, _>(0), row.get::<i64, _>(1))]);
    }
}

async fn check_mongodb(
    aggregations: &mongodb::Collection<mongodb::bson::Document>,
    anomalies: &mongodb::Collection<mongodb::bson::Document>,
    expected: &Expected,
) {
    let windows: Vec<_> = aggregations.find(doc! {}).await.unwrap().try_collect().await.unwrap();
    assert_eq!(windows.len(), expected.windows.len());
    for window in windows {
        let start = window.get_datetime("window_start").unwrap().timestamp_millis() / 1_000;
        let (count, sum, ..) = expected.windows[&(window.get_str("building").unwrap().to_owned(), start)];
        assert_eq!(window.get_i64("count").unwrap(), count);
        assert_close(window.get_f64("sum_electricity").unwrap(), sum);
    }
    let found: Vec<_> = anomalies.find(doc! {}).await.unwrap().try_collect().await.unwrap();
    assert_eq!(found.len(), expected.anomalies.len());
    for row in found {
        let at = row.get_datetime("detected_at").unwrap().timestamp_millis() / 1_000;
        assert_close(row.get_f64("distance").unwrap(), expected.anomalies[&(row.get_str("meter").unwrap().to_owned(), at)]);
    }
}
