//! How a lane follows the keeper: from one lineup to the next, between two batches.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wattdog_plugin_runtime::Kind;

use super::lane::Shared;
use super::stages::Stages;
use super::warm_up::WarmingUp;
use crate::clock;
use crate::registry::{Lineup, Loaded, Plugin, Role, Swap, WarmUp};
use crate::state::LaneState;
use crate::wasm::{Cost, Succession};

/// Readings that a lane remembers while a plugin is warmed up. One that takes longer begins again from where the lane is then.
const MAX_REMEMBERED: usize = 2_000_000;

struct Untold {
    since: Instant,
    offset: Option<i64>,
    successions: Vec<Succession>,
    longest_step: Step,
}

/// Time in which a lane did nothing else.
#[derive(Clone, Copy, Default, PartialEq, PartialOrd)]
struct Step {
    elapsed: Duration,
    cpu: Duration,
}

impl Step {
    fn of<T>(work: impl FnOnce() -> T) -> (T, Self) {
        let (started, cpu_before) = (clock::monotonic(), clock::thread_cpu());
        let done = work();
        (done, Self { elapsed: started.elapsed(), cpu: clock::thread_cpu().saturating_sub(cpu_before) })
    }

    fn longer(self, other: Self) -> Self {
        if other > self { other } else { self }
    }
}

/// With no batch for so long after a swap, none is waited for.
const SILENCE: Duration = Duration::from_millis(200);

/// Of one lane.
pub(super) struct Following {
    shared: Arc<Shared>,
    partition: i32,
    /// The lineup that the lane runs.
    generation: Option<u64>,
    /// The longest step towards the next one.
    longest_step: Step,
    /// The swap just done, told when its first batch has shown what it took in all.
    untold: Option<Untold>,
    warming_up: Vec<WarmingUp>,
    /// Plugins that know this lane's meters, and wait for other lanes.
    warm: Vec<Arc<Loaded>>,
}

impl Following {
    pub(super) fn new(shared: Arc<Shared>, partition: i32) -> Self {
        Self {
            shared,
            partition,
            generation: None,
            longest_step: Step::default(),
            untold: None,
            warming_up: Vec::new(),
            warm: Vec::new(),
        }
    }

    /// The lane comes to rest: what it has done is told, and warm-ups end.
    pub(super) fn end(&mut self, stages: &mut Stages) {
        self.tell(stages);
        self.warming_up.clear();
    }

    /// Looks whether there is something to follow; all but always there is not. True: the lane runs other plugins from here on.
    pub(super) fn step(&mut self, stages: &mut Stages, state: &mut LaneState) -> bool {
        if self.untold.as_ref().is_some_and(|untold| untold.offset != state.next_offset || untold.since.elapsed() > SILENCE) {
            self.tell(stages);
        }
        let swapped = self.generation != Some(self.shared.lineups.generation()) && self.approach(stages, state);
        if !self.warming_up.is_empty() {
            self.take_memories(stages, state);
        }
        swapped
    }

    /// One step towards the lineup of now; the last one is the swap itself.
    fn approach(&mut self, stages: &mut Stages, state: &LaneState) -> bool {
        let next = self.shared.lineups.current();
        let (ready, step) = Step::of(|| stages.prepare(&next, state));
        self.longest_step = self.longest_step.longer(step);
        if ready {
            self.swap(&next, stages, state);
        }
        ready
    }

    fn swap(&mut self, next: &Arc<Lineup>, stages: &mut Stages, state: &LaneState) {
        self.tell(stages);
        let (mut successions, step) = Step::of(|| stages.adopt(next, state));
        let longest_step = std::mem::take(&mut self.longest_step).longer(step);
        successions.retain(|succession| succession.plugin.role != Role::Warming);
        if !successions.is_empty() {
            self.untold = Some(Untold { since: clock::monotonic(), offset: state.next_offset, successions, longest_step });
        }
        self.follow(next, stages, state);
    }

