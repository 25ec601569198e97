//! The real program with the default detector and both stores, and what is known of it from outside.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use wattdog::web::client;

const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Host {
    child: Child,
    address: String,
    log: PathBuf,
}

/// One look at it.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) at: Duration,
    /// PostgreSQL cannot be reached.
    pub(crate) is_away: bool,
    pub(crate) resident_mebibytes: f64,
    pub(crate) handles: f64,
    pub(crate) threads: f64,
    /// Readings that lanes have not yet read.
    pub(crate) lag: f64,
    /// Rows that sinks have not yet stored.
    pub(crate) postgres_lag: f64,
    pub(crate) mongodb_lag: f64,
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the host lies in the workspace")
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

impl Host {
    /// What it says goes to `log` in the folder.
    pub(crate) fn start(setup: &Setup<'_>, folder: &Path) -> Result<Self> {
        let Setup { kafka, topic, postgres, mongodb, lateness, instance } = setup;
        let plugins = folder.join("plugins");
        std::fs::create_dir_all(&plugins)?;
        std::fs::copy(workspace().join("plugins/kmeans.wasm"), plugins.join("kmeans.wasm"))
            .context("no plugins/kmeans.wasm; run `cargo xtask plugins`")?;
        let model = workspace().join("models/kmeans_energy.json");
        std::fs::write(plugins.join("kmeans.toml"), format!("kind = \"detector\"\nmodel = {model:?}\n"))?;
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let (server, _) = postgres.rsplit_once('/').context("the URL names no database")?;
        let mongodb = mongodb.map(|url| format!("[sink.mongodb]\nurl = \"{url}\"\ndatabase = \"{topic}\"\n")).unwrap_or_default();
        let config = folder.join("wattdog.toml");
        std::fs::write(
            &config,
            format!(
                "[kafka]\nbootstrap = \"{kafka}\"\ntopic = \"{topic}\"\ngroup = \"{topic}\"\n\
                 [window]\nallowed_lateness = \"{lateness}\"\n\
                 [topics]\naggregations = \"{topic}.aggregations\"\nanomalies = \"{topic}.anomalies\"\n\
                 shadow_anomalies = \"{topic}.shadow\"\ndead_letters = \"{topic}.dead-letters\"\nstate = \"{topic}.state\"\n\
                 [plugins]\ndir = {plugins:?}\naudit = {:?}\n\
                 [sink.postgres]\nurl = \"{server}/{topic}\"\n{mongodb}\
                 [web]\nlisten = \"{address}\"\n",
                folder.join("audit.jsonl"),
            ),
        )?;
        let log = folder.join("log");
        let said = std::fs::File::options().create(true).append(true).open(&log)?;
        let mut program = Command::new(env!("CARGO_BIN_EXE_wattdog"));
        program.arg("run").arg("--config").arg(&config).stdout(said.try_clone()?).stderr(said);
        program.envs(instance.map(|name| ("WATTDOG__KAFKA__INSTANCE", name)));
        let child = program.spawn()?;
        Ok(Self { child, address, log })
    }

    pub(crate) fn until_ready(&mut self) -> Result<()> {
        let started = Instant::now();
        while client::get(&self.address, "/readyz").is_err() {
            let ended = self.child.try_wait()?;
            ensure!(ended.is_none(), "the program has ended: {}", std::fs::read_to_string(&self.log)?);
            ensure!(started.elapsed() < PATIENCE, "the program is not ready");
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    pub(crate) fn sample(&self, at: Duration) -> Result<Sample> {
        let process = PathBuf::from(format!("/proc/{}", self.child.id()));
        let status = std::fs::read_to_string(process.join("status"))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("the program has ended")?;
        let kibibytes: f64 = resident.trim().trim_end_matches("kB").trim().parse()?;
        let exposed = client::get(&self.address, "/metrics")?;
        let sum = |family: &str| -> f64 {
            exposed.lines().filter_map(|line| line.strip_prefix(family)?.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
        };
        Ok(Sample {
            at,
            is_away: false,
            resident_mebibytes: kibibytes / 1024.0,
            handles: std::fs::read_dir(process.join("fd"))?.count() as f64,
            threads: std::fs::read_dir(process.join("task"))?.count() as f64,
            lag: sum("wattdog_consumer_lag{"),
            postgres_lag: sum("wattdog_sink_lag{sink=\"postgres\"}"),
            mongodb_lag: sum("wattdog_sink_lag{sink=\"mongodb\"}"),
        })
    }

    pub(crate) fn stop(mut self) -> Result<()> {
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        let status = self.child.wait()?;
        ensure!(status.success(), "wattdog run: {status}");
        Ok(())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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
