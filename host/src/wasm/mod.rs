//! One plugin in one lane: its instance, what that has been told, and what it keeps about meters.
//!
//! An instance can be gone after any call: a fault costs that call, a full memory is given back, a new version takes over. Another
//! is started then, and comes to where the last one was as far as the meters at hand need it: their stored state, and the rows
//! that they have taken since. The stages `enrich` and `detect` both call plugins through this adapter.

mod kept;
mod parts;
mod restore;
mod rows;
mod states;
mod succession;
mod told;

#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytemuck::TransparentWrapper as _;
use wattdog_plugin_runtime as runtime;
use wattdog_plugin_runtime::{Fault, Instance};

use crate::clock;
use crate::domain::{Batch, MeterId, MeterTable};
use crate::registry::Plugin;

pub use kept::{Identity, Kept, resume};
pub use states::States;
pub use succession::{Succession, prepare, succeed};

use parts::Parts;
use rows::{Missing, View};
use told::{Entries, Told, meter_params};

/// Text of enriched columns: what each code means, a list for each column.
pub type Dictionaries = Vec<Vec<String>>;

/// What the numbers of a batch mean.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// Meters and buildings.
    pub meters: &'a MeterTable,
    /// Texts of enriched columns.
    pub dictionaries: &'a Dictionaries,
}

/// What a stage wants of a plugin.
pub trait Duty {
    /// What the plugin returns.
    type Answer;

    /// The call.
    ///
    /// # Errors
    /// The plugin's fault.
    fn call(instance: &mut Instance, batch: &runtime::Batch<'_>) -> Result<Self::Answer, Fault>;

    /// The answer for these rows of the batch, or why one row has none.
    fn done(&mut self, rows: Range<usize>, answer: Result<Self::Answer, Fault>);

    /// These rows are not given to the plugin, since it has failed too often.
    fn skipped(&mut self, rows: Range<usize>);

    /// An answer that was given before, by an instance that is gone.
    fn repeated(&mut self, _answer: Self::Answer) {}
}

/// What calls into a plugin took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Elapsed time.
    pub elapsed: Duration,
    /// Processor time.
    pub cpu: Duration,
}

/// Meters whose state is written in one call: a tenth of a millisecond.
const CHUNK: usize = 128;

/// An instance, and all that another one would need to take its place.
pub struct LanePlugin {
    plugin: Arc<Plugin>,
    instance: Option<Instance>,
    told: Told,
    /// Of a stateful plugin.
    states: Option<States>,
    missing: Missing,
    parts: Parts,
    held: bool,
    /// The lane goes through what it has answered before.
    replaying: bool,
    /// What was decided last: it is called with rows, or not, since it has failed too often.
    asked: bool,
    /// Something was decided that a replay could not decide again: a fault, or to ask or not to ask.
    decided: bool,
    /// Meters that were still to be stored at the last step towards a swap.
    fewest_dirty: Option<usize>,
    cost: Cost,
    restoring: Cost,
}

impl LanePlugin {
    /// For one lane; the instance is started with the first batch.
    #[must_use]
    pub fn new(plugin: Arc<Plugin>) -> Self {
        let description = &plugin.description;
        let states = description.stateful.then(States::default);
        Self {
            told: Told::new(plugin.inputs.len()),
            plugin,
            instance: None,
            states,
            missing: Missing::default(),
            parts: Parts::default(),
            held: false,
            replaying: false,
            asked: true,
            decided: false,
            fewest_dirty: None,
            cost: Cost::default(),
            restoring: Cost::default(),
        }
    }

    /// Which plugin.
    #[must_use]
    pub fn plugin(&self) -> &Arc<Plugin> {
        &self.plugin
    }

