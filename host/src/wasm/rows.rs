//! Rows as one plugin reads them: its inputs, in the order of its description.

use std::ops::Range;

use wattdog_plugin_runtime::ColumnParam;

use crate::domain::{Batch, Column, MeterId};
use crate::registry::ColumnSource;

/// Borrowed from a batch, or from what is kept of earlier ones.
pub(super) struct View<'a> {
    pub(super) meters: &'a [MeterId],
    pub(super) event_times_us: &'a [i64],
    pub(super) columns: Vec<ColumnParam<'a>>,
}

/// Columns that the host does not have, as long as the longest batch that asked.
#[derive(Default)]
pub(super) struct Missing {
    floats: Vec<f64>,
    codes: Vec<u32>,
}

impl Missing {
    fn grow(&mut self, rows: usize) {
        if self.floats.len() < rows {
            self.floats.resize(rows, f64::NAN);
            self.codes.resize(rows, u32::MAX);
        }
    }

    /// These rows of a batch.
    pub(super) fn view<'a>(&'a mut self, inputs: &[ColumnSource], batch: &'a Batch, rows: Range<usize>) -> View<'a> {
        self.grow(rows.len());
        let this = &*self;
        let column = |source: &ColumnSource| match *source {
            ColumnSource::Measure(at) => ColumnParam::Floats(&batch.measures[at][rows.clone()]),
            ColumnSource::Enriched(at) => param(&batch.enriched[at], rows.clone()),
            ColumnSource::MissingFloats => ColumnParam::Floats(&this.floats[..rows.len()]),
            ColumnSource::MissingCodes => ColumnParam::Codes(&this.codes[..rows.len()]),
        };
        View {
            meters: &batch.meters[rows.clone()],
            event_times_us: &batch.event_times_us[rows.clone()],
            columns: inputs.iter().map(column).collect(),
        }
    }
}

fn param(column: &Column, rows: Range<usize>) -> ColumnParam<'_> {
    match column {
        Column::Floats(values) => ColumnParam::Floats(&values[rows]),
        Column::Codes(codes) => ColumnParam::Codes(&codes[rows]),
    }
}

/// Owned rows.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) meters: Vec<MeterId>,
    event_times_us: Vec<i64>,
    columns: Vec<Column>,
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        self.meters.len()
    }

    /// A copy of a view.
    pub(super) fn copy(view: &View<'_>) -> Self {
        let column = |column: &ColumnParam<'_>| match column {
            ColumnParam::Floats(values) => Column::Floats(values.to_vec()),
            ColumnParam::Codes(codes) => Column::Codes(codes.to_vec()),
        };
        Self {
            meters: view.meters.to_vec(),
            event_times_us: view.event_times_us.to_vec(),
            columns: view.columns.iter().map(column).collect(),
        }
    }

    /// Adds a row of rows of the same plugin.
    pub(super) fn push(&mut self, from: &Self, row: usize) {
        self.meters.push(from.meters[row]);
        self.event_times_us.push(from.event_times_us[row]);
        if self.columns.is_empty() {
            let empty = |column: &Column| match column {
                Column::Floats(_) => Column::Floats(Vec::new()),
                Column::Codes(_) => Column::Codes(Vec::new()),
            };
            self.columns = from.columns.iter().map(empty).collect();
        }
        for (to, from) in self.columns.iter_mut().zip(&from.columns) {
            match (to, from) {
                (Column::Floats(to), Column::Floats(from)) => to.push(from[row]),
                (Column::Codes(to), Column::Codes(from)) => to.push(from[row]),
                _ => unreachable!("an input of a plugin keeps its type"),
            }
        }
    }

    pub(super) fn view(&self, rows: Range<usize>) -> View<'_> {
        View {
            meters: &self.meters[rows.clone()],
            event_times_us: &self.event_times_us[rows.clone()],
            columns: self.columns.iter().map(|column| param(column, rows.clone())).collect(),
        }
    }
}
