//! Counters and gauges, under the names that dashboards use.

mod process;
mod share;
mod zero;

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
pub use prometheus_client::metrics::counter::Counter;
pub use prometheus_client::metrics::family::Family;
pub use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

pub use share::Share;

macro_rules! label_set {
    ($name:ident { $($field:ident),* }) => {
        #[doc = concat!("Labels of a family: ", $(stringify!($field), " "),*)]
        #[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
        pub struct $name { $(#[doc = "See the name."] pub $field: String),* }
    };
}

label_set!(ReasonLabel { reason });
label_set!(PartitionLabel { partition });
label_set!(PluginLabel { plugin });
label_set!(FindingLabel { plugin, severity });
label_set!(TrapLabel { plugin, kind });
label_set!(SinkLabel { sink });
label_set!(StageLabel { stage });
label_set!(TopicLabel { topic });
label_set!(LostLabel { reader, topic, partition });

impl LostLabel {
    /// Of who reads a partition.
    #[must_use]
    pub fn of(reader: &str, topic: &str, partition: i32) -> Self {
        Self { reader: reader.to_owned(), topic: topic.to_owned(), partition: partition.to_string() }
    }
}

/// A gauge of a float.
pub type FloatGauge = Gauge<f64, AtomicU64>;
/// A counter of a float.
pub type FloatCounter = Counter<f64, AtomicU64>;

/// All metrics of the process. Cloning shares them.
#[derive(Clone)]
pub struct Metrics {
    /// Accepted readings.
    pub readings: Counter,
    /// Messages that are no readings, by reason.
    pub rejects: Family<ReasonLabel, Counter>,
    /// Readings beyond the allowed lateness.
    pub late: Counter,
    /// Windows that became final.
    pub windows_closed: Counter,
    /// Findings of detectors.
    pub findings: Family<FindingLabel, Counter>,
    /// Dead letters, by reason.
    pub dead_letters: Family<ReasonLabel, Counter>,
    /// Records behind the end of each partition.
    pub consumer_lag: Family<PartitionLabel, Gauge>,
    /// Offsets that were deleted from a topic before the reader had read them.
    pub lost_records: Family<LostLabel, Counter>,
    /// Times that a topic was seen to be deleted and made anew.
    pub topics_made_anew: Family<TopicLabel, Counter>,
    /// Records without a value in a compacted input, which are no readings.
    pub tombstones: Family<PartitionLabel, Counter>,
    /// Records behind the end of each partition that are not in the topic that is keyed by building.
    pub repartition_lag: Family<PartitionLabel, Gauge>,
    /// Messages of each partition that are fetched and not read yet.
    pub input_queued: Family<PartitionLabel, Gauge>,
    /// Records that each lane's producer has not sent yet.
    pub results_queued: Family<PartitionLabel, Gauge>,
    /// Results of each lane that no commit has confirmed yet.
    pub outbox_bytes: Family<PartitionLabel, Gauge>,
    /// Latest event time of each partition, seconds since the epoch.
    pub watermark: Family<PartitionLabel, FloatGauge>,
    /// Processor time of each stage of the lanes.
    pub stage_cpu: Family<StageLabel, FloatCounter>,
    /// Processor time of calls into each plugin.
    pub plugin_cpu: Family<PluginLabel, FloatCounter>,
    /// Time of calls into each plugin.
    pub plugin_call: Family<PluginLabel, Histogram, fn() -> Histogram>,
    /// Faults of each plugin.
    pub plugin_traps: Family<TrapLabel, Counter>,
    /// Linear memory of each plugin.
    pub plugin_memory: Family<PluginLabel, Gauge>,
    /// Meters whose names another building has had before.
    pub moved_meters: Counter,
    /// Buildings whose readings come in several partitions.
    pub split_buildings: Gauge,
    /// 1 for a plugin that has failed too often and is not asked, else 0.
    pub plugin_quarantined: Family<PluginLabel, Gauge>,
    /// Swaps of each plugin.
    pub plugin_swaps: Family<PluginLabel, Counter>,
    /// How long a lane stood still for a swap.
    pub plugin_swap_pause: Family<PluginLabel, Histogram, fn() -> Histogram>,
    /// Records that each sink has not stored yet.
    pub sink_lag: Family<SinkLabel, Gauge>,
    /// Records that each sink has fetched and not read yet.
    pub sink_queued: Family<SinkLabel, Gauge>,
    /// Rows that each sink has stored.
    pub sink_rows: Family<SinkLabel, Counter>,
    /// For how long each sink's store has been away; 0 while it answers.
    pub sink_away: Family<SinkLabel, FloatGauge>,
    /// Rows that each sink has deleted since they were older than it keeps.
    pub sink_deleted: Family<SinkLabel, Counter>,
    /// Time of transactions.
    pub commit: Histogram,
    /// Transactions that failed, and were begun again.
    pub commit_failures: Counter,
    /// Lives of each lane: one begins when a partition comes, and after a failure.
    pub lane_lives: Family<PartitionLabel, Counter>,
    /// Bytes of the state that each lane wrote last, added up.
    pub state_bytes: Gauge,
    /// 1 while all lanes run, else 0.
    pub ready: Gauge,
}

fn seconds() -> Histogram {
    // 10 µs to 10 s.
    Histogram::new(exponential_buckets(1e-5, 10f64.powf(0.5), 13))
}

impl Metrics {
    /// New metrics, and the registry that prints them.
    #[must_use]
    pub fn new() -> (Self, Registry) {
        let metrics = Self {
            readings: Counter::default(),
            rejects: Family::default(),
            late: Counter::default(),
            windows_closed: Counter::default(),
            findings: Family::default(),
            dead_letters: Family::default(),
            consumer_lag: Family::default(),
            lost_records: Family::default(),
            topics_made_anew: Family::default(),
            tombstones: Family::default(),
            repartition_lag: Family::default(),
            input_queued: Family::default(),
            results_queued: Family::default(),
            outbox_bytes: Family::default(),
            watermark: Family::default(),
            stage_cpu: Family::default(),
            plugin_cpu: Family::default(),
            plugin_call: Family::new_with_constructor(seconds),
            plugin_traps: Family::default(),
            plugin_memory: Family::default(),
            moved_meters: Counter::default(),
            split_buildings: Gauge::default(),
            plugin_quarantined: Family::default(),
            plugin_swaps: Family::default(),
            plugin_swap_pause: Family::new_with_constructor(seconds),
            sink_lag: Family::default(),
            sink_queued: Family::default(),
            sink_rows: Family::default(),
            sink_away: Family::default(),
            sink_deleted: Family::default(),
            commit: seconds(),
            commit_failures: Counter::default(),
            lane_lives: Family::default(),
            state_bytes: Gauge::default(),
            ready: Gauge::default(),
        };
        let mut all = Registry::default();
        all.register_collector(Box::new(process::Process::new()));
        let registry = all.sub_registry_with_prefix("wattdog");
        let m = &metrics;
        // The format adds `_total` to counters.
        registry.register("readings", "Accepted readings", m.readings.clone());
        registry.register("rejects", "Messages that are no readings", m.rejects.clone());
        registry.register("late", "Readings beyond the allowed lateness", m.late.clone());
        registry.register("windows_closed", "Windows that became final", m.windows_closed.clone());
        registry.register("findings", "Findings of detectors", m.findings.clone());
        registry.register("dead_letters", "Dead letters", m.dead_letters.clone());
        registry.register("consumer_lag", "Records behind the end of the partition", m.consumer_lag.clone());
        registry.register("lost_records", "Offsets deleted before they were read", m.lost_records.clone());
        registry.register("topics_made_anew", "Times that a topic was deleted and made anew", m.topics_made_anew.clone());
        registry.register("tombstones", "Records without a value in a compacted input", m.tombstones.clone());
        registry.register("repartition_lag", "Records not brought over to the keyed topic yet", m.repartition_lag.clone());
        registry.register("input_queued_records", "Messages fetched and not read yet", m.input_queued.clone());
        registry.register("results_queued_records", "Records not sent yet", m.results_queued.clone());
        registry.register("outbox_bytes", "Results that no commit has confirmed yet", m.outbox_bytes.clone());
        registry.register("watermark_seconds", "Latest event time, since the epoch", m.watermark.clone());
        registry.register("stage_cpu_seconds", "Processor time of a stage of the lanes", m.stage_cpu.clone());
        registry.register("plugin_cpu_seconds", "Processor time of calls into a plugin", m.plugin_cpu.clone());
        registry.register("plugin_call_seconds", "Time of calls into a plugin", m.plugin_call.clone());
        registry.register("plugin_traps", "Faults of a plugin", m.plugin_traps.clone());
        registry.register("plugin_memory_bytes", "Linear memory of a plugin, in all lanes", m.plugin_memory.clone());
        registry.register("moved_meters", "Meters whose names another building has had before", m.moved_meters.clone());
        registry.register("split_buildings", "Buildings whose readings come in several partitions", m.split_buildings.clone());
        registry.register("plugin_quarantined", "1 for a plugin that is not asked", m.plugin_quarantined.clone());
        registry.register("plugin_swaps", "Swaps of a plugin", m.plugin_swaps.clone());
        registry.register("plugin_swap_pause_seconds", "Time that a lane stood still for a swap", m.plugin_swap_pause.clone());
        registry.register("sink_lag", "Records not stored yet", m.sink_lag.clone());
        registry.register("sink_queued_records", "Records fetched and not read yet", m.sink_queued.clone());
        registry.register("sink_rows", "Rows stored", m.sink_rows.clone());
        registry.register("sink_away_seconds", "Time since the store stopped answering, 0 while it does", m.sink_away.clone());
        registry.register("sink_deleted_rows", "Rows deleted since they were older than is kept", m.sink_deleted.clone());
        registry.register("commit_seconds", "Time of transactions", m.commit.clone());
        registry.register("commit_failures", "Transactions that were begun again", m.commit_failures.clone());
        registry.register("lane_lives", "Times that a lane began", m.lane_lives.clone());
        registry.register("state_bytes", "Serialised state, as each lane wrote it last", m.state_bytes.clone());
        registry.register("ready", "1 while all lanes run", m.ready.clone());
        metrics.begin_reasons();
        (metrics, all)
    }

    /// A lane has swapped a plugin.
    pub fn plugin_swapped(&self, plugin: &str, pause: std::time::Duration) {
        let label = PluginLabel { plugin: plugin.to_owned() };
        self.plugin_swaps.get_or_create(&label).inc();
        self.plugin_swap_pause.get_or_create(&label).observe(pause.as_secs_f64());
    }
}
