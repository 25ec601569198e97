//! A detector gets to know a lane's meters from earlier readings, beside the lane and unpublished.
//!
//! The lane remembers what it has read since the warm-up began; this thread goes through what was before, up to the very message,
//! with the lane's own stages. What the detector then keeps about each meter goes to the lane, which goes on from there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Duration;

use super::lane::Shared;
use super::stages::Stages;
use crate::clock;
use crate::domain::Message;
use crate::kafka::History;
use crate::metrics::Metrics;
use crate::registry::{Lineup, Plugin, WarmUp};
use crate::state::LaneState;

const POLL_WAIT: Duration = Duration::from_millis(100);
/// A read-committed consumer does not see the end of a partition where a transaction's marker is; silence of this length is it.
const SILENCE: Duration = Duration::from_secs(2);
const RETRY: Duration = Duration::from_secs(1);

/// A meter by its name, and what is kept about it.
pub(super) struct MeterMemory {
    pub(super) name: String,
    pub(super) building: String,
    pub(super) floor: Option<String>,
    pub(super) bytes: Vec<u8>,
}

/// A warm-up that runs; it ends when this is dropped.
pub(super) struct WarmingUp {
    pub(super) plugin: Arc<Plugin>,
    memories: Receiver<Vec<MeterMemory>>,
    ended: Arc<AtomicBool>,
}

impl WarmingUp {
    /// Begins; `until` is the first offset that the lane itself remembers.
    pub(super) fn begin(shared: &Arc<Shared>, plugin: &Arc<Plugin>, partition: i32, until: i64) -> Self {
        let (sender, memories) = channel();
        let ended = Arc::new(AtomicBool::new(false));
        let lane = Lane { shared: Arc::clone(shared), plugin: Arc::clone(plugin), partition, until, ended: Arc::clone(&ended) };
        let spawned = std::thread::Builder::new().name(format!("warm-up-{partition}")).spawn(move || {
            if let Some(known) = lane.go_through() {
                // A lane that has gone takes nothing.
                let _ = sender.send(known);
            }
        });
        if let Err(error) = spawned {
            tracing::error!(partition, %error, "no thread for a warm-up; the plugin begins with what comes");
        }
        Self { plugin: Arc::clone(plugin), memories, ended }
    }

    /// What the detector knows of each meter, once it has gone through everything.
    pub(super) fn memories(&self) -> Option<Vec<MeterMemory>> {
        match self.memories.try_recv() {
            Ok(memories) => Some(memories),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Vec::new()),
        }
    }
}

impl Drop for WarmingUp {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

struct Lane {
    shared: Arc<Shared>,
    plugin: Arc<Plugin>,
    partition: i32,
    until: i64,
    ended: Arc<AtomicBool>,
}

impl Lane {
    /// None: it was ended.
    fn go_through(&self) -> Option<Vec<MeterMemory>> {
        let mut history = self.open()?;
        let current = self.shared.lineups.current();
        let lineup = Lineup::alone(&current, &self.plugin);
        // Numbers of what was read before are not counted again.
        let (metrics, _) = Metrics::new();
        let shared = Arc::new(Shared { metrics, ..Shared::clone(&self.shared) });
        let mut stages = Stages::new(shared, self.partition);
        let mut state = LaneState::new(&self.shared.config);
        stages.adopt(&Arc::new(lineup), &state);
        let start = history.start;
        let total = u64::try_from(self.until - start).unwrap_or(0);
        let mut next = start;
        let mut last_message = clock::monotonic();
        while next < self.until && last_message.elapsed() < SILENCE {
            if self.ended.load(Ordering::Relaxed) {
                return None;
            }
            let polled = history.poll(POLL_WAIT);
            let messages: Vec<Message<'_>> =
                polled.plain().filter(|message| message.offset < self.until && message.redriven.is_none()).collect();
            if let Some(last) = polled.iter().last() {
                last_message = clock::monotonic();
                next = last.offset() + 1;
                stages.process(&messages, &mut state);
                stages.results.outbox.clear();
            }
            self.report(WarmUp { read: total.min(u64::try_from(next - start).unwrap_or(0)), total, done: false });
        }
        let memories = stages.states_of(&self.plugin.file_stem, &state).into_iter().map(|(meter, bytes)| {
            let meter = state.meters.meter(meter);
            MeterMemory {
                name: meter.name.clone(),
                building: state.meters.building(meter.building).to_owned(),
                floor: meter.floor.clone(),
                bytes,
            }
        });
        Some(memories.collect())
    }

    /// Retries until the broker answers.
    fn open(&self) -> Option<History> {
        let span = self.plugin.sidecar.warm_start.micros() / 1_000;
        let since_ms = clock::now().as_millisecond() - span;
        while !self.ended.load(Ordering::Relaxed) {
            match History::open(&self.shared.settings, &self.shared.config.kafka.topic, self.partition, since_ms) {
                Ok(history) => return Some(history),
                Err(error) => tracing::warn!(%error, partition = self.partition, "a warm-up waits for the broker"),
            }
            std::thread::sleep(RETRY);
        }
        None
    }

    fn report(&self, warm_up: WarmUp) {
        self.shared.lineups.report(self.partition, |lane| {
            lane.warm_ups.insert(self.plugin.file_stem.clone(), warm_up);
        });
    }
}