    /// Memory of the instance in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.instance.as_ref().map_or(0, Instance::memory_bytes)
    }

    /// What its calls took since this was last asked.
    pub fn take_cost(&mut self) -> Cost {
        std::mem::take(&mut self.cost)
    }

    /// What it took to bring instances to where others were, since this was last asked.
    pub fn take_restoring(&mut self) -> Cost {
        std::mem::take(&mut self.restoring)
    }

    /// Takes the whole batch through the plugin, in parts that it can take; a row on which it fails is left out of its state.
    pub fn run<D: Duty>(&mut self, batch: &Batch, names: Names<'_>, duty: &mut D) {
        let plugin = Arc::clone(&self.plugin);
        let mut missing = std::mem::take(&mut self.missing);
        if self.held {
            self.remember(&missing.view(&plugin.inputs, batch, 0..batch.len()));
        } else {
            let mut parts = std::mem::take(&mut self.parts);
            parts.begin(batch.len());
            while let Some(rows) = parts.next() {
                if !self.may_run() {
                    duty.skipped(rows);
                    continue;
                }
                let view = missing.view(&plugin.inputs, batch, rows.clone());
                self.run_part(&view, rows, names, duty, &mut parts);
            }
            self.parts = parts;
            self.tidy_up(names, duty);
        }
        self.missing = missing;
    }

    /// A replay goes by what was decided then.
    fn may_run(&mut self) -> bool {
        if self.replaying {
            return self.asked;
        }
        let asked = self.plugin.health.may_run();
        self.decided |= std::mem::replace(&mut self.asked, asked) != asked;
        asked
    }

    fn run_part<D: Duty>(&mut self, view: &View<'_>, rows: Range<usize>, names: Names<'_>, duty: &mut D, parts: &mut Parts) {
        let plugin = Arc::clone(&self.plugin);
        let health = (!self.replaying).then_some(&plugin.health);
        let cpu_before = self.cost.cpu;
        match self.call(view, names, duty) {
            Ok(answer) => {
                self.remember(view);
                if let Some(health) = health {
                    health.scored(rows.len());
                }
                parts.succeeded();
                duty.done(rows, Ok(answer));
            }
            Err(fault) => {
                self.decided = true;
                if let Some(health) = health {
                    health.lost(self.cost.cpu.saturating_sub(cpu_before));
                }
                if !parts.failed(rows.clone()) {
                    if let Some(health) = health {
                        health.failed();
                    }
                    duty.done(rows, Err(fault));
                }
            }
        }
    }

    fn remember(&mut self, view: &View<'_>) {
        if let Some(states) = &mut self.states {
            states.took(view);
        }
    }

    /// Between two batches: what is too much is stored or given back.
    fn tidy_up<D: Duty>(&mut self, names: Names<'_>, duty: &mut D) {
        if let Some(states) = &mut self.states {
            let overdue = states.overdue();
            self.store(&overdue, names, duty);
            if let Some(states) = &mut self.states {
                states.trim();
            }
        }
        let mark = self.plugin.memory_mark();
        if self.memory_bytes() > mark {
            tracing::debug!(plugin = self.plugin.name, mark, "an instance past its memory mark is replaced, its state is kept");
            self.put_instance_away();
        }
    }

    /// One step towards a swap: stores some of the meters that have changed. True when what is left fits into one more step, or
    /// changes as fast as it is stored.
    pub fn prepare_swap<D: Duty>(&mut self, names: Names<'_>, duty: &mut D) -> bool {
        if self.held {
            return true;
        }
        let dirty = self.states.as_ref().map(|states| states.dirty(usize::MAX)).unwrap_or_default();
        let fewest = self.fewest_dirty.replace(dirty.len());
        if dirty.len() <= CHUNK || fewest.is_some_and(|fewest| dirty.len() >= fewest) {
            self.fewest_dirty = None;
            return true;
        }
        self.store(&dirty[..CHUNK], names, duty);
        false
    }

    /// Takes another's place: with its instance where that can go on, with all that it keeps about meters where this one reads it.
    /// Returns how many meters came along.
    pub fn succeed<D: Duty>(plugin: Arc<Plugin>, mut before: Self, names: Names<'_>, duty: &mut D) -> (Self, usize) {
        if Arc::ptr_eq(plugin.loaded(), before.plugin.loaded()) && plugin.inputs == before.plugin.inputs {
            before.plugin = plugin;
            let (meters, _) = before.state_size();
            return (before, meters);
        }
        let mut successor = Self::new(plugin);
        // What is still being warmed up knows nothing yet that could be handed over.
        let is_same_plugin = !before.held && successor.plugin.name == before.plugin.name;
        if !is_same_plugin || !successor.plugin.reads_state(before.plugin.description.state_version) {
            return (successor, 0);
        }
        if let Some(states) = &before.states {
            let mut meters = states.dirty(usize::MAX);
            meters.extend(states.stored_in_other_than(|version| successor.plugin.reads_state(version)));
            before.store(&meters, names, duty);
        }
        if let (Some(kept), Some(mut handed_over)) = (&mut successor.states, before.states) {
            handed_over.trim();
            *kept = handed_over;
        }
        let (meters, _) = successor.state_size();
        (successor, meters)
    }

    /// Only remembers rows from here on, until [`LanePlugin::release`] says what was before them.
    pub fn hold(&mut self) {
        self.held = true;
    }

    /// Goes on from states that were written by another instance, after the last row before the remembered ones.
    pub fn release(&mut self, states: impl IntoIterator<Item = (MeterId, Vec<u8>)>) {
        let version = self.plugin.description.state_version;
        if let Some(kept) = &mut self.states {
            states.into_iter().for_each(|(meter, bytes)| kept.begin_with(meter, version, bytes));
        }
        self.held = false;
    }

    /// Rows that are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.states.as_ref().map_or(0, States::journaled)
    }

    /// Every meter's state, as bytes of the plugin's format of now.
    pub fn states<D: Duty>(&mut self, names: Names<'_>, duty: &mut D) -> Vec<(MeterId, Vec<u8>)> {
        let version = self.plugin.description.state_version;
        let Some(states) = &self.states else { return Vec::new() };
        let mut meters = states.dirty(usize::MAX);
        meters.extend(states.stored_in_other_than(|of| of == version));
        self.store(&meters, names, duty);
        self.states.as_ref().map(States::all).unwrap_or_default()
    }

    /// Meters of which something is kept, and bytes of it.
    #[must_use]
    pub fn state_size(&self) -> (usize, usize) {
        self.states.as_ref().map(States::size).unwrap_or_default()
    }

    /// Calls with these rows, after the instance has come to where it was.
    fn call<D: Duty>(&mut self, view: &View<'_>, names: Names<'_>, duty: &mut D) -> Result<D::Answer, Fault> {
        let untold = self.restore(view.meters, names, duty)?;
        self.call_instance::<D>(view, &untold, names)
    }

    /// The call itself. What goes wrong costs the instance.
    fn call_instance<D: Duty>(&mut self, view: &View<'_>, untold: &[MeterId], names: Names<'_>) -> Result<D::Answer, Fault> {
        let plugin = Arc::clone(&self.plugin);
        let codes = MeterId::peel_slice(view.meters);
        let new_meters = meter_params(untold, names);
        let entries = self.told.new_entries(&plugin.inputs, names);
        let new_entries: Vec<_> = entries.iter().map(Entries::param).collect();
        let batch = runtime::Batch {
            rows: u32::try_from(codes.len()).expect("a batch has at most a few thousand rows"),
            meters: codes,
            event_times_us: view.event_times_us,
            columns: &view.columns,
            new_meters: &new_meters,
            new_entries: &new_entries,
        };
        let answer = self.on_instance(|instance| D::call(instance, &batch))?;
        self.told.told(&entries);
        Ok(answer)
    }

    /// Uses the instance, started where there is none; after a fault there is none.
    fn on_instance<T>(&mut self, work: impl FnOnce(&mut Instance) -> Result<T, Fault>) -> Result<T, Fault> {
        let (started, cpu_before) = (clock::monotonic(), clock::thread_cpu());
        let answer = match &mut self.instance {
            Some(instance) => work(instance),
            none => self.plugin.instance().and_then(|instance| work(none.insert(instance))),
        };
        self.cost.elapsed += started.elapsed();
        self.cost.cpu += clock::thread_cpu().saturating_sub(cpu_before);
        if answer.is_err() {
            self.put_instance_away();
        }
        answer
    }

    fn put_instance_away(&mut self) {
        self.instance = None;
        self.told.forget();
    }
}
