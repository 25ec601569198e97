//! The program with the default detector and its stores, and what is known of it from outside.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;

use super::common;
use super::common::process::Resources;
use super::common::program::Program;

/// One look at it.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) at: Duration,
    /// PostgreSQL cannot be reached.
    pub(crate) is_away: bool,
    pub(crate) resources: Resources,
    /// Readings that lanes have not yet read.
    pub(crate) lag: f64,
    /// Rows that sinks have not yet stored.
    pub(crate) postgres_lag: f64,
    pub(crate) mongodb_lag: f64,
}

/// Which servers it uses, and how.
pub(crate) struct Setup<'a> {
    pub(crate) kafka: &'a str,
    pub(crate) topic: &'a str,
    pub(crate) postgres: &'a str,
    pub(crate) mongodb: Option<&'a str>,
    /// `window.allowed_lateness`
    pub(crate) lateness: &'a str,
    /// Its name in the group, under which it comes back.
    pub(crate) instance: Option<&'a str>,
}

impl Setup<'_> {
    pub(crate) fn start(&self, folder: &Path) -> Result<Program> {
        let Setup { kafka, topic, postgres, mongodb, lateness, instance } = self;
        let plugins = common::default_detector(folder)?;
        let (server, _) = postgres.rsplit_once('/').context("the URL names no database")?;
        let mongodb = mongodb.map(|url| format!("[sink.mongodb]\nurl = \"{url}\"\ndatabase = \"{topic}\"\n")).unwrap_or_default();
        let config = format!(
            "[kafka]\nbootstrap = \"{kafka}\"\ntopic = \"{topic}\"\ngroup = \"{topic}\"\n\
             [window]\nallowed_lateness = \"{lateness}\"\n\
             [topics]\naggregations = \"{topic}.aggregations\"\nanomalies = \"{topic}.anomalies\"\n\
             shadow_anomalies = \"{topic}.shadow\"\ndead_letters = \"{topic}.dead-letters\"\nstate = \"{topic}.state\"\n\
             [plugins]\ndir = {plugins:?}\naudit = {:?}\n\
             [sink.postgres]\nurl = \"{server}/{topic}\"\n{mongodb}",
            folder.join("audit.jsonl"),
        );
        let variables: Vec<_> = instance.iter().map(|name| ("WATTDOG__KAFKA__INSTANCE".to_owned(), (*name).to_owned())).collect();
        Program::start(&config, folder, &variables)
    }
}

impl Sample {
    pub(crate) fn of(program: &Program, at: Duration) -> Result<Self> {
        let exposed = program.metrics()?;
        let sum = |family: &str| -> f64 {
            exposed.lines().filter_map(|line| line.strip_prefix(family)?.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
        };
        Ok(Self {
            at,
            is_away: false,
            resources: Resources::of(program.pid())?,
            lag: sum("wattdog_consumer_lag{"),
            postgres_lag: sum("wattdog_sink_lag{sink=\"postgres\"}"),
            mongodb_lag: sum("wattdog_sink_lag{sink=\"mongodb\"}"),
        })
    }
}

/// Milliseconds from sending to the row of a finding, by quantile, and how many rows there are.
pub(crate) struct Latencies {
    pub(crate) rows: i64,
    pub(crate) quantiles: Vec<f64>,
}

pub(crate) const QUANTILES: [f64; 3] = [0.5, 0.99, 1.0];

/// Of readings that were sent after `since`, a time of the epoch.
pub(crate) async fn latencies(postgres: &str, database: &str, since: Duration) -> Result<Latencies> {
    let (server, _) = postgres.rsplit_once('/').context("the URL names no database")?;
    let mut connection = PgConnection::connect(&format!("{server}/{database}")).await?;
    let (rows, quantiles) = sqlx::query_as(
        "SELECT count(*), percentile_cont($1::float8[]) WITHIN GROUP (ORDER BY extract(epoch FROM recorded_at - detected_at) * 1000) \
         FROM anomalies WHERE detected_at > to_timestamp($2)",
    )
    .bind(QUANTILES.as_slice())
    .bind(since.as_secs_f64())
    .fetch_one(&mut connection)
    .await?;
    Ok(Latencies { rows, quantiles })
}