    /// The lane runs this lineup from here on.
    pub(super) fn follow(&mut self, next: &Arc<Lineup>, stages: &mut Stages, state: &LaneState) {
        self.generation = Some(next.generation);
        for plugin in next.all().filter(|plugin| plugin.role != Role::Warming) {
            self.shared.metrics.begin_plugin(&plugin.label(), plugin.kind() == Kind::Detector);
        }
        self.warm_up(next, stages, state);
        self.shared.lineups.report(self.partition, |lane| lane.generation = next.generation);
    }

    fn tell(&mut self, stages: &mut Stages) {
        let Cost { elapsed, cpu } = stages.take_restoring();
        let Some(Untold { offset, successions, longest_step, .. }) = self.untold.take() else { return };
        let pause = longest_step.longer(Step { elapsed, cpu });
        for Succession { plugin, replaced, meters } in successions {
            self.shared.metrics.plugin_swapped(&plugin.label(), pause.elapsed);
            self.shared.lineups.swapped(Swap {
                partition: self.partition,
                offset,
                plugin: plugin.name.clone(),
                version: plugin.version.clone(),
                digest: plugin.digest.clone(),
                replaced: replaced.map(|plugin| plugin.digest.clone()),
                meters,
                pause: pause.elapsed,
                busy: pause.cpu,
            });
        }
    }

    /// Begins the warm-ups that the lineup asks for, and ends those that it does not.
    fn warm_up(&mut self, next: &Arc<Lineup>, stages: &mut Stages, state: &LaneState) {
        let is_wanted = |plugin: &Plugin| plugin.role == Role::Warming;
        self.warming_up
            .retain(|warming| next.detectors.iter().any(|plugin| is_wanted(plugin) && Arc::ptr_eq(plugin, &warming.plugin)));
        for plugin in next.detectors.iter().filter(|plugin| is_wanted(plugin)) {
            let is_warming = |lane: &Self| lane.warming_up.iter().any(|warming| Arc::ptr_eq(&warming.plugin, plugin));
            let knows = self.warm.iter().any(|warm| Arc::ptr_eq(warm, plugin.loaded()));
            if !is_warming(self) && !knows {
                self.begin(plugin, stages, state);
            }
        }
        self.warm.retain(|warm| next.detectors.iter().any(|plugin| is_wanted(plugin) && Arc::ptr_eq(plugin.loaded(), warm)));
    }

    fn begin(&mut self, plugin: &Arc<Plugin>, stages: &mut Stages, state: &LaneState) {
        let Some(until) = state.next_offset else {
            // The lane has read nothing, so there is nothing before it.
            self.report_done(plugin);
            return;
        };
        stages.hold_anew(&plugin.file_stem);
        self.warming_up.push(WarmingUp::begin(&self.shared, plugin, self.partition, until));
    }

    fn take_memories(&mut self, stages: &mut Stages, state: &mut LaneState) {
        let mut ended = Vec::new();
        for (index, warming) in self.warming_up.iter().enumerate() {
            let Some(detector) = stages.warming(&warming.plugin.file_stem) else { continue };
            if let Some(memories) = warming.memories() {
                let meters = &mut state.meters;
                let known = memories
                    .into_iter()
                    .map(|meter| (meters.intern(&meter.name, &meter.building, meter.floor.as_deref()), meter.bytes));
                detector.release(known);
                ended.push((index, true));
            } else if detector.remembered() > MAX_REMEMBERED {
                ended.push((index, false));
            }
        }
        for (index, done) in ended.into_iter().rev() {
            let plugin = Arc::clone(&self.warming_up.swap_remove(index).plugin);
            if done {
                self.report_done(&plugin);
            } else {
                tracing::warn!(plugin = plugin.name, partition = self.partition, "a warm-up takes too long and begins again");
                self.begin(&plugin, stages, state);
            }
        }
    }

    fn report_done(&mut self, plugin: &Plugin) {
        self.warm.push(Arc::clone(plugin.loaded()));
        self.shared.lineups.report(self.partition, |lane| {
            let WarmUp { read, total, .. } = lane.warm_ups.get(&plugin.file_stem).copied().unwrap_or_default();
            lane.warm_ups.insert(plugin.file_stem.clone(), WarmUp { read, total, done: true });
        });
    }
}
