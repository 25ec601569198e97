//! The console: aggregations and alerts as they happen.

mod config;
mod format;

use std::collections::HashMap;
use std::io::{IsTerminal as _, Write as _};

pub use config::Config;

use super::{RowBatch, Sink, SinkError};
use crate::config::Span;
use crate::domain::EventTime;

/// Prints to standard output.
pub struct ConsoleSink {
    measures: Vec<(String, String)>,
    /// For each building, readings so far and sum of each measure: what "average" means in an alert.
    totals: HashMap<String, Vec<(u64, f64)>>,
    coloured: bool,
}

impl ConsoleSink {
    /// Measures are (name, unit).
    #[must_use]
    pub fn new(_: &Config, measures: Vec<(String, String)>) -> Self {
        let coloured = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { measures, totals: HashMap::new(), coloured }
    }

    fn text(&mut self, batch: &RowBatch) -> String {
        let mut text = String::new();
        for row in batch.aggregations.iter().filter(|row| row.is_final) {
            if row.revision == 0 {
                let totals = self.totals.entry(row.building.clone()).or_default();
                totals.resize(row.measures.len(), (0, 0.0));
                for ((count, sum), stats) in totals.iter_mut().zip(&row.measures).filter(|(_, stats)| stats.sum.is_finite()) {
                    *count += stats.weight(row.count);
                    *sum += stats.sum;
                }
            }
            text.push_str(&format::aggregation(row, &self.measures));
        }
        for row in batch.anomalies.iter() {
            let average = self
                .totals
                .get(&*row.building)
                .map(|totals| totals.iter().map(|(count, sum)| sum / *count as f64).collect::<Vec<_>>());
            text.push_str(&format::anomaly(row, &self.measures, average.as_deref(), self.coloured));
        }
        text
    }
}

impl Sink for ConsoleSink {
    fn name(&self) -> &'static str {
        "console"
    }

    async fn prepare(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    async fn write(&mut self, batch: &RowBatch) -> Result<(), SinkError> {
        let text = self.text(batch);
        // A closed pipe is the reader's choice, not a fault.
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
        Ok(())
    }

    async fn examine(&mut self) -> Result<String, SinkError> {
        Ok("prints to standard output".into())
    }

    fn keep(&self) -> Option<Span> {
        None
    }

    async fn delete_older(&mut self, _: EventTime, _: u32) -> Result<u64, SinkError> {
        Ok(0)
    }
}
