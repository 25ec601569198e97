//! Detectors judge a batch; what they report becomes rows of `anomalies`.

mod row;

use std::sync::Arc;

use wattdog_plugin_runtime as runtime;

use crate::domain::{Batch, MeterTable};
use crate::registry::{Catalogue, Plugin};
use crate::results::Anomaly;
use crate::wasm::{Dictionaries, LanePlugin};

pub use row::Source;

/// The detectors of one lane.
pub struct Detect {
    detectors: Vec<LanePlugin>,
    catalogue: Catalogue,
}

/// What detectors say, row by row.
pub trait Verdicts {
    /// A finding.
    fn found(&mut self, plugin: &Plugin, row: Anomaly<'_>);
    /// A detector could not score this row.
    fn failed(&mut self, plugin: &Plugin, row: usize, fault: &runtime::Fault);
}

impl Detect {
    /// In the order of the registry.
    #[must_use]
    pub fn new(detectors: &[Arc<Plugin>], catalogue: &Catalogue) -> Self {
        Self {
            detectors: detectors.iter().map(|plugin| LanePlugin::new(Arc::clone(plugin))).collect(),
            catalogue: catalogue.clone(),
        }
    }

    /// Each detector, to ask what it costs.
    pub fn plugins(&mut self) -> impl Iterator<Item = &mut LanePlugin> {
        self.detectors.iter_mut()
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
        for detector in &mut self.detectors {
            let plugin = Arc::clone(detector.plugin());
            let context = row::Context { plugin: &plugin, catalogue: &self.catalogue, dictionaries, meters, source };
            detector.call_each_part(batch, meters, dictionaries, runtime::Instance::score, |rows, answer| match answer {
                Ok(scored) => {
                    for finding in 0..scored.findings.rows.len() {
                        let row = context.anomaly(batch, rows.start, &scored, finding);
                        verdicts.found(&plugin, row);
                    }
                }
                Err(fault) => rows.for_each(|row| verdicts.failed(&plugin, row, &fault)),
            });
        }
    }
}
