//! Rows on their way to a store.

use std::collections::HashMap;

use crate::domain::EventTime;
use crate::results::{Aggregation, Anomaly};

/// Rows in the order of their topics; of each window only the last, of each finding only one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowBatch {
    /// Rows of windows.
    pub aggregations: Vec<Aggregation>,
    /// Rows of findings.
    pub anomalies: Vec<Anomaly<'static>>,
}

impl RowBatch {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.aggregations.len() + self.anomalies.len()
    }

    /// True without rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keeps the last row of each window and one of each finding: no statement may touch a row twice.
    pub(super) fn deduplicate(&mut self) {
        let mut last: HashMap<(String, EventTime), usize> = HashMap::with_capacity(self.aggregations.len());
        for (index, row) in self.aggregations.iter().enumerate() {
            last.insert((row.building.clone(), row.window_start), index);
        }
        let mut index = 0;
        self.aggregations.retain(|row| {
            let keep = last[&(row.building.clone(), row.window_start)] == index;
            index += 1;
            keep
        });
        let mut seen = std::collections::HashSet::with_capacity(self.anomalies.len());
        self.anomalies.retain(|row| seen.insert(row.id));
    }

    /// Two halves, for finding the row that a store refuses.
    pub(super) fn halves(self) -> [Self; 2] {
        let Self { mut aggregations, mut anomalies } = self;
        if aggregations.is_empty() || anomalies.is_empty() {
            let (windows, findings) = (aggregations.len() / 2, anomalies.len() / 2);
            let second = Self { aggregations: aggregations.split_off(windows), anomalies: anomalies.split_off(findings) };
            [Self { aggregations, anomalies }, second]
        } else {
            [Self { aggregations, anomalies: Vec::new() }, Self { aggregations: Vec::new(), anomalies }]
        }
    }
}
