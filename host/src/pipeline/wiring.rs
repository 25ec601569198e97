//! From a configuration to a running host.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use wattdog_plugin_runtime::{Runtime, RuntimeConfig};

use super::homes::Homes;
use super::lane::Shared;
use super::lanes::Work;
use super::repartition::{self, Undecided};
use super::work::{Rekeying, Scoring};
use super::{LaneInfo, Lanes, Progress};
use crate::config::{Config, Topics};
use crate::kafka::{Group, KafkaError, Partitions, Settings, TopicError, TopicSpec, TopicWatch, ensure_topics, topic_property};
use crate::metrics::{Metrics, PluginLabel};
use crate::registry::{Keeper, KeeperConfig, PluginInfo, State, compiler};

/// Why a host does not start.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// A topic is missing.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// The input topic is missing and may not be created.
    #[error("topic `{0}` does not exist; create it, or set `kafka.create_topics = true`")]
    NoTopic(String),
    /// Nobody can say whether the input is keyed by building.
    #[error(transparent)]
    Repartition(#[from] Undecided),
    /// Where the input was read so far cannot be found out.
    #[error(
        "cannot see how far group `{group}` has read, to go on there through a topic that is keyed by building: {source}; try again"
    )]
    TakeOver {
        /// Which group.
        group: String,
        /// What the client says.
        source: KafkaError,
    },
    /// A trusted key is none.
    #[error("{0}")]
    Trust(String),
    /// Nothing says where the record of plugins is.
    #[error("{0}")]
    Audit(String),
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
    /// Those that bring readings to the partitions of their buildings, where it is needed.
    pub rekeyers: Option<Arc<Lanes>>,
    /// The plugins.
    pub keeper: Arc<Keeper>,
    /// How far each building is.
    pub progress: Arc<Progress>,
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
        let rekeyers = self.rekeyers.as_ref().map(|rekeyers| rekeyers.info()).unwrap_or_default();
        let of_one = |lanes: Vec<LaneInfo>, what| {
            lanes.into_iter().filter(|lane| !lane.running).map(move |lane| format!("{what}{}", lane.partition))
        };
        let waiting: Vec<_> = of_one(lanes, "").chain(of_one(rekeyers, "repartition of ")).collect();
        (!waiting.is_empty()).then(|| format!("lanes that do not run yet: {}", waiting.join(", ")))
    }

    /// Sets the metrics that are of now.
    pub fn tell(&self) {
        self.metrics.ready.set(i64::from(self.not_ready().is_none()));
        // A file may have two: what runs, and what warms up.
        let mut quarantined = BTreeMap::<String, bool>::new();
        for PluginInfo { file, state, .. } in self.keeper.plugins() {
            *quarantined.entry(file).or_default() |= state == State::Quarantined;
        }
        self.metrics.plugin_quarantined.clear();
        for (plugin, is) in quarantined {
            self.metrics.plugin_quarantined.get_or_create(&PluginLabel { plugin }).set(i64::from(is));
        }
    }

    /// Why the host cannot go on; none while it can.
    #[must_use]
    pub fn hopeless(&self) -> Option<&str> {
        self.lanes.hopeless().or_else(|| self.rekeyers.as_ref()?.hopeless())
    }
}

/// A running pipeline, without its sinks.
pub struct Host {
    /// What it shows.
    pub status: Status,
    /// Looks whether topics are made anew.
    pub watch: Arc<TopicWatch>,
    stop: Arc<AtomicBool>,
    servers: Vec<JoinHandle<()>>,
}

impl Host {
    /// Makes topics, loads plugins, joins the group; lanes start as partitions come.
    ///
    /// # Errors
    /// When the broker cannot be reached, a topic cannot be made, or a setting is wrong.
    pub async fn start(mut config: Config, metrics: Metrics) -> Result<Self, HostError> {
        let settings = Settings::of(&config.kafka);
        let there = Partitions::now(&settings)?;
        let mut partitions = prepare_input(&config, &settings, &there).await?;
        let stop = Arc::new(AtomicBool::new(false));
        let watch = watch_topics(&config, &settings, &metrics);
        let mut compacted = is_compacted(&settings, &config.kafka.topic).await;
        let (mut rekeyers, mut servers) = (None, Vec::new());
        if let Some(keyed) = repartition::prepare(&config, &settings, &there, partitions).await? {
            let (lanes, server) = join(
                Box::new(Rekeying { config: keyed.rekeyers.clone(), metrics: metrics.clone(), compacted }),
                keyed.rekeyers,
                partitions,
                &settings.keyed_as(&config.topics.repartition),
                &stop,
                &watch,
            )?;
            rekeyers = Some(lanes);
            compacted = false;
            servers.push(server);
            (config, partitions) = (keyed.lanes, keyed.partitions);
        }
        prepare_results(&config, &settings, &there, partitions).await?;
        let progress = Arc::new(Progress::default());
        let keeper = Arc::new(keep_plugins(&config)?);
        let shared = Shared {
            config: config.clone(),
            settings: settings.clone(),
            compacted,
            lineups: Arc::clone(keeper.lineups()),
            metrics: metrics.clone(),
            progress: Arc::clone(&progress),
            homes: Arc::new(Homes::new(metrics.split_buildings.clone())),
            #[cfg(test)]
            planted: None,
        };
        let settings = settings.keyed_as(&config.topics.aggregations);
        let (lanes, server) = join(Box::new(Scoring(Arc::new(shared))), config, partitions, &settings, &stop, &watch)?;
        servers.push(server);
        Ok(Self { status: Status { lanes, rekeyers, keeper, progress, metrics }, watch, stop, servers })
    }

