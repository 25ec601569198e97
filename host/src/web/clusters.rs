//! What the clusters are drawn of: K-Means' models, and the newest readings.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Shown;
use super::refusal::{Refusal, from_kafka};
use crate::config::Config;
use crate::counter::Counters;
use crate::decode::Decoder;
use crate::domain::{Batch, Message, MeterTable};
use crate::kafka::{Settings, last_records};
use crate::registry::Plugin;

const DEFAULT_READINGS: i64 = 500;
const MOST_READINGS: i64 = 5_000;

/// A plugin's model.
#[derive(Serialize)]
pub(super) struct Model {
    plugin: String,
    version: String,
    /// As it lies in its file.
    model: Value,
}

/// Models of the detectors that run, where they are JSON.
pub(super) async fn models(State(shown): State<Arc<Shown>>) -> Json<Vec<Model>> {
    let lineup = shown.status.keeper.lineups().current();
    let of = |plugin: &Arc<Plugin>| {
        let model = serde_json::from_slice(plugin.main_model()?).ok()?;
        Some(Model { plugin: plugin.label(), version: plugin.version.clone(), model })
    };
    Json(lineup.detectors.iter().filter_map(of).collect())
}

/// A reading as lanes see it.
#[derive(Serialize)]
pub(super) struct Reading {
    building: String,
    meter: String,
    time: String,
    /// In the order of the settings; null: missing.
    measures: Vec<f64>,
}

/// How many.
#[derive(Deserialize)]
pub(super) struct Newest {
    limit: Option<i64>,
}

/// The newest readings of all partitions.
pub(super) async fn readings(
    State(shown): State<Arc<Shown>>,
    Query(Newest { limit }): Query<Newest>,
) -> Result<Json<Vec<Reading>>, Refusal> {
    let limit = limit.unwrap_or(DEFAULT_READINGS).clamp(1, MOST_READINGS);
    let config = shown.config.clone();
    from_kafka(move || newest(&config, limit)).await.map(Json)
}

fn newest(config: &Config, limit: i64) -> anyhow::Result<Vec<Reading>> {
    let (mut decoder, mut meters) = (Decoder::new(&config.input), MeterTable::default());
    let mut batch = Batch::new(config.input.measures.len());
    let each = |partitions: i64| limit / partitions.max(1) + 1;
    last_records(&Settings::of(&config.kafka), &config.kafka.topic, each, |record| {
        let (offset, timestamp_ms) = (record.offset, record.timestamp_ms.unwrap_or(-1));
        let message = Message {
            offset,
            timestamp_ms,
            key: record.key,
            payload: record.value,
            headers: Some(&record.headers),
            ..Message::of(b"")
        };
        // What is no reading is among the dead letters.
        let _ = decoder.decode(&message, &mut meters, &mut batch);
    })?;
    // Of each meter's first of these it is not known what it has grown by.
    Counters::new(config).convert(&mut batch);
    let reading = |row: usize| {
        let meter = meters.meter(batch.meters[row]);
        Reading {
            building: meters.building(meter.building).to_owned(),
            meter: meter.name.clone(),
            time: batch.event_time(row).to_string(),
            measures: batch.measures.iter().map(|column| column[row]).collect(),
        }
    };
    Ok((0..batch.len()).map(reading).collect())
}
