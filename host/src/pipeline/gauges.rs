//! What lanes say of themselves, once a second: how far they are, and how full their queues are.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::lane::Shared;
use super::log::LaneLog;
use super::progress::Progress;
use crate::metrics::{Metrics, PartitionLabel, PluginLabel, Share};
use crate::state::LaneState;

/// How often a lag is told.
const INTERVAL: Duration = Duration::from_secs(1);

/// The gauges of one lane; they go with it, since another host may have the partition then.
pub(super) struct Gauges {
    metrics: Metrics,
    progress: Arc<Progress>,
    partition: i32,
    label: PartitionLabel,
    /// The lane's part of each plugin's memory.
    memory: HashMap<PluginLabel, Share>,
    /// What it wrote of its state last.
    state_bytes: Share,
}

impl Gauges {
    pub(super) fn of(shared: &Shared, partition: i32) -> Self {
        let label = PartitionLabel { partition: partition.to_string() };
        let state_bytes = Share::of(&shared.metrics.state_bytes);
        let (metrics, progress) = (shared.metrics.clone(), Arc::clone(&shared.progress));
        Self { metrics, progress, partition, label, memory: HashMap::new(), state_bytes }
    }

    /// How much each plugin of the lane takes; of one that it lacks, nothing is left.
    pub(super) fn tell_memory(&mut self, plugins: impl Iterator<Item = (String, usize)>) {
        let mut before = std::mem::take(&mut self.memory);
        for (plugin, bytes) in plugins {
            let label = PluginLabel { plugin };
            let first = || Share::of(&self.metrics.plugin_memory.get_or_create(&label));
            let mut share = before.remove(&label).unwrap_or_else(first);
            share.set(gauge(bytes));
            self.memory.insert(label, share);
        }
    }

    pub(super) fn tell_state(&mut self, bytes: usize) {
        self.state_bytes.set(gauge(bytes));
    }

    pub(super) fn tell(&self, log: &impl LaneLog, state: &LaneState, lag: i64, outbox_bytes: usize) {
        let Self { metrics, progress, partition, label, .. } = self;
        progress.tell(*partition, state);
        let queued = log.queued();
        metrics.consumer_lag.get_or_create(label).set(lag);
        metrics.input_queued.get_or_create(label).set(gauge(queued.input));
        metrics.results_queued.get_or_create(label).set(gauge(queued.results));
        metrics.outbox_bytes.get_or_create(label).set(gauge(outbox_bytes));
        if let Some(watermark) = state.windows.watermark() {
            metrics.watermark.get_or_create(label).set(watermark.0 as f64 / 1e6);
        }
    }
}

impl Drop for Gauges {
    fn drop(&mut self) {
        let Self { metrics, progress, partition, label, .. } = self;
        progress.leave(*partition);
        for family in [&metrics.consumer_lag, &metrics.input_queued, &metrics.results_queued, &metrics.outbox_bytes] {
            family.remove(label);
        }
        metrics.watermark.remove(label);
    }
}

/// How far a partition of the input is brought over to the topic that is keyed by building.
pub(super) struct RepartitionLag {
    metrics: Metrics,
    label: PartitionLabel,
    told: Instant,
}

impl RepartitionLag {
    pub(super) fn of(metrics: &Metrics, log: &impl LaneLog) -> Self {
        let label = PartitionLabel { partition: log.partition().to_string() };
        Self { metrics: metrics.clone(), label, told: log.now() }
    }

    pub(super) fn tell(&mut self, log: &impl LaneLog, next_offset: i64) {
        let now = log.now();
        if now.duration_since(self.told) >= INTERVAL {
            self.told = now;
            self.metrics.repartition_lag.get_or_create(&self.label).set(log.lag_behind(next_offset));
        }
    }
}

impl Drop for RepartitionLag {
    fn drop(&mut self) {
        self.metrics.repartition_lag.remove(&self.label);
    }
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
