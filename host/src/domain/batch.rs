//! Readings of one poll, column by column.

use super::{EventTime, Fingerprint, MeterId};

/// Values that an enricher added.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Numbers; NaN: missing.
    Floats(Vec<f64>),
    /// Codes into the column's dictionary; `u32::MAX`: missing.
    Codes(Vec<u32>),
}

/// Decoded readings of one lane, in offset order; every column has the same length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Kafka offset of each reading.
    pub offsets: Vec<i64>,
    /// Which reading of its message each one is; empty where messages are one reading each.
    pub elements: Vec<u32>,
    /// Timestamp of each reading's Kafka record, milliseconds since the epoch.
    pub record_times_ms: Vec<i64>,
    /// When each reading was taken, microseconds since the epoch.
    pub event_times_us: Vec<i64>,
    /// Which meter took it.
    pub meters: Vec<MeterId>,
    /// One column for each configured measure, in the measure's unit; NaN: an optional measure that was not there. A counter's
    /// register becomes its growth when the row goes to its window.
    pub measures: Vec<Vec<f64>>,
    /// Columns of the enrichers, in the order in which they run.
    pub enriched: Vec<Column>,
}

impl Batch {
    /// An empty batch with a column for each of `measures` measures.
    #[must_use]
    pub fn new(measures: usize) -> Self {
        Self { measures: vec![Vec::new(); measures], ..Self::default() }
    }

    /// Number of readings.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// True when it holds no reading.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    /// Which reading of its message a row is.
    #[must_use]
    pub fn element(&self, row: usize) -> Option<u32> {
        self.elements.get(row).copied()
    }

    /// Event time of one row.
    #[must_use]
    pub fn event_time(&self, row: usize) -> EventTime {
        EventTime(self.event_times_us[row])
    }

    /// Fingerprint of all that one row says, of a counter its register: a reading that is sent again has the same.
    #[must_use]
    pub fn said(&self, row: usize, meter: Fingerprint) -> Fingerprint {
        let time = meter.with(self.event_times_us[row].cast_unsigned());
        self.measures.iter().fold(time, |said, values| said.with(values[row].to_bits()))
    }

    /// Empties it and keeps the memory.
    pub fn clear(&mut self) {
        self.offsets.clear();
        self.elements.clear();
        self.record_times_ms.clear();
        self.event_times_us.clear();
        self.meters.clear();
        self.measures.iter_mut().for_each(Vec::clear);
        self.enriched.clear();
    }

    /// Keeps the rows for which `keep` says so.
    pub fn retain(&mut self, keep: &[bool]) {
        fn filter<T>(column: &mut Vec<T>, keep: &[bool]) {
            let mut flags = keep.iter();
            column.retain(|_| *flags.next().expect("a flag for each row"));
        }
        filter(&mut self.offsets, keep);
        if !self.elements.is_empty() {
            filter(&mut self.elements, keep);
        }
        filter(&mut self.record_times_ms, keep);
        filter(&mut self.event_times_us, keep);
        filter(&mut self.meters, keep);
        self.measures.iter_mut().for_each(|column| filter(column, keep));
        for column in &mut self.enriched {
            match column {
                Column::Floats(values) => filter(values, keep),
                Column::Codes(codes) => filter(codes, keep),
            }
        }
    }
}
