//! From a configuration to a running host.

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
use crate::registry::{Keeper, KeeperConfig, compiler};

/// Why a host does not start.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// A topic is missing.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// The input topic is missing and may not be created.
    #[error("topic `{0}` does not exist; create it, or set `kafka.create_topics = true`")]
    NoTopic(String),
    /// A trusted key is none.
    #[error("{0}")]
    Trust(String),
    /// A thread cannot be started.
    #[error("cannot start a thread: {0}; raise the limit of processes")]
    Thread(std::io::Error),
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
    pub keeper: Arc<Keeper>,
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
        let keeper = Arc::new(keep_plugins(&config)?);
        let shared = Shared {
            config: config.clone(),
            settings: settings.clone(),
            lineups: Arc::clone(keeper.lineups()),
            metrics: metrics.clone(),
            homes: Arc::default(),
            #[cfg(test)]
            planted: None,
        };
        let lanes = Lanes::new(Arc::new(shared));
        let group = Group::join(&settings, &config, Arc::clone(&lanes) as _)
            .map_err(|source| HostError::Group { group: config.kafka.group.clone(), source })?;
        lanes.set_group(group.clone());
        let stop = Arc::new(AtomicBool::new(false));
        let server = serve(group, Arc::clone(&lanes), Arc::clone(&stop));
        Ok(Self { status: Status { lanes, keeper, metrics }, stop, server: Some(server) })
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
                if let Some(reason) = group.hopeless() {
                    lanes.give_up(format!("this host cannot stay in its group: {reason}"));
                }
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
        for name in [&topics.aggregations, &topics.anomalies, &topics.shadow_anomalies, &topics.dead_letters, &topics.state] {
            if partition_count(settings, name)? == 0 {
                missing.push(TopicSpec { name: name.clone(), partitions, compacted: *name == topics.state });
            }
        }
    }
    if !missing.is_empty() {
        ensure_topics(settings, &missing).await?;
    }
    Ok(())
}

fn keep_plugins(config: &Config) -> Result<Keeper, HostError> {
    let plugins = &config.plugins;
    let runtime =
        Runtime::new(RuntimeConfig { cache_dir: Some(plugins.cache_dir()), compiler: compiler(), ..RuntimeConfig::default() })?;
    let keeper = KeeperConfig {
        dir: plugins.dir.clone(),
        poll: plugins.poll.duration(),
        audit: plugins.audit_file(),
        trust: plugins.trust().map_err(HostError::Trust)?,
        measures: config.input.measures.iter().map(|(name, m)| (name.clone(), m.unit.clone())).collect(),
    };
    Keeper::start(keeper, runtime).map_err(HostError::Thread)
}
