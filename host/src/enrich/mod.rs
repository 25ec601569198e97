//! Enrichers add columns to a batch, one after the other.

use std::ops::Range;
use std::sync::Arc;

use wattdog_plugin_runtime as runtime;
use wattdog_plugin_runtime::{Enriched, Fault, Instance};

use crate::domain::{Batch, Column, MeterTable};
use crate::registry::{Lineup, Plugin};
use crate::wasm::{self, Dictionaries, LanePlugin, Names, Succession};

/// The enrichers of one lane.
#[derive(Default)]
pub struct Enrich {
    enrichers: Vec<LanePlugin>,
    columns: Vec<String>,
    dictionaries: Dictionaries,
    /// For each column, what the running instance's code 0 is in our dictionary.
    bases: Vec<u32>,
}

/// Is told of the readings that an enricher could not take.
pub trait Failures {
    /// The reading of that offset, and which one of its message where that has several.
    fn failed(&mut self, plugin: &Plugin, offset: i64, element: Option<u32>, fault: &Fault);
}

impl Enrich {
    /// What the codes of text columns mean, a list for each enriched column.
    #[must_use]
    pub fn dictionaries(&self) -> &Dictionaries {
        &self.dictionaries
    }

    /// Each enricher, to ask what it costs.
    pub fn plugins(&mut self) -> impl Iterator<Item = &mut LanePlugin> {
        self.enrichers.iter_mut()
    }

    /// One step towards another lineup; true when [`Enrich::adopt`] takes no longer than another one.
    pub fn prepare(&mut self, next: &Lineup, meters: &MeterTable) -> bool {
        let mut learned = Learned::new(&self.dictionaries, &mut self.bases);
        let names = Names { meters, dictionaries: &self.dictionaries };
        let ready = wasm::prepare(&mut self.enrichers, &next.enrichers, |enricher| {
            enricher.prepare_swap(names, &mut Relearning { first: enricher.plugin().first_output, learned: &mut learned })
        });
        let new = learned.new;
        self.learn(new);
        ready
    }

    /// Runs another lineup from the next batch on. A column that both have keeps its dictionary.
    pub fn adopt(&mut self, next: &Lineup, meters: &MeterTable) -> Vec<Succession> {
        let mut learned = Learned::new(&self.dictionaries, &mut self.bases);
        let names = Names { meters, dictionaries: &self.dictionaries };
        let (enrichers, successions) = wasm::succeed(std::mem::take(&mut self.enrichers), &next.enrichers, |plugin, before| {
            let first = before.plugin().first_output;
            LanePlugin::succeed(plugin, before, names, &mut Relearning { first, learned: &mut learned })
        });
        let new = learned.new;
        self.learn(new);
        let before = std::mem::replace(self, Self { enrichers, ..Self::default() });
        self.columns = next.catalogue.enriched.iter().map(|column| column.name.clone()).collect();
        for column in &self.columns {
            let known = before.columns.iter().position(|known| known == column);
            self.dictionaries.push(known.map(|at| before.dictionaries[at].clone()).unwrap_or_default());
            self.bases.push(known.map(|at| before.bases[at]).unwrap_or_default());
        }
        successions
    }

    /// Has every enricher store what it knows of meters. False: one of them cannot now.
    pub fn store_all(&mut self, meters: &MeterTable) -> bool {
        let mut learned = Learned::new(&self.dictionaries, &mut self.bases);
        let names = Names { meters, dictionaries: &self.dictionaries };
        let all = self.enrichers.iter_mut().fold(true, |all, enricher| {
            let mut relearning = Relearning { first: enricher.plugin().first_output, learned: &mut learned };
            all & enricher.store_all(names, &mut relearning)
        });
        let new = learned.new;
        self.learn(new);
        all
    }

    /// Adds every enricher's columns. Rows on which one fails have its columns missing.
    pub fn run(&mut self, batch: &mut Batch, meters: &MeterTable, failures: &mut impl Failures) {
        self.run_those(|_| true, batch, meters, failures);
    }

    /// Likewise for rows that were enriched before: who remembers rows is not asked again, and its columns are missing.
    pub fn run_stateless(&mut self, batch: &mut Batch, meters: &MeterTable, failures: &mut impl Failures) {
        self.run_those(|plugin| !plugin.description.stateful, batch, meters, failures);
    }

    fn run_those(
        &mut self,
        is_asked: impl Fn(&Plugin) -> bool,
        batch: &mut Batch,
        meters: &MeterTable,
        failures: &mut impl Failures,
    ) {
        let mut enrichers = std::mem::take(&mut self.enrichers);
        for enricher in &mut enrichers {
            let plugin = Arc::clone(enricher.plugin());
            let learned = Learned::new(&self.dictionaries, &mut self.bases);
            let (offsets, elements, columns) = (&batch.offsets, &batch.elements, Vec::new());
            let mut enriching = Enriching { plugin: &plugin, offsets, elements, columns, learned, failures: &mut *failures };
            if is_asked(&plugin) {
                enricher.run(batch, Names { meters, dictionaries: &self.dictionaries }, &mut enriching);
            }
            enriching.begin_columns();
            let Enriching { columns, learned: Learned { new, .. }, .. } = enriching;
            self.learn(new);
            batch.enriched.extend(columns);
        }
        self.enrichers = enrichers;
    }

