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
    /// Rows of findings of detectors in the shadow.
    pub shadow_anomalies: Vec<Anomaly<'static>>,
}

impl RowBatch {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.aggregations.len() + self.anomalies.len() + self.shadow_anomalies.len()
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
        for findings in [&mut self.anomalies, &mut self.shadow_anomalies] {
            let mut seen = std::collections::HashSet::with_capacity(findings.len());
            findings.retain(|row| seen.insert(row.id));
        }
    }

    /// Two halves, for finding the row that a store refuses.
    pub(super) fn halves(self) -> [Self; 2] {
        let kinds = [self.aggregations.len(), self.anomalies.len(), self.shadow_anomalies.len()];
        let Self { mut aggregations, mut anomalies, mut shadow_anomalies } = self;
        if kinds.iter().filter(|&&rows| rows > 0).count() > 1 {
            let first = Self { aggregations, ..Self::default() };
            if first.is_empty() {
                return [Self { anomalies, ..Self::default() }, Self { shadow_anomalies, ..Self::default() }];
            }
            return [first, Self { anomalies, shadow_anomalies, ..Self::default() }];
        }
        let second = Self {
            aggregations: aggregations.split_off(kinds[0] / 2),
            anomalies: anomalies.split_off(kinds[1] / 2),
            shadow_anomalies: shadow_anomalies.split_off(kinds[2] / 2),
        };
        [Self { aggregations, anomalies, shadow_anomalies }, second]
    }
}
