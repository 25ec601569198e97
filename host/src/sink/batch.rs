//! Rows on their way to a store.

use std::collections::{HashMap, HashSet};
use std::ops::Deref;

use crate::domain::EventTime;
use crate::kafka::Message;
use crate::results::{Aggregation, Anomaly};

/// Where a row stands on its result topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which partition.
    pub partition: i32,
    /// Which record of it.
    pub offset: i64,
    /// The record's timestamp in milliseconds since the epoch; -1 where the broker has none.
    pub timestamp_ms: i64,
}

impl Place {
    pub(super) fn of(message: &Message<'_>) -> Self {
        Self { partition: message.partition(), offset: message.offset(), timestamp_ms: message.timestamp_ms() }
    }
}

/// Rows of one table, in the order of their topic, and the place of each. Reads as a slice of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows<T> {
    rows: Vec<T>,
    places: Vec<Place>,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), places: Vec::new() }
    }
}

impl<T> Deref for Rows<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.rows
    }
}

impl<T> Rows<T> {
    /// Adds a row.
    pub fn push(&mut self, row: T, place: Place) {
        self.rows.push(row);
        self.places.push(place);
    }

    /// Each row with its place.
    pub(super) fn placed(&self) -> impl Iterator<Item = (&T, Place)> {
        self.rows.iter().zip(self.places.iter().copied())
    }

    /// Leaves out the rows for which `keep` has no true; it is asked in order.
    fn retain(&mut self, keep: impl FnMut(&T) -> bool) {
        let kept: Vec<bool> = self.rows.iter().map(keep).collect();
        let (mut of_rows, mut of_places) = (kept.iter(), kept.iter());
        self.rows.retain(|_| of_rows.next() == Some(&true));
        self.places.retain(|_| of_places.next() == Some(&true));
    }

    /// The first of `rows` takes the place of all that is here.
    fn remember_one(&mut self, rows: &Self)
    where
        T: Clone,
    {
        if let (Some(row), Some(place)) = (rows.rows.first(), rows.places.first()) {
            *self = Self { rows: vec![row.clone()], places: vec![*place] };
        }
    }

    fn split_off(&mut self, at: usize) -> Self {
        Self { rows: self.rows.split_off(at), places: self.places.split_off(at) }
    }
}

/// Rows in the order of their topics; of each window only the last, of each finding only one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowBatch {
    /// Rows of windows.
    pub aggregations: Rows<Aggregation>,
    /// Rows of findings.
    pub anomalies: Rows<Anomaly<'static>>,
    /// Rows of findings of detectors in the shadow.
    pub shadow_anomalies: Rows<Anomaly<'static>>,
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
            let mut seen = HashSet::with_capacity(findings.len());
            findings.retain(|row| seen.insert(row.id));
        }
    }

    /// Keeps one row of each table that `batch` has.
    pub(super) fn remember_one_of_each(&mut self, batch: &Self) {
        self.aggregations.remember_one(&batch.aggregations);
        self.anomalies.remember_one(&batch.anomalies);
        self.shadow_anomalies.remember_one(&batch.shadow_anomalies);
    }

    /// Of the rows here, those of tables that `other` has rows of.
    pub(super) fn of_the_tables_of(&self, other: &Self) -> Self {
        let mut rows = self.clone();
        rows.aggregations.retain(|_| !other.aggregations.is_empty());
        rows.anomalies.retain(|_| !other.anomalies.is_empty());
        rows.shadow_anomalies.retain(|_| !other.shadow_anomalies.is_empty());
        rows
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

#[cfg(test)]
mod tests {
    use super::*;

    fn window(building: &str, count: u64) -> Aggregation {
        Aggregation {
            building: building.into(),
            window_start: EventTime(0),
            window_end: EventTime(30_000_000),
            count,
            revision: 0,
            is_final: false,
            measures: Vec::new(),
        }
    }

    fn batch(rows: &[(&str, u64)]) -> RowBatch {
        let mut batch = RowBatch::default();
        for (offset, (building, count)) in rows.iter().enumerate() {
            let place = Place { partition: 0, offset: offset as i64, timestamp_ms: -1 };
            batch.aggregations.push(window(building, *count), place);
        }
        batch
    }

    fn offsets(batch: &RowBatch) -> Vec<(u64, i64)> {
        batch.aggregations.placed().map(|(row, place)| (row.count, place.offset)).collect()
    }

    #[test]
    fn a_row_keeps_its_place_when_others_go_and_when_the_batch_is_cut() {
        let mut batch = batch(&[("A", 1), ("B", 1), ("A", 2), ("C", 1), ("A", 3)]);
        batch.deduplicate();
        assert_eq!(offsets(&batch), [(1, 1), (1, 3), (3, 4)]);
        let [first, second] = batch.halves();
        assert_eq!((offsets(&first), offsets(&second)), (vec![(1, 1)], vec![(1, 3), (3, 4)]));
    }
}