    fn learn(&mut self, new: Vec<Vec<String>>) {
        self.dictionaries.iter_mut().zip(new).for_each(|(dictionary, new)| dictionary.extend(new));
    }
}

/// What enrichers' dictionaries grow by during a call.
struct Learned<'a> {
    known: &'a Dictionaries,
    new: Vec<Vec<String>>,
    bases: &'a mut [u32],
}

impl<'a> Learned<'a> {
    fn new(known: &'a Dictionaries, bases: &'a mut [u32]) -> Self {
        Self { new: vec![Vec::new(); known.len()], known, bases }
    }

    fn take(&mut self, first: usize, appended: Vec<runtime::DictionaryAppend>) {
        for append in appended {
            let column = first + append.column as usize;
            if append.first_code == 0 {
                // A fresh instance counts from 0 again; our dictionary only grows.
                self.bases[column] = (self.known[column].len() + self.new[column].len()) as u32;
            }
            self.new[column].extend(append.values);
        }
    }
}

struct Enriching<'a, F> {
    plugin: &'a Plugin,
    offsets: &'a [i64],
    elements: &'a [u32],
    /// None before there is an answer.
    columns: Vec<Column>,
    learned: Learned<'a>,
    failures: &'a mut F,
}

impl<F> Enriching<'_, F> {
    /// All missing at first.
    fn begin_columns(&mut self) {
        if self.columns.is_empty() {
            let rows = self.offsets.len();
            self.columns = self.plugin.description.outputs.iter().map(|output| empty(output.type_, rows)).collect();
        }
    }
}

impl<F: Failures> wasm::Duty for Enriching<'_, F> {
    type Answer = Enriched;

    fn call(instance: &mut Instance, batch: &runtime::Batch<'_>) -> Result<Enriched, Fault> {
        instance.enrich(batch)
    }

    fn done(&mut self, rows: Range<usize>, answer: Result<Enriched, Fault>) {
        match answer {
            Ok(enriched) => {
                let first = self.plugin.first_output;
                self.learned.take(first, enriched.new_entries);
                let parts = enriched.columns.into_iter().zip(&self.learned.bases[first..]).map(|(part, base)| owned(part, *base));
                if rows == (0..self.offsets.len()) {
                    self.columns = parts.collect();
                } else {
                    let parts: Vec<_> = parts.collect();
                    self.begin_columns();
                    self.columns.iter_mut().zip(parts).for_each(|(column, part)| fill(column, rows.start, &part));
                }
            }
            Err(fault) => rows.for_each(|row| {
                self.failures.failed(self.plugin, self.offsets[row], self.elements.get(row).copied(), &fault);
            }),
        }
    }

    /// Its columns are missing in these rows.
    fn skipped(&mut self, _: Range<usize>) {}

    fn repeated(&mut self, answer: Enriched) {
        self.learned.take(self.plugin.first_output, answer.new_entries);
    }
}

/// Only state is moved; what an instance says again on the way is learned.
struct Relearning<'a, 'l> {
    first: usize,
    learned: &'a mut Learned<'l>,
}

impl wasm::Duty for Relearning<'_, '_> {
    type Answer = Enriched;

    fn call(instance: &mut Instance, batch: &runtime::Batch<'_>) -> Result<Enriched, Fault> {
        instance.enrich(batch)
    }

    fn done(&mut self, _: Range<usize>, _: Result<Enriched, Fault>) {}

    fn skipped(&mut self, _: Range<usize>) {}

    fn repeated(&mut self, answer: Enriched) {
        self.learned.take(self.first, answer.new_entries);
    }
}

fn empty(type_: runtime::ColumnType, rows: usize) -> Column {
    match type_ {
        runtime::ColumnType::Float => Column::Floats(vec![f64::NAN; rows]),
        runtime::ColumnType::Text => Column::Codes(vec![u32::MAX; rows]),
    }
}

/// A plugin's column, with its codes as the lane's dictionary has them.
fn owned(part: runtime::Column, base: u32) -> Column {
    match part {
        runtime::Column::Floats(values) => Column::Floats(values),
        runtime::Column::Codes(mut codes) => {
            if base > 0 {
                let known = codes.iter_mut().filter(|code| **code != u32::MAX);
                known.for_each(|code| *code = code.saturating_add(base));
            }
            Column::Codes(codes)
        }
    }
}

/// Types and lengths were checked by the runtime.
fn fill(column: &mut Column, start: usize, part: &Column) {
    match (column, part) {
        (Column::Floats(values), Column::Floats(part)) => values[start..start + part.len()].copy_from_slice(part),
        (Column::Codes(codes), Column::Codes(part)) => codes[start..start + part.len()].copy_from_slice(part),
        _ => unreachable!("the runtime refuses a column of another type"),
    }
}
