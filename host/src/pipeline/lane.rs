//! One partition, one thread: poll, process, commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::LaneState;
use super::following::Following;
use super::stage_cpu::{Stage, StageCpu};
use super::stages::Stages;
use crate::clock;
use crate::config::Config;
use crate::kafka::{Commit, Group, LaneProducer, Message, PartitionQueue, Settings};
use crate::metrics::{Metrics, PartitionLabel};
use crate::registry::Lineups;

/// How long an idle lane waits for a message: long enough to sleep, short enough to notice a stop.
const IDLE_WAIT: Duration = Duration::from_millis(20);
/// With results to commit, silence of this length is taken as the end of a burst.
const BURST_WAIT: Duration = Duration::from_millis(2);
/// An open window's row is published at most this often.
const LIVE_INTERVAL: Duration = Duration::from_secs(1);
/// A transaction's results are kept until it is committed; beyond this it is committed early. With those of the last poll they fit
/// into two mebibytes, to which a buffer that doubles comes before it takes four.
const MAX_OUTBOX_BYTES: usize = 1_700_000;
/// Further from the end of the partition than this, a lane is catching up and publishes no open windows.
const CAUGHT_UP_RECORDS: i64 = 10_000;

/// What a lane is asked to do.
#[derive(Debug, Default)]
pub(super) struct Orders {
    /// Finish what was read, commit, end.
    pub(super) stop: AtomicBool,
    /// Time is up: end even without a commit.
    pub(super) abandon: AtomicBool,
}

/// What all lanes share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) settings: Settings,
    pub(super) lineups: Arc<Lineups>,
    pub(super) metrics: Metrics,
}

/// A lane at rest. Given back its partition with the log as it left it, it goes on as if nothing had been.
pub(super) struct Parked {
    pub(super) state: LaneState,
    /// With what plugins keep, and the results of what was read after `committed`.
    pub(super) stages: Stages,
    /// The offset of the last commit; none before the first.
    pub(super) committed: Option<i64>,
}

pub(super) struct Lane {
    shared: Arc<Shared>,
    queue: PartitionQueue,
    producer: LaneProducer,
    group: Group,
    orders: Arc<Orders>,
    state: LaneState,
    stages: Stages,
    following: Following,
    committed: Option<i64>,
    last_live: Instant,
    /// When the oldest message without a commit was read.
    uncommitted_since: Option<Instant>,
}

impl Lane {
    pub(super) fn new(
        shared: Arc<Shared>,
        queue: PartitionQueue,
        producer: LaneProducer,
        group: Group,
        orders: Arc<Orders>,
        parked: Parked,
    ) -> Self {
        let Parked { state, mut stages, committed } = parked;
        // Another thread has a processor time of its own.
        stages.cpu = StageCpu::new(&shared.metrics);
        let now = clock::monotonic();
        let uncommitted_since = (!stages.results.outbox.is_empty()).then_some(now);
        Self {
            stages,
            following: Following::new(Arc::clone(&shared), queue.partition()),
            shared,
            queue,
            producer,
            group,
            orders,
            state,
            committed,
            last_live: now,
            uncommitted_since,
        }
    }

    /// Runs until it is told to stop, and comes to rest.
    pub(super) fn run(mut self) -> Parked {
        while !self.orders.stop.load(Ordering::Relaxed) {
            self.following.step(&mut self.stages, &mut self.state);
            let idle = !self.step();
            self.publish_open_windows(idle);
            if self.commit_is_due(idle) {
                self.commit();
            }
        }
        self.commit();
        self.following.end(&mut self.stages);
        Parked { state: self.state, stages: self.stages, committed: self.committed }
    }

    /// Takes what is there through the stages; false when there was nothing.
    fn step(&mut self) -> bool {
        let wait = if self.uncommitted_since.is_some() { BURST_WAIT } else { IDLE_WAIT };
        let polled = self.queue.poll(wait);
        if polled.is_empty() {
            return false;
        }
        let seen = self.state.next_offset.unwrap_or(i64::MIN);
        let messages: Vec<Message<'_>> = polled.iter().filter(|message| message.offset() >= seen).collect();
        self.stages.cpu.lap(Stage::Read);
        if let Some(last) = messages.last() {
            self.stages.process(&messages, &mut self.state);
            self.state.next_offset = Some(last.offset() + 1);
            self.uncommitted_since.get_or_insert_with(clock::monotonic);
            self.producer.send(&self.stages.results.outbox);
            self.stages.cpu.lap(Stage::Send);
        }
        true
    }

    fn lag(&self) -> i64 {
        let next_offset = self.state.next_offset.unwrap_or(0);
        self.queue.lag_behind(next_offset).unwrap_or(0)
    }

    /// Rows of open windows, so that a dashboard moves: when caught up, and at the latest when input falls silent.
    fn publish_open_windows(&mut self, idle: bool) {
        let now = clock::monotonic();
        if now.duration_since(self.last_live) < LIVE_INTERVAL {
            return;
        }
        self.last_live = now;
        let lag = self.lag();
        let label = PartitionLabel { partition: self.queue.partition().to_string() };
        self.shared.metrics.consumer_lag.get_or_create(&label).set(lag);
        if let Some(watermark) = self.state.windows.watermark() {
            self.shared.metrics.watermark.get_or_create(&label).set(watermark.0 as f64 / 1e6);
        }
        if lag > CAUGHT_UP_RECORDS && !idle {
            return;
        }
        let LaneState { meters, windows, .. } = &mut self.state;
        let results = &mut self.stages.results;
        windows.publish_open(|building, window| results.window(meters, building, window));
        if !self.stages.results.outbox.is_empty() {
            self.uncommitted_since.get_or_insert(now);
        }
    }

    fn commit_is_due(&self, idle: bool) -> bool {
        let interval = self.shared.config.kafka.commit_interval.duration();
        self.uncommitted_since.is_some_and(|since| idle || since.elapsed() >= interval)
            || self.stages.results.outbox.byte_len() >= MAX_OUTBOX_BYTES
    }

    fn commit(&mut self) {
        let (Some(_), Some(next_offset)) = (self.uncommitted_since, self.state.next_offset) else { return };
        let started = clock::monotonic();
        let orders = &self.orders;
        let give_up = || orders.abandon.load(Ordering::Relaxed);
        match self.producer.commit(&self.stages.results.outbox, next_offset, &self.group, give_up) {
            Commit::Done => {
                self.stages.results.outbox.clear();
                self.committed = Some(next_offset);
                self.uncommitted_since = None;
                self.shared.metrics.commit.observe(started.elapsed().as_secs_f64());
                self.stages.cpu.lap(Stage::Commit);
            }
            Commit::Abandoned => tracing::warn!(partition = self.queue.partition(), "the lane ends with an open transaction"),
        }
    }
}
