//! From a configuration to a running host.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use wattdog_plugin_runtime::{Runtime, RuntimeConfig};

use super::lane::Shared;
use super::{LaneInfo, Lanes};
use crate::config::Config;
use crate::kafka::{Group, KafkaError, Settings, TopicError, TopicSpec, ensure_topics, partition_count};
use crate::metrics::Metrics;
use crate::registry::Registry;

/// Why a host does not start.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// A topic is missing.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// The input topic is missing and may not be created.
    #[error("topic `{0}` does not exist; create it, or set `kafka.create_topics = true`")]
    NoTopic(String),
    /// WebAssembly cannot run.
    #[error("plugins cannot run on this machine: {0}")]
    Runtime(#[from] wattdog_plugin_runtime::Fault),
    /// A Kafka property is wrong.
    #[error("cannot join group `{group}`: {source}; check `kafka.properties`")]
    Group {
        /// Which group.
        group: String,
        /// What the client says.
        source: KafkaError,
    },
}

/// What a page or probe asks for.
#[derive(Clone)]
pub struct Status {
    /// The lanes.
    pub lanes: Arc<Lanes>,
    /// The plugins.
    pub registry: Arc<Registry>,
    /// Numbers.
    pub metrics: Metrics,
}

impl Status {
    /// Why the host is not ready; none when it is.
    #[must_use]
    pub fn not_ready(&self) -> Option<String> {
        let lanes = self.lanes.info();
        if lanes.is_empty() {
            return Some("no partition is assigned yet".into());
        }
        let waiting: Vec<_> =
            lanes.iter().filter(|lane| !lane.running).map(|lane: &LaneInfo| lane.partition.to_string()).collect();
        (!waiting.is_empty()).then(|| format!("lanes that do not run yet: {}", waiting.join(", ")))
    }
}

/// A running pipeline, without its sinks.
pub struct Host {
    /// What it shows.
    pub status: Status,
    stop: Arc<AtomicBool>,
    server: Option<JoinHandle<()>>,
}

impl Host {
    /// Makes topics, loads plugins, joins the group; lanes start as partitions come.
    ///
    /// # Errors
    /// When the broker cannot be reached, a topic cannot be made, or a setting is wrong.
    pub async fn start(config: Config, metrics: Metrics) -> Result<Self, HostError> {
        let settings = Settings { bootstrap: config.kafka.bootstrap.clone(), properties: config.kafka.properties.clone() };
        prepare_topics(&config, &settings).await?;
        let registry = Arc::new(load_plugins(&config)?);
        let shared = Arc::new(Shared { config: config.clone(), registry: Arc::clone(&registry), metrics: metrics.clone() });
        let lanes = Lanes::new(shared, settings.clone());
        let group = Group::join(&settings, &config.kafka.group, &config.kafka.topic, Arc::clone(&lanes) as _)
            .map_err(|source| HostError::Group { group: config.kafka.group.clone(), source })?;
        lanes.set_group(group.clone());
        let stop = Arc::new(AtomicBool::new(false));
        let server = serve(group, Arc::clone(&lanes), Arc::clone(&stop));
        Ok(Self { status: Status { lanes, registry, metrics }, stop, server: Some(server) })
    }

    /// Finishes what was read, commits, leaves the group.
    pub fn stop(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(server) = self.server.take()
            && server.join().is_err()
        {
            tracing::error!("the group's thread ended in a panic");
        }
    }
}

fn serve(group: Group, lanes: Arc<Lanes>, stop: Arc<AtomicBool>) -> JoinHandle<()> {
    std::thread::Builder::new()
        .name("group".into())
        .spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                group.serve(Duration::from_millis(50));
            }
            lanes.stop_all();
            group.leave();
        })
        .expect("a process that cannot start one thread cannot start")
}

async fn prepare_topics(config: &Config, settings: &Settings) -> Result<(), HostError> {
    let kafka = &config.kafka;
    let mut partitions = partition_count(settings, &kafka.topic)?;
    let mut missing = Vec::new();
    if partitions == 0 {
        if !kafka.create_topics {
            return Err(HostError::NoTopic(kafka.topic.clone()));
        }
        partitions = kafka.partitions;
        missing.push(TopicSpec { name: kafka.topic.clone(), partitions, compacted: false });
    }
    if kafka.create_topics {
        let topics = &config.topics;
        for name in [&topics.aggregations, &topics.anomalies, &topics.dead_letters] {
            if partition_count(settings, name)? == 0 {
                missing.push(TopicSpec { name: name.clone(), partitions, compacted: false });
            }
        }
    }
    if !missing.is_empty() {
        ensure_topics(settings, &missing).await?;
    }
    Ok(())
}

fn load_plugins(config: &Config) -> Result<Registry, HostError> {
    let cache_dir = Some(config.plugins.cache.clone().unwrap_or_else(default_cache));
    let runtime = Runtime::new(RuntimeConfig { cache_dir })?;
    let measures: Vec<_> = config.input.measures.iter().map(|(name, m)| (name.clone(), m.unit.clone())).collect();
    let registry = Registry::load(&config.plugins.dir, &runtime, &measures);
    for refused in &registry.refused {
        tracing::error!(file = %refused.file.display(), reason = refused.reason, "plugin refused");
    }
    for plugin in registry.enrichers.iter().chain(&registry.detectors) {
        tracing::info!(plugin = plugin.name, version = plugin.version, digest = &plugin.digest[..12], "plugin runs");
    }
    if registry.detectors.is_empty() {
        tracing::warn!(dir = %config.plugins.dir.display(), "no detector runs: readings are aggregated, none is judged");
    }
    Ok(registry)
}

/// Where the user's caches are, so that `plugins/` may be read-only.
fn default_cache() -> PathBuf {
    let home = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")));
    home.unwrap_or_else(std::env::temp_dir).join("wattdog/plugins")
}
