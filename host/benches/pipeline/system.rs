//! One run of the real program over the topic, watched from outside.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};

use super::common::offsets::Offsets;
use super::common::process;
use super::common::program::Program;
use super::{PARTITIONS, QUIET, Topic};

const PATIENCE: Duration = Duration::from_secs(120);

/// How one round went.
pub(crate) struct System {
    pub(crate) committed_per_second: f64,
    pub(crate) stored_per_second: f64,
    /// Findings and closed windows in PostgreSQL.
    pub(crate) anomalies: i64,
    pub(crate) windows: i64,
    pub(crate) peak_mebibytes: f64,
    /// Processor time for each reading, nanoseconds, by stage of the lanes.
    pub(crate) stages: BTreeMap<String, f64>,
    /// Likewise by thread of the process.
    pub(crate) threads: BTreeMap<String, f64>,
    /// Likewise of each plugin.
    pub(crate) plugins: BTreeMap<String, f64>,
    /// Readings of a batch, on average, by plugin.
    pub(crate) batch: BTreeMap<String, f64>,
    /// Likewise of all processes of the machine until the last commit, broker and database among them.
    pub(crate) machine: f64,
    pub(crate) ready_seconds: f64,
}

/// The program at work on the topic, with topics and a database of its own.
pub(crate) struct Run {
    pub(crate) program: Program,
    /// Of its group, and of its database.
    name: String,
    database: String,
    ready_seconds: f64,
}

impl Run {
    pub(crate) fn start(topic: &Topic, plugins: &Path, folder: &Path, round: u16) -> Result<Self> {
        let name = format!("{}-{round}", topic.name).replace('-', "_");
        let (server, _) = topic.postgres.rsplit_once('/').context("WATTDOG_TEST_POSTGRES names no database")?;
        let database = format!("{server}/{name}");
        let config = format!(
            "[kafka]\nbootstrap = \"{}\"\ntopic = \"{}\"\ngroup = \"{name}\"\n[input]\nmax_future = \"36500d\"\n\
             [topics]\naggregations = \"{name}.aggregations\"\nanomalies = \"{name}.anomalies\"\n\
             dead_letters = \"{name}.dead-letters\"\nstate = \"{name}.state\"\n[plugins]\ndir = {plugins:?}\n[sink.postgres]\nurl = \"{database}\"\n",
            topic.kafka, topic.name
        );
        let (quiet, level) = QUIET;
        let variables: Vec<_> = topic.settings.iter().cloned().chain([(quiet.to_owned(), level.to_owned())]).collect();
        let begun = SystemTime::now();
        let mut program = Program::start(&config, folder, &variables)?;
        program.until_ready()?;
        Ok(Self { program, name, database, ready_seconds: begun.elapsed()?.as_secs_f64() })
    }

    /// Nothing stays for the server to tidy up during the next round.
    pub(crate) async fn stop(self, topic: &Topic) -> Result<()> {
        self.program.stop()?;
        let mut postgres = PgConnection::connect(&topic.postgres).await?;
        sqlx::query(AssertSqlSafe(format!("DROP DATABASE {}", self.name))).execute(&mut postgres).await?;
        Ok(())
    }
}

pub(crate) async fn run(topic: &Topic, plugins: &Path, folder: &Path, round: u16) -> Result<System> {
    let run = Run::start(topic, plugins, folder, round)?;
    let watched = watch(topic, &run).await?;
    run.stop(topic).await?;
    Ok(watched)
}

async fn watch(topic: &Topic, run: &Run) -> Result<System> {
    let program = &run.program;
    let begun = SystemTime::now();
    // The clock starts when readings are first seen to flow; those that have flowed by then do not count.
    let (started, earlier) = until("a first reading", || async {
        let readings = metric(program, "wattdog_readings_total").unwrap_or(0.0);
        Ok((readings > 0.0).then(|| (SystemTime::now(), readings)))
    })
    .await?;
    let machine_before = process::machine_seconds()?;
    let offsets = Offsets::of(&topic.kafka, &run.name, &topic.name, PARTITIONS)?;
    let committed =
        until("all offsets are committed", || async { Ok((offsets.committed()? == topic.readings).then(SystemTime::now)) })
            .await?;
    let machine_seconds = process::machine_seconds()? - machine_before;
    let mut postgres = PgConnection::connect(&run.database).await?;
    let (mut before, mut stored) = (-1, None);
    while stored.is_none() {
        let (readings, anomalies): (i64, i64) =
            sqlx::query_as("SELECT (SELECT coalesce(sum(count), 0)::bigint FROM aggregations), (SELECT count(*) FROM anomalies)")
                .fetch_one(&mut postgres)
                .await?;
        if readings.cast_unsigned() == topic.readings && anomalies == before {
            stored = Some(());
        }
        before = anomalies;
        ensure!(begun.elapsed()? < PATIENCE, "PostgreSQL has {readings} readings of {}", topic.readings);
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    // Rows of windows that are still open follow by the clock, at leisure; they do not count.
    let last: f64 = sqlx::query_scalar(
        "SELECT extract(epoch FROM greatest((SELECT max(recorded_at) FROM aggregations WHERE final),
                                            (SELECT max(recorded_at) FROM anomalies)))::float8",
    )
    .fetch_one(&mut postgres)
    .await?;
    let windows = sqlx::query_scalar("SELECT count(*) FROM aggregations WHERE final").fetch_one(&mut postgres).await?;
    let exposed = program.metrics()?;
    let per_reading = |seconds: f64| seconds * 1e9 / topic.readings as f64;
    let readings = topic.readings as f64 - earlier;
    Ok(System {
        committed_per_second: readings / committed.duration_since(started)?.as_secs_f64(),
        stored_per_second: readings / (last - started.duration_since(UNIX_EPOCH)?.as_secs_f64()),
        anomalies: before,
        windows,
        peak_mebibytes: process::peak_mebibytes(program.pid())?,
        stages: labelled(&exposed, "wattdog_stage_cpu_seconds_total{stage=").map(|(name, s)| (name, per_reading(s))).collect(),
        threads: process::thread_seconds(program.pid())?.into_iter().map(|(name, s)| (name, per_reading(s))).collect(),
        plugins: labelled(&exposed, "wattdog_plugin_cpu_seconds_total{plugin=").map(|(name, s)| (name, per_reading(s))).collect(),
        batch: labelled(&exposed, "wattdog_plugin_call_seconds_count{plugin=")
            .map(|(name, calls)| (name, topic.readings as f64 / calls))
            .collect(),
        machine: machine_seconds * 1e9 / readings,
        ready_seconds: run.ready_seconds,
    })
}

async fn until<T, F: Future<Output = Result<Option<T>>>>(what: &str, mut ask: impl FnMut() -> F) -> Result<T> {
    let begun = SystemTime::now();
    loop {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        ensure!(begun.elapsed()? < PATIENCE, "still not true after {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

pub(crate) fn metric(program: &Program, name: &str) -> Result<f64> {
    let exposed = program.metrics()?;
    let value = exposed.lines().find_map(|line| line.strip_prefix(name)).context("no such metric")?;
    Ok(value.trim().parse()?)
}

/// Label value and number of each line of a family with one label.
fn labelled<'a>(exposed: &'a str, prefix: &'a str) -> impl Iterator<Item = (String, f64)> + 'a {
    exposed.lines().filter_map(move |line| {
        let (label, value) = line.strip_prefix(prefix)?.split_once("} ")?;
        Some((label.trim_matches('"').to_owned(), value.parse().ok()?))
    })
}