    /// Finishes what was read, commits, leaves the groups.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        for server in self.servers {
            if server.join().is_err() {
                tracing::error!("a group's thread ended in a panic");
            }
        }
        // Requests of the page may have the keeper for longer than its folder is there.
        self.status.keeper.stop();
    }
}

/// Lanes of the group and the topic that the configuration names, and the thread that serves them.
fn join(
    work: Box<dyn Work>,
    config: Config,
    partitions: i32,
    settings: &Settings,
    stop: &Arc<AtomicBool>,
    watch: &Arc<TopicWatch>,
) -> Result<(Arc<Lanes>, JoinHandle<()>), HostError> {
    let lanes = Lanes::new(work, config.clone(), settings.clone());
    let group = Group::join(settings, &config, partitions, Arc::clone(&lanes) as _, Arc::clone(watch))
        .map_err(|source| HostError::Group { group: config.kafka.group.clone(), source })?;
    lanes.set_group(group.clone());
    let server = serve(group, Arc::clone(&lanes), Arc::clone(stop));
    Ok((lanes, server))
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

/// Whether the input keeps only the last record of each key; said once, since readings are missing then.
async fn is_compacted(settings: &Settings, topic: &str) -> bool {
    let policy = topic_property(settings, topic, "cleanup.policy").await.ok().flatten().unwrap_or_default();
    let is_compacted = policy.split(',').any(|word| word.trim() == "compact");
    if is_compacted {
        tracing::warn!(
            topic,
            "the input is compacted: of readings with the same key the broker keeps only the last, and what it removes before it is read \
             is in no result. Set `cleanup.policy=delete` on the topic. Records without a value are counted in \
             `wattdog_tombstones_total`, and are no dead letters"
        );
    }
    is_compacted
}

/// Looks at the topics of the configuration, for as long as somebody has what is returned.
fn watch_topics(config: &Config, settings: &Settings, metrics: &Metrics) -> Arc<TopicWatch> {
    let Topics { aggregations, anomalies, shadow_anomalies, dead_letters, state, repartition, .. } = &config.topics;
    let state_of_repartition = format!("{state}{}", repartition::STATE_SUFFIX);
    let topics =
        [&config.kafka.topic, aggregations, anomalies, shadow_anomalies, dead_letters, state, repartition, &state_of_repartition];
    TopicWatch::start(settings, topics.map(Clone::clone).to_vec(), metrics.topics_made_anew.clone())
}

/// Makes the input's topic where it is missing; returns its partitions.
async fn prepare_input(config: &Config, settings: &Settings, there: &Partitions) -> Result<i32, HostError> {
    let kafka = &config.kafka;
    if there.of(&kafka.topic) > 0 {
        return Ok(there.of(&kafka.topic));
    }
    if !kafka.create_topics {
        return Err(HostError::NoTopic(kafka.topic.clone()));
    }
    let input = TopicSpec { name: kafka.topic.clone(), partitions: kafka.partitions, compacted: false, retention_ms: None };
    ensure_topics(settings, &[input]).await?;
    Ok(kafka.partitions)
}

/// Makes the result topics that are missing, with so many partitions.
async fn prepare_results(config: &Config, settings: &Settings, there: &Partitions, partitions: i32) -> Result<(), HostError> {
    let mut missing = Vec::new();
    if config.kafka.create_topics {
        let topics = &config.topics;
        for name in [&topics.aggregations, &topics.anomalies, &topics.shadow_anomalies, &topics.dead_letters, &topics.state] {
            if there.of(name) == 0 {
                missing.push(TopicSpec { name: name.clone(), partitions, compacted: *name == topics.state, retention_ms: None });
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
    let cache_dir = plugins.cache_dir();
    if cache_dir.is_none() {
        tracing::warn!("no folder is known to be this user's, so each start compiles plugins again; set `plugins.cache`");
    }
    let runtime = Runtime::new(RuntimeConfig { cache_dir, compiler: compiler(), ..RuntimeConfig::default() })?;
    let keeper = KeeperConfig {
        dir: plugins.dir.clone(),
        poll: plugins.poll.duration(),
        audit: plugins.audit_file().map_err(HostError::Audit)?,
        trust: plugins.trust().map_err(HostError::Trust)?,
        measures: config.input.measures.iter().map(|(name, m)| (name.clone(), m.unit.clone())).collect(),
    };
    Keeper::start(keeper, runtime).map_err(HostError::Thread)
}
