//! A lane for each partition that is ours: started and stopped as the group decides, begun anew when a life cannot go on.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::commit::Backoff;
use super::lane::Orders;
use super::log::LogError;
use crate::clock;
use crate::config::Config;
use crate::kafka::{Assignments, Group, KafkaLane, PartitionQueue, Settings};

/// How long a lane may take to commit when it has to go. Shorter than the group's patience with a rebalance.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// What it may take to end after that, without a commit. A client that lost its broker may stand in a call for longer; then it is
/// left behind, and whoever has the partition next fences it.
const ABANDON_TIMEOUT: Duration = Duration::from_secs(5);

/// What a page shows of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct LaneInfo {
    /// Its partition.
    pub partition: i32,
    /// It has come to where the last life was, and reads.
    pub running: bool,
}

/// What lanes do.
pub(super) trait Work: Send + Sync {
    /// What it is called.
    fn name(&self) -> &'static str;

    /// One life of a lane, to its end; calls `caught_up` when it is where the last one was.
    fn live(&self, log: KafkaLane, orders: &Arc<Orders>, caught_up: &mut dyn FnMut()) -> (Result<(), LogError>, KafkaLane);

    /// A partition is another's now.
    fn left(&self, partition: i32);
}

struct Running {
    orders: Arc<Orders>,
    thread: JoinHandle<()>,
    ready: bool,
}

/// Lanes of this host that do the same work.
pub struct Lanes {
    work: Box<dyn Work>,
    config: Config,
    settings: Settings,
    group: OnceLock<Group>,
    running: Mutex<HashMap<i32, Running>>,
    /// Why the host cannot go on.
    hopeless: OnceLock<String>,
    this: std::sync::Weak<Self>,
}

impl Lanes {
    /// `config`: with topic and group of what the lanes read.
    pub(super) fn new(work: Box<dyn Work>, config: Config, settings: Settings) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            work,
            config,
            settings,
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
        let mut log = KafkaLane::new(queue, group, self.settings.clone(), &self.config);
        let mut backoff = Backoff::new();
        while !orders.stopped() {
            let started = clock::monotonic();
            let caught_up = &mut || {
                self.set_ready(partition, true);
                tracing::info!(partition, work = self.work.name(), ms = started.elapsed().as_millis() as u64, "lane runs");
            };
            let (ended, left) = self.work.live(log, orders, caught_up);
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
        let spawned = std::thread::Builder::new().name(format!("{}-{partition}", self.work.name())).spawn(move || {
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
            wait_for(&lane.thread, started + STOP_TIMEOUT);
            lane.orders.abandon.store(true, Ordering::Relaxed);
            wait_for(&lane.thread, started + STOP_TIMEOUT + ABANDON_TIMEOUT);
            self.work.left(partition);
            if !lane.thread.is_finished() {
                tracing::warn!(
                    partition,
                    "the lane does not end; it is left behind, and can publish nothing once another has begun"
                );
            } else if lane.thread.join().is_err() {
                self.give_up(format!("lane {partition} ended in a panic; please report it"));
            } else {
                tracing::info!(partition, work = self.work.name(), lost, "lane stopped");
            }
        }
    }
}

fn wait_for(thread: &JoinHandle<()>, deadline: Instant) {
    while !thread.is_finished() && clock::monotonic() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
}
