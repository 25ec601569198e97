//! A finding of a plugin as a row of `anomalies`.

use uuid::Uuid;
use wattdog_plugin_runtime as runtime;

use crate::domain::{Batch, Column, MeterTable};
use crate::registry::{Catalogue, Plugin};
use crate::results::{Anomaly, Severity, write_estimate, write_number, write_string};
use crate::wasm::Dictionaries;

/// Where the readings of a batch come from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Input topic.
    pub topic: &'a str,
    /// Its partition.
    pub partition: i32,
}

pub(super) struct Context<'a> {
    pub(super) plugin: &'a Plugin,
    pub(super) catalogue: &'a Catalogue,
    pub(super) dictionaries: &'a Dictionaries,
    pub(super) meters: &'a MeterTable,
    pub(super) source: Source<'a>,
}

impl Context<'_> {
    /// The row of finding `index`; `first_row` is the batch row that the plugin called 0.
    pub(super) fn anomaly<'s>(
        &'s self,
        batch: &Batch,
        first_row: usize,
        scored: &'s runtime::Scored,
        index: usize,
    ) -> Anomaly<'s> {
        let findings = &scored.findings;
        let part_row = findings.rows[index] as usize;
        let row = first_row + part_row;
        let meter = self.meters.meter(batch.meters[row]);
        let number = |name: &str| self.number(findings, index, name);
        Anomaly {
            id: self.id(batch, row),
            detected_at: batch.event_time(row),
            building: self.meters.building(meter.building).into(),
            floor: meter.floor.as_deref().and_then(|floor| floor.parse().ok()),
            meter: meter.name.as_str().into(),
            measures: batch.measures.iter().map(|column| column[row]).collect(),
            distance: number("distance"),
            threshold: number("threshold"),
            cluster: number("cluster").map(|cluster| cluster as i32),
            severity: match findings.severities[index] {
                runtime::Severity::Minor => Severity::Minor,
                runtime::Severity::Anomaly => Severity::Anomaly,
                runtime::Severity::Critical => Severity::Critical,
            },
            score: scored.scores[part_row],
            reason: findings.reasons.get(index).map(String::as_str).unwrap_or_default().into(),
            expected: self.expected(findings, index),
            context: self.context(batch, row, findings, index),
            detector: self.plugin.name.as_str().into(),
            detector_version: self.plugin.version.as_str().into(),
            detector_digest: self.plugin.digest.as_str().into(),
            source_partition: self.source.partition,
            source_offset: batch.offsets[row],
        }
    }

    /// `UUIDv5` of topic, partition, offset, record timestamp and plugin name, in the URL namespace, joined with `/`; and of the place of
    /// the reading in its message, where that has several and it is not the first.
    fn id(&self, batch: &Batch, row: usize) -> Uuid {
        let Source { topic, partition } = self.source;
        let mut name = format!("{topic}/{partition}/{}/{}/{}", batch.offsets[row], batch.record_times_ms[row], self.plugin.name);
        if let Some(element @ 1..) = batch.element(row) {
            name = format!("{name}/{element}");
        }
        Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes())
    }

    fn number(&self, findings: &runtime::Findings, index: usize, name: &str) -> Option<f64> {
        let numbers = &self.plugin.description.numbers;
        let place = numbers.iter().position(|number| number.name == name)?;
        Some(findings.numbers[index * numbers.len() + place])
    }

    /// `{"electricity":{"value":…,"low":…,"high":…,"blame":…}}`; none where the detector knows nothing.
    fn expected(&self, findings: &runtime::Findings, index: usize) -> Option<String> {
        let inputs = &self.plugin.description.inputs;
        let lists = [
            ("value", &findings.expected),
            ("low", &findings.expected_low),
            ("high", &findings.expected_high),
            ("blame", &findings.blame),
        ];
        if lists.iter().all(|(_, list)| list.is_empty()) {
            return None;
        }
        let mut json = JsonObject::new();
        for (place, input) in inputs.iter().enumerate() {
            json.begin(&input.name);
            for (name, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
                json.estimate(name, list[index * inputs.len() + place]);
            }
            json.end();
        }
        Some(json.finish())
    }

    /// What enrichers added, by column name, and the detector's numbers that have no column of their own.
    fn context(&self, batch: &Batch, row: usize, findings: &runtime::Findings, index: usize) -> Option<String> {
        let mut json = JsonObject::new();
        for (place, column) in self.catalogue.enriched.iter().enumerate() {
            match &batch.enriched[place] {
                Column::Floats(values) if !values[row].is_nan() => json.number(&column.name, values[row]),
                Column::Codes(codes) => {
                    if let Some(text) = self.dictionaries[place].get(codes[row] as usize) {
                        json.text(&column.name, text);
                    }
                }
                Column::Floats(_) => {}
            }
        }
        for number in &self.plugin.description.numbers {
            if !["distance", "threshold", "cluster"].contains(&number.name.as_str()) {
                json.number(&number.name, self.number(findings, index, &number.name).unwrap_or(f64::NAN));
            }
        }
        (!json.is_empty()).then(|| json.finish())
    }
}

/// Bytes of a usual object, so that it grows once.
const USUAL_BYTES: usize = 320;

/// A small JSON object, written as it grows.
struct JsonObject {
    bytes: Vec<u8>,
}

impl JsonObject {
    fn new() -> Self {
        let mut bytes = Vec::with_capacity(USUAL_BYTES);
        bytes.push(b'{');
        Self { bytes }
    }

    fn is_empty(&self) -> bool {
        self.bytes.len() == 1
    }

    fn key(&mut self, name: &str) {
        if self.bytes.last() != Some(&b'{') {
            self.bytes.push(b',');
        }
        write_string(name, &mut self.bytes);
        self.bytes.push(b':');
    }

    fn number(&mut self, name: &str, value: f64) {
        self.key(name);
        write_number(value, &mut self.bytes);
    }

    fn estimate(&mut self, name: &str, value: f64) {
        self.key(name);
        write_estimate(value, &mut self.bytes);
    }

    fn text(&mut self, name: &str, value: &str) {
        self.key(name);
        write_string(value, &mut self.bytes);
    }

    /// What follows until `end` is an object within this one.
    fn begin(&mut self, name: &str) {
        self.key(name);
        self.bytes.push(b'{');
    }

    fn end(&mut self) {
        self.bytes.push(b'}');
    }

    fn finish(mut self) -> String {
        self.bytes.push(b'}');
        String::from_utf8(self.bytes).expect("written from strings and numbers")
    }
}
