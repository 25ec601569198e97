//! What the model is not of, and why.

use serde_json::{Value, json};

use super::glitches::Glitches;
use super::rows::Rows;
use crate::wording::count;

/// Glitches of each feature that are named.
const NAMED: usize = 3;

/// Values that were left out of one feature.
pub(super) struct Feature {
    name: String,
    unit: String,
    count: usize,
    /// Line and value, the farthest from what is usual first.
    examples: Vec<(String, f64)>,
    usual: std::ops::Range<f64>,
}

/// Everything that was left out.
pub(super) struct LeftOut {
    pub(super) glitches: Vec<Feature>,
    /// Rows with a glitch.
    pub(super) glitch_rows: usize,
}

impl LeftOut {
    /// Takes the rows with glitches out.
    pub(super) fn of(features: &[String], units: &[String], rows: &mut Rows, glitches: Vec<Glitches>) -> Self {
        let feature = |Glitches { feature, values, usual }: &Glitches| Feature {
            name: features[*feature].clone(),
            unit: units[*feature].clone(),
            count: values.len(),
            examples: values.iter().take(NAMED).map(|(row, value)| (rows.line(*row), *value)).collect(),
            usual: usual.clone(),
        };
        let named = glitches.iter().map(feature).collect();
        let mut out: Vec<usize> = glitches.iter().flat_map(|of| &of.values).map(|(row, _)| *row).collect();
        out.sort_unstable();
        out.dedup();
        rows.leave_out(&out);
        Self { glitches: named, glitch_rows: out.len() }
    }

    /// A line for each reason.
    pub(super) fn text(&self, rows: &Rows) -> Vec<String> {
        let mut text = rows.unusable.text();
        text.extend(self.glitches.iter().map(Feature::text));
        if rows.outside > 0 {
            text.push(format!("{}: outside --since and --until", count(rows.outside, "record")));
        }
        text
    }

    /// For the model's file.
    pub(super) fn json(&self, rows: &Rows) -> Value {
        let unusable = rows.unusable.reasons().iter().map(|reason| {
            json!({ "reason": reason.word, "records": reason.records, "first_lines": reason.lines, "first": reason.example })
        });
        let glitches = self.glitches.iter().map(|of| {
            let lines: Vec<_> = of.examples.iter().map(|(line, _)| line).collect();
            let values: Vec<_> = of.examples.iter().map(|(_, value)| value).collect();
            json!({ "reason": "glitch", "records": of.count, "feature": of.name, "lines": lines, "values": values, "usual_up_to": of.usual.end })
        });
        let outside = (rows.outside > 0).then(|| json!({ "reason": "outside --since and --until", "records": rows.outside }));
        unusable.chain(glitches).chain(outside).collect()
    }
}

impl Feature {
    fn text(&self) -> String {
        let unit = if self.unit.is_empty() { String::new() } else { format!(" {}", self.unit) };
        let example = |(line, value): &(String, f64)| format!("{value}{unit} in line {line}");
        let examples: Vec<_> = self.examples.iter().map(example).collect();
        let more = if self.count > examples.len() { ", …" } else { "" };
        format!("{} of {}: {}{more}", count(self.count, "glitch"), self.name, examples.join(", "))
    }
}
