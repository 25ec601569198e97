//! Detectors judge a batch; what they report becomes rows of `anomalies`.

mod row;

use std::ops::Range;
use std::sync::Arc;

use wattdog_plugin_runtime as runtime;
use wattdog_plugin_runtime::{Fault, Instance, Scored};

use crate::domain::{Batch, MeterTable};
use crate::registry::{self, Catalogue, Lineup, Plugin};
use crate::results::Anomaly;
use crate::wasm::{self, Dictionaries, LanePlugin, Names, Succession};

pub use row::Source;

/// The detectors of one lane.
#[derive(Default)]
pub struct Detect {
    detectors: Vec<LanePlugin>,
    catalogue: Catalogue,
    /// What they say has been said before.
    replaying: bool,
}

/// What detectors say, row by row.
pub trait Verdicts {
    /// A finding.
    fn found(&mut self, plugin: &Plugin, row: Anomaly<'_>);
    /// A detector could not score this row.
    fn failed(&mut self, plugin: &Plugin, row: usize, fault: &Fault);
    /// A detector was not asked about this row, since it has failed too often just now.
    fn not_asked(&mut self, plugin: &Plugin, row: usize);
}

impl Detect {
    /// Each detector, to ask what it costs.
    pub fn plugins(&mut self) -> impl Iterator<Item = &mut LanePlugin> {
        self.detectors.iter_mut()
    }

    /// One step towards another lineup; true when [`Detect::adopt`] takes no longer than another one.
    pub fn prepare(&mut self, next: &Lineup, names: Names<'_>) -> bool {
        wasm::prepare(&mut self.detectors, &next.detectors, |detector| detector.prepare_swap(names, &mut Moving))
    }

    /// Runs another lineup from the next batch on.
    pub fn adopt(&mut self, next: &Lineup, names: Names<'_>) -> Vec<Succession> {
        let before = std::mem::take(&mut self.detectors);
        let (detectors, successions) =
            wasm::succeed(before, &next.detectors, |plugin, before| LanePlugin::succeed(plugin, before, names, &mut Moving));
        self.detectors = detectors;
        self.catalogue = next.catalogue.clone();
        successions
    }

    /// What they are asked was answered before, and nobody is told; or no longer.
    pub fn set_replaying(&mut self, replaying: bool) {
        self.replaying = replaying;
        self.detectors.iter_mut().for_each(|detector| detector.set_replaying(replaying));
    }

    /// Has every detector store what it knows of meters. False: one of them cannot now.
    pub fn store_all(&mut self, names: Names<'_>) -> bool {
        self.detectors.iter_mut().fold(true, |all, detector| all & detector.store_all(names, &mut Moving))
    }

    /// What the detector of a file keeps about meters.
    pub fn states_of(&mut self, file_stem: &str, names: Names<'_>) -> Vec<(crate::domain::MeterId, Vec<u8>)> {
        let detector = self.detectors.iter_mut().find(|detector| detector.plugin().file_stem == file_stem);
        detector.map(|detector| detector.states(names, &mut Moving)).unwrap_or_default()
    }

    /// Scores every row with every detector.
    pub fn run(
        &mut self,
        batch: &Batch,
        meters: &MeterTable,
        dictionaries: &Dictionaries,
        source: Source<'_>,
        verdicts: &mut impl Verdicts,
    ) {
        self.run_those(|_| true, batch, meters, dictionaries, source, verdicts);
    }

    /// Scores every row with those detectors of which `is_asked` says so. False: there is none.
    pub fn run_those(
        &mut self,
        is_asked: impl Fn(&Plugin) -> bool,
        batch: &Batch,
        meters: &MeterTable,
        dictionaries: &Dictionaries,
        source: Source<'_>,
        verdicts: &mut impl Verdicts,
    ) -> bool {
        let mut asked = false;
        for detector in &mut self.detectors {
            let plugin = Arc::clone(detector.plugin());
            if !is_asked(&plugin) {
                continue;
            }
            asked = true;
            let context = row::Context { plugin: &plugin, catalogue: &self.catalogue, dictionaries, meters, source };
            let mut judging = Judging { batch, context, verdicts: &mut *verdicts, silent: self.replaying };
            detector.run(batch, Names { meters, dictionaries }, &mut judging);
        }
        asked
    }
}

struct Judging<'a, V> {
    batch: &'a Batch,
    context: row::Context<'a>,
    verdicts: &'a mut V,
    silent: bool,
}

impl<V: Verdicts> wasm::Duty for Judging<'_, V> {
    type Answer = Scored;

    fn call(instance: &mut Instance, batch: &runtime::Batch<'_>) -> Result<Scored, Fault> {
        instance.score(batch)
    }

    fn done(&mut self, rows: Range<usize>, answer: Result<Scored, Fault>) {
        let plugin = self.context.plugin;
        if self.silent || plugin.role == registry::Role::Warming {
            return;
        }
        match answer {
            Ok(scored) => {
                plugin.scores.count(&scored.scores);
                for finding in 0..scored.findings.rows.len() {
                    self.verdicts.found(plugin, self.context.anomaly(self.batch, rows.start, &scored, finding));
                }
            }
            Err(fault) => rows.for_each(|row| self.verdicts.failed(plugin, row, &fault)),
        }
    }

    fn skipped(&mut self, rows: Range<usize>) {
        let plugin = self.context.plugin;
        // Once it is decided that the plugin waits, it is no longer one that has to score every reading.
        if !self.silent && plugin.role == registry::Role::Active && plugin.health.condition() == registry::Condition::Exhausted {
            rows.for_each(|row| self.verdicts.not_asked(plugin, row));
        }
    }
}

/// Only state is moved.
struct Moving;

impl wasm::Duty for Moving {
    type Answer = Scored;

    fn call(instance: &mut Instance, batch: &runtime::Batch<'_>) -> Result<Scored, Fault> {
        instance.score(batch)
    }

    fn done(&mut self, _: Range<usize>, _: Result<Scored, Fault>) {}

    fn skipped(&mut self, _: Range<usize>) {}
}
