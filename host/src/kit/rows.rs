//! Readings as a plugin gets them: columns, with codes for meters and texts.

use std::collections::HashMap;
use std::ops::Range;

use serde_json::Value;
use wattdog_plugin_runtime::{ColumnParam, ColumnSpec, ColumnType, DictionaryAppendParam, Meter};

use super::readings::Reading;

/// The code of a missing text.
pub(super) const MISSING: u32 = u32::MAX;

/// Readings in the order of a description's inputs. Codes are given by first appearance.
pub struct Rows {
    pub(super) meters: Vec<u32>,
    pub(super) times_us: Vec<i64>,
    columns: Vec<Values>,
    names: Vec<MeterName>,
    /// For each input, its dictionary.
    texts: Vec<Vec<String>>,
}

enum Values {
    Floats(Vec<f64>),
    Codes(Vec<u32>),
}

struct MeterName {
    name: String,
    building: String,
    floor: Option<String>,
}

impl Rows {
    /// Takes the fields that the inputs name; a field that is not there, or of another type, is missing.
    pub fn new<'a>(readings: impl IntoIterator<Item = &'a Reading>, inputs: &[ColumnSpec]) -> Self {
        let column = |input: &ColumnSpec| match input.type_ {
            ColumnType::Float => Values::Floats(Vec::new()),
            ColumnType::Text => Values::Codes(Vec::new()),
        };
        let mut rows = Self {
            meters: Vec::new(),
            times_us: Vec::new(),
            columns: inputs.iter().map(column).collect(),
            names: Vec::new(),
            texts: vec![Vec::new(); inputs.len()],
        };
        let mut known = HashMap::new();
        for reading in readings {
            rows.push(reading, inputs, &mut known);
        }
        rows
    }

    fn push(&mut self, reading: &Reading, inputs: &[ColumnSpec], known: &mut HashMap<String, u32>) {
        let meter = reading.meter();
        let code = *known.entry(meter).or_insert_with_key(|name| {
            let (building, floor) = (reading.building.clone(), reading.floor.clone());
            self.names.push(MeterName { name: name.clone(), building, floor });
            self.names.len() as u32 - 1
        });
        self.meters.push(code);
        self.times_us.push(reading.time.0);
        for ((input, values), texts) in inputs.iter().zip(&mut self.columns).zip(&mut self.texts) {
            let field = reading.fields.get(&input.name);
            match values {
                Values::Floats(values) => values.push(field.and_then(Value::as_f64).unwrap_or(f64::NAN)),
                Values::Codes(codes) => codes.push(field.and_then(Value::as_str).map_or(MISSING, |text| code_of(texts, text))),
            }
        }
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> usize {
        self.meters.len()
    }

    /// How many meters they are of.
    #[must_use]
    pub fn meter_count(&self) -> usize {
        self.names.len()
    }

    pub(super) fn meter(&self, code: u32) -> Meter<'_> {
        let MeterName { name, building, floor } = &self.names[code as usize];
        Meter { code, name, building, floor: floor.as_deref() }
    }

    pub(super) fn columns(&self, range: Range<usize>) -> Vec<ColumnParam<'_>> {
        let part = self.columns.iter().map(|values| match values {
            Values::Floats(values) => ColumnParam::Floats(&values[range.clone()]),
            Values::Codes(codes) => ColumnParam::Codes(&codes[range.clone()]),
        });
        part.collect()
    }

    /// Texts of all inputs, for [`entries`].
    pub(super) fn texts(&self) -> Vec<Vec<&str>> {
        self.texts.iter().map(|texts| texts.iter().map(String::as_str).collect()).collect()
    }
}

/// All dictionaries as one message.
pub(super) fn entries<'a>(texts: &'a [Vec<&'a str>]) -> Vec<DictionaryAppendParam<'a>> {
    let told = |(column, values): (u32, &'a Vec<&'a str>)| DictionaryAppendParam { column, first_code: 0, values };
    (0..).zip(texts).filter(|(_, values)| !values.is_empty()).map(told).collect()
}

fn code_of(texts: &mut Vec<String>, text: &str) -> u32 {
    let known = texts.iter().position(|known| known == text).unwrap_or_else(|| {
        texts.push(text.into());
        texts.len() - 1
    });
    known as u32
}
