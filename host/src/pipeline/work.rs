//! What lanes can do: score readings, or bring them to the partitions of their buildings first.

use std::sync::Arc;

use super::lane::{Lane, Orders, Shared};
use super::lanes::Work;
use super::log::{LaneLog as _, LogError};
use super::rekeyer::Rekeyer;
use crate::config::Config;
use crate::kafka::KafkaLane;
use crate::metrics::{Metrics, PartitionLabel};

/// From readings to rows.
pub(super) struct Scoring(pub(super) Arc<Shared>);

impl Work for Scoring {
    fn name(&self) -> &'static str {
        "lane"
    }

    fn live(&self, log: KafkaLane, orders: &Arc<Orders>, caught_up: &mut dyn FnMut()) -> (Result<(), LogError>, KafkaLane) {
        let label = PartitionLabel { partition: log.partition().to_string() };
        self.0.metrics.lane_lives.get_or_create(&label).inc();
        let mut lane = match Lane::begin(Arc::clone(&self.0), log, Arc::clone(orders)) {
            Ok(lane) => lane,
            Err((error, log)) => return (Err(error), log),
        };
        if !lane.is_replaying() {
            caught_up();
        }
        let ended = lane.run(caught_up);
        (ended, lane.into_log())
    }

    fn left(&self, partition: i32) {
        self.0.lineups.leave(partition);
    }
}

/// From the input to the topic that is keyed by building.
pub(super) struct Rekeying {
    pub(super) config: Config,
    pub(super) metrics: Metrics,
    /// A record of the input without a value takes its key away, and is no reading.
    pub(super) compacted: bool,
}

impl Work for Rekeying {
    fn name(&self) -> &'static str {
        "repartition"
    }

    fn live(&self, log: KafkaLane, orders: &Arc<Orders>, caught_up: &mut dyn FnMut()) -> (Result<(), LogError>, KafkaLane) {
        let mut rekeyer = match Rekeyer::begin(self, log, Arc::clone(orders)) {
            Ok(rekeyer) => rekeyer,
            Err((error, log)) => return (Err(error), log),
        };
        caught_up();
        let ended = rekeyer.run();
        (ended, rekeyer.into_log())
    }

    fn left(&self, _: i32) {}
}
