//! Enrichers add columns to a batch, one after the other.

use std::sync::Arc;

use wattdog_plugin_runtime as runtime;

use crate::domain::{Batch, Column, MeterTable};
use crate::registry::Plugin;
use crate::wasm::{Dictionaries, LanePlugin};

/// The enrichers of one lane.
pub struct Enrich {
    enrichers: Vec<LanePlugin>,
    dictionaries: Dictionaries,
    /// For each column, what the running instance's code 0 is in our dictionary.
    bases: Vec<u32>,
}

impl Enrich {
    /// In the order in which they run.
    #[must_use]
    pub fn new(enrichers: &[Arc<Plugin>]) -> Self {
        let columns = enrichers.iter().map(|plugin| plugin.description.outputs.len()).sum();
        Self {
            enrichers: enrichers.iter().map(|plugin| LanePlugin::new(Arc::clone(plugin))).collect(),
            dictionaries: vec![Vec::new(); columns],
            bases: vec![0; columns],
        }
    }

    /// What the codes of text columns mean, a list for each enriched column.
    #[must_use]
    pub fn dictionaries(&self) -> &Dictionaries {
        &self.dictionaries
    }

    /// Each enricher, to ask what it costs.
    pub fn plugins(&mut self) -> impl Iterator<Item = &mut LanePlugin> {
        self.enrichers.iter_mut()
    }

    /// Adds every enricher's columns. Rows on which one fails have its columns missing; `failed` is told their offset.
    pub fn run(&mut self, batch: &mut Batch, meters: &MeterTable, mut failed: impl FnMut(&Plugin, i64, &runtime::Fault)) {
        for enricher in &mut self.enrichers {
            let plugin = Arc::clone(enricher.plugin());
            let first = plugin.first_output;
            let mut columns: Vec<_> = plugin.description.outputs.iter().map(|output| empty(output.type_, batch.len())).collect();
            let mut appended = vec![Vec::new(); columns.len()];
            let (dictionaries, bases) = (&self.dictionaries, &mut self.bases);
            enricher.call_each_part(batch, meters, dictionaries, runtime::Instance::enrich, |rows, answer| match answer {
                Ok(enriched) => {
                    for append in enriched.new_entries {
                        let column = append.column as usize;
                        if append.first_code == 0 {
                            // A fresh instance counts from 0 again; our dictionary only grows.
                            bases[first + column] = (dictionaries[first + column].len() + appended[column].len()) as u32;
                        }
                        appended[column].extend(append.values);
                    }
                    for (index, (column, part)) in columns.iter_mut().zip(enriched.columns).enumerate() {
                        fill(column, rows.start, part, bases[first + index]);
                    }
                }
                Err(fault) => rows.for_each(|row| failed(&plugin, batch.offsets[row], &fault)),
            });
            for (index, values) in appended.into_iter().enumerate() {
                self.dictionaries[first + index].extend(values);
            }
            batch.enriched.extend(columns);
        }
    }
}

fn empty(type_: runtime::ColumnType, rows: usize) -> Column {
    match type_ {
        runtime::ColumnType::Float => Column::Floats(vec![f64::NAN; rows]),
        runtime::ColumnType::Text => Column::Codes(vec![u32::MAX; rows]),
    }
}

/// Types and lengths were checked by the runtime.
fn fill(column: &mut Column, start: usize, part: runtime::Column, base: u32) {
    match (column, part) {
        (Column::Floats(values), runtime::Column::Floats(part)) => values[start..start + part.len()].copy_from_slice(&part),
        (Column::Codes(codes), runtime::Column::Codes(part)) => {
            for (code, part) in codes[start..].iter_mut().zip(part) {
                *code = if part == u32::MAX { part } else { part.saturating_add(base) };
            }
        }
        _ => unreachable!("the runtime refuses a column of another type"),
    }
}
