//! A lane for each partition that is ours: started and stopped as the group decides.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::LaneState;
use super::lane::{Lane, Orders, Parked, Shared};
use super::stages::Stages;
use crate::clock;
use crate::kafka::{Assignments, Group, LaneProducer, PartitionQueue};
use crate::results::TopicNames;

/// How long a lane may take to commit when it has to go. Shorter than the group's patience with a rebalance.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_millis(500);
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// What a page shows of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct LaneInfo {
    /// Its partition.
    pub partition: i32,
    /// It has its producer and reads.
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
    parked: Mutex<HashMap<i32, Parked>>,
    this: std::sync::Weak<Self>,
}

impl Lanes {
    pub(super) fn new(shared: Arc<Shared>) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            shared,
            group: OnceLock::new(),
            running: Mutex::default(),
            parked: Mutex::default(),
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

    pub(super) fn stop_all(&self) {
        let partitions: Vec<i32> = self.info().iter().map(|lane| lane.partition).collect();
        self.revoked(&partitions);
    }

    /// The life of a lane, on its own thread.
    fn live(&self, queue: PartitionQueue, orders: Arc<Orders>) {
        let partition = queue.partition();
        let Some(group) = self.group.get().cloned() else { return };
        let Some(producer) = self.open_producer(partition, &orders) else { return };
        let Some(committed) = wait_for_committed(&group, partition, &orders) else { return };
        let parked = self.resume(partition, committed);
        if let Some(lane) = self.running.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&partition) {
            lane.ready = true;
        }
        tracing::info!(partition, offset = committed, "lane runs");
        let parked = Lane::new(Arc::clone(&self.shared), queue, producer, group, orders, parked).run();
        self.shared.lineups.leave(partition);
        self.parked.lock().unwrap_or_else(PoisonError::into_inner).insert(partition, parked);
    }

    fn open_producer(&self, partition: i32, orders: &Orders) -> Option<LaneProducer> {
        let kafka = &self.shared.config.kafka;
        // The same for a partition wherever it runs: a successor fences its predecessor.
        let id = format!("{}.{}.{partition}", kafka.group, kafka.topic);
        while !orders.stop.load(Ordering::Relaxed) {
            match LaneProducer::open(&self.shared.settings, &id, TopicNames::new(&self.shared.config.topics), partition) {
                Ok(producer) => return Some(producer),
                Err(error) => tracing::warn!(%error, partition, "lane waits for the broker"),
            }
            std::thread::sleep(RETRY);
        }
        None
    }

    /// What this host still knows of the lane, if the log is as the lane left it; else a lane that has seen nothing.
    fn resume(&self, partition: i32, committed: Option<i64>) -> Parked {
        match self.parked.lock().unwrap_or_else(PoisonError::into_inner).remove(&partition) {
            Some(mut parked) if parked.state.next_offset == committed => {
                parked.stages.results.outbox.clear();
                Parked { committed, ..parked }
            }
            Some(parked) if parked.committed == committed => parked,
            _ => {
                let stages = Stages::new(Arc::clone(&self.shared), partition);
                Parked { state: LaneState::new(&self.shared.config), stages, committed }
            }
        }
    }
}

fn wait_for_committed(group: &Group, partition: i32, orders: &Orders) -> Option<Option<i64>> {
    while !orders.stop.load(Ordering::Relaxed) {
        match group.committed(partition, CALL_TIMEOUT) {
            Ok(committed) => return Some(committed),
            Err(error) => tracing::warn!(%error, partition, "lane waits for its committed offset"),
        }
        std::thread::sleep(RETRY);
    }
    None
}

impl Assignments for Lanes {
    fn assigned(&self, queue: PartitionQueue) {
        let partition = queue.partition();
        let orders = Arc::new(Orders::default());
        let (lanes, lane_orders) = (self.this.upgrade(), Arc::clone(&orders));
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let spawned = std::thread::Builder::new().name(format!("lane-{partition}")).spawn(move || {
            if let Some(lanes) = lanes {
                lanes.live(queue, lane_orders);
            }
        });
        match spawned {
            Ok(thread) => {
                running.insert(partition, Running { orders, thread, ready: false });
            }
            Err(error) => tracing::error!(partition, %error, "no thread for a lane"),
        }
    }

    fn revoked(&self, partitions: &[i32]) {
        let lanes: Vec<_> = {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            partitions.iter().filter_map(|partition| Some((*partition, running.remove(partition)?))).collect()
        };
        for (_, lane) in &lanes {
            lane.orders.stop.store(true, Ordering::Relaxed);
        }
        let started = clock::monotonic();
        for (partition, lane) in lanes {
            while !lane.thread.is_finished() && started.elapsed() < STOP_TIMEOUT {
                std::thread::sleep(Duration::from_millis(1));
            }
            lane.orders.abandon.store(true, Ordering::Relaxed);
            if lane.thread.join().is_err() {
                tracing::error!(partition, "a lane ended in a panic");
            }
            tracing::info!(partition, "lane stopped");
        }
    }
}
