//! A lane for each partition that is ours: started and stopped as the group decides, begun anew when a life cannot go on.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::commit::Backoff;
use super::lane::{Lane, Orders, Shared};
use super::log::{LaneLog, LogError};
use crate::clock;
use crate::kafka::{Assignments, Group, KafkaLane, PartitionQueue};

/// How long a lane may take to commit when it has to go. Shorter than the group's patience with a rebalance.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// What a page shows of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct LaneInfo {
    /// Its partition.
    pub partition: i32,
    /// It has come to where the last life was, and reads.
    pub running: bool,
}

struct Running {
    orders: Arc<Orders>,
    thread: JoinHandle<()>,
    ready: bool,
}

/// The lanes of this host.
pub struct Lanes {
    shared: Arc<Shared>,
    group: OnceLock<Group>,
    running: Mutex<HashMap<i32, Running>>,
    /// Why the host cannot go on.
    hopeless: OnceLock<String>,
    this: std::sync::Weak<Self>,
}

impl Lanes {
    pub(super) fn new(shared: Arc<Shared>) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            shared,
            group: OnceLock::new(),
            running: Mutex::default(),
            hopeless: OnceLock::new(),
            this: this.clone(),
        })
    }

    /// The group that assigns partitions; given before it is served.
    pub(super) fn set_group(&self, group: Group) {
        self.group.set(group).unwrap_or_else(|_| unreachable!("set once, by the wiring"));
    }

    /// What runs, by partition.
    #[must_use]
    pub fn info(&self) -> Vec<LaneInfo> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lanes: Vec<_> = running.iter().map(|(&partition, lane)| LaneInfo { partition, running: lane.ready }).collect();
        lanes.sort_by_key(|lane| lane.partition);
        lanes
    }

    /// Why the host cannot go on; none while it can.
    #[must_use]
    pub fn hopeless(&self) -> Option<&str> {
        self.hopeless.get().map(String::as_str)
    }

    pub(super) fn give_up(&self, reason: String) {
        // The first reason is the one to tell.
        let _ = self.hopeless.set(reason);
    }

    pub(super) fn stop_all(&self) {
        let partitions: Vec<i32> = self.info().iter().map(|lane| lane.partition).collect();
        self.revoked(&partitions, false);
    }

    /// One life after the other, on the lane's own thread.
    fn live(&self, queue: PartitionQueue, orders: &Arc<Orders>) {
        let partition = queue.partition();
        let Some(group) = self.group.get().cloned() else { return };
        let mut log = KafkaLane::new(queue, group, self.shared.settings.clone(), &self.shared.config);
        let mut backoff = Backoff::new();
        while !orders.stopped() {
            let (ended, left) = self.live_once(log, orders);
            log = left;
            match ended {
                Ok(()) => break,
                Err(LogError::Fatal(reason)) => {
                    self.give_up(format!("lane {partition} cannot go on: {reason}"));
                    break;
                }
                Err(error) if orders.stopped() => tracing::warn!(partition, %error, "the lane ends without its last commit"),
                Err(error) => {
                    self.set_ready(partition, false);
                    tracing::warn!(partition, %error, "the lane begins anew from what is committed");
                    backoff.pause(&mut log);
                }
            }
        }
        self.shared.lineups.leave(partition);
    }

    fn live_once(&self, log: KafkaLane, orders: &Arc<Orders>) -> (Result<(), LogError>, KafkaLane) {
        let partition = log.partition();
        let started = clock::monotonic();
        let mut lane = match Lane::begin(Arc::clone(&self.shared), log, Arc::clone(orders)) {
            Ok(lane) => lane,
            Err((error, log)) => return (Err(error), log),
        };
        let caught_up = || {
            self.set_ready(partition, true);
            tracing::info!(partition, ms = started.elapsed().as_millis() as u64, "lane runs");
        };
        if !lane.is_replaying() {
            caught_up();
        }
        let ended = lane.run(caught_up);
        (ended, lane.into_log())
    }

    fn set_ready(&self, partition: i32, ready: bool) {
        if let Some(lane) = self.running.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&partition) {
            lane.ready = ready;
        }
    }
}

impl Assignments for Lanes {
    fn assigned(&self, queue: PartitionQueue) {
        let partition = queue.partition();
        let orders = Arc::new(Orders::default());
        let (lanes, lane_orders) = (self.this.upgrade(), Arc::clone(&orders));
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let spawned = std::thread::Builder::new().name(format!("lane-{partition}")).spawn(move || {
            if let Some(lanes) = lanes {
                lanes.live(queue, &lane_orders);
            }
        });
        match spawned {
            Ok(thread) => {
                running.insert(partition, Running { orders, thread, ready: false });
            }
            Err(error) => self.give_up(format!("no thread for lane {partition}: {error}; raise the limit of processes")),
        }
    }

    fn choose_offsets(&self) -> bool {
        true
    }

    fn revoked(&self, partitions: &[i32], lost: bool) {
        let lanes: Vec<_> = {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            partitions.iter().filter_map(|partition| Some((*partition, running.remove(partition)?))).collect()
        };
        for (_, lane) in &lanes {
            lane.orders.stop.store(true, Ordering::Relaxed);
            lane.orders.abandon.store(lost, Ordering::Relaxed);
        }
        let started = clock::monotonic();
        for (partition, lane) in lanes {
            while !lane.thread.is_finished() && started.elapsed() < STOP_TIMEOUT {
                std::thread::sleep(Duration::from_millis(1));
            }
            lane.orders.abandon.store(true, Ordering::Relaxed);
            if lane.thread.join().is_err() {
                self.give_up(format!("lane {partition} ended in a panic; please report it"));
            }
            tracing::info!(partition, lost, "lane stopped");
        }
    }
}
