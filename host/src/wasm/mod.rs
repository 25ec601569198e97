//! One plugin's instance in one lane: tells it meters and dictionaries once, replaces it after a fault.
//!
//! The stages `enrich` and `detect` both call plugins through this adapter.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use wattdog_plugin_runtime as runtime;
use wattdog_plugin_runtime::{ColumnParam, DictionaryAppendParam, Fault, Instance};

use crate::clock;
use crate::domain::{Batch, Column, MeterTable};
use crate::registry::{ColumnSource, Plugin};

/// Text of enriched columns: what each code means, a list for each column.
pub type Dictionaries = Vec<Vec<String>>;

/// An instance and what it has been told.
pub struct LanePlugin {
    plugin: Arc<Plugin>,
    instance: Option<Instance>,
    told_meters: usize,
    told_entries: Vec<usize>,
    cost: Cost,
}

/// What calls into a plugin took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Elapsed time.
    pub elapsed: Duration,
    /// Processor time.
    pub cpu: Duration,
}

impl LanePlugin {
    /// For one lane; the instance is started with the first batch.
    #[must_use]
    pub fn new(plugin: Arc<Plugin>) -> Self {
        let told_entries = vec![0; plugin.inputs.len()];
        Self { plugin, instance: None, told_meters: 0, told_entries, cost: Cost::default() }
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

    /// Calls the plugin with these rows of the batch. After a fault the instance is gone and the next call starts another.
    ///
    /// # Errors
    /// With the plugin's fault.
    pub fn call<T>(
        &mut self,
        batch: &Batch,
        rows: Range<usize>,
        meters: &MeterTable,
        dictionaries: &Dictionaries,
        call: impl FnOnce(&mut Instance, &runtime::Batch<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let instance = match &mut self.instance {
            Some(instance) => instance,
            None => self.instance.insert(self.plugin.start()?),
        };
        let length = rows.len();
        let codes: Vec<u32> = batch.meters[rows.clone()].iter().map(|meter| meter.0).collect();
        let (no_floats, no_codes) = missing_columns(&self.plugin.inputs, length);
        let columns: Vec<_> = self
            .plugin
            .inputs
            .iter()
            .map(|source| match *source {
                ColumnSource::Measure(at) => ColumnParam::Floats(&batch.measures[at][rows.clone()]),
                ColumnSource::Enriched(at) => match &batch.enriched[at] {
                    Column::Floats(values) => ColumnParam::Floats(&values[rows.clone()]),
                    Column::Codes(codes) => ColumnParam::Codes(&codes[rows.clone()]),
                },
                ColumnSource::MissingFloats => ColumnParam::Floats(&no_floats),
                ColumnSource::MissingCodes => ColumnParam::Codes(&no_codes),
            })
            .collect();
        let new_meters = untold_meters(meters, self.told_meters);
        let entries = untold_entries(&self.plugin.inputs, dictionaries, &self.told_entries);
        let new_entries: Vec<_> = entries
            .iter()
            .map(|(column, first_code, values)| DictionaryAppendParam { column: *column, first_code: *first_code, values })
            .collect();
        let view = runtime::Batch {
            rows: u32::try_from(length).expect("a batch has at most a few thousand rows"),
            meters: &codes,
            event_times_us: &batch.event_times_us[rows],
            columns: &columns,
            new_meters: &new_meters,
            new_entries: &new_entries,
        };
        let (started, cpu_before) = (clock::monotonic(), clock::thread_cpu());
        let answer = call(instance, &view);
        self.cost.elapsed += started.elapsed();
        self.cost.cpu += clock::thread_cpu().saturating_sub(cpu_before);
        if answer.is_ok() {
            self.told_meters = meters.meters().len();
            for (column, first_code, values) in entries {
                self.told_entries[column as usize] = first_code as usize + values.len();
            }
        } else {
            self.instance = None;
            self.told_meters = 0;
            self.told_entries.fill(0);
        }
        answer
    }

    /// Calls with ever smaller parts of the batch until the rows that fail are found one by one.
    pub fn call_each_part<T>(
        &mut self,
        batch: &Batch,
        meters: &MeterTable,
        dictionaries: &Dictionaries,
        mut call: impl FnMut(&mut Instance, &runtime::Batch<'_>) -> Result<T, Fault>,
        mut done: impl FnMut(Range<usize>, Result<T, Fault>),
    ) {
        let mut parts: Vec<_> = std::iter::once(0..batch.len()).collect();
        while let Some(rows) = parts.pop() {
            let answer = self.call(batch, rows.clone(), meters, dictionaries, &mut call);
            if answer.is_err() && rows.len() > 1 {
                let middle = rows.start + rows.len() / 2;
                // The second half goes below the first: rows stay in order.
                parts.push(middle..rows.end);
                parts.push(rows.start..middle);
            } else {
                done(rows, answer);
            }
        }
    }
}

fn missing_columns(inputs: &[ColumnSource], rows: usize) -> (Vec<f64>, Vec<u32>) {
    let needed = |source| if inputs.contains(&source) { rows } else { 0 };
    (vec![f64::NAN; needed(ColumnSource::MissingFloats)], vec![u32::MAX; needed(ColumnSource::MissingCodes)])
}

fn untold_meters(meters: &MeterTable, told: usize) -> Vec<runtime::Meter<'_>> {
    let new = meters.meters().iter().enumerate().skip(told);
    new.map(|(code, meter)| runtime::Meter {
        code: u32::try_from(code).expect("meter numbers are 32 bits"),
        name: &meter.name,
        building: meters.building(meter.building),
        floor: meter.floor.as_deref(),
    })
    .collect()
}

/// New dictionary entries for each text input: column, first code, values.
fn untold_entries<'a>(inputs: &[ColumnSource], dictionaries: &'a Dictionaries, told: &[usize]) -> Vec<(u32, u32, Vec<&'a str>)> {
    let mut untold = Vec::new();
    for (column, source) in inputs.iter().enumerate() {
        let ColumnSource::Enriched(at) = *source else { continue };
        let known = told[column];
        if dictionaries[at].len() > known {
            let values = dictionaries[at][known..].iter().map(String::as_str).collect();
            untold.push((column as u32, known as u32, values));
        }
    }
    untold
}
