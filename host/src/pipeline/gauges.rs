//! What a lane says of itself, once a second: how far it is, and how full its queues are.

use super::log::LaneLog;
use crate::metrics::{Metrics, PartitionLabel};
use crate::state::LaneState;

/// The gauges of one lane; they go with it, since another host may have the partition then.
pub(super) struct Gauges {
    metrics: Metrics,
    label: PartitionLabel,
}

impl Gauges {
    pub(super) fn of(metrics: &Metrics, partition: i32) -> Self {
        Self { metrics: metrics.clone(), label: PartitionLabel { partition: partition.to_string() } }
    }

    pub(super) fn tell(&self, log: &impl LaneLog, state: &LaneState, lag: i64, outbox_bytes: usize) {
        let Self { metrics, label } = self;
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
        let Self { metrics, label } = self;
        for family in [&metrics.consumer_lag, &metrics.input_queued, &metrics.results_queued, &metrics.outbox_bytes] {
            family.remove(label);
        }
        metrics.watermark.remove(label);
    }
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
