//! What a plugin says of each row, as the lines of `expected.jsonl`.

use serde_json::{Map, Value, json};
use wattdog_plugin_runtime::{Column, Description, Enriched, Scored, Severity};

use super::rows::MISSING;

/// A score for each row, and what was found of some.
pub(super) fn of_scored(scored: &Scored, description: &Description) -> Vec<Value> {
    let mut lines: Vec<Value> = scored.scores.iter().map(|&score| json!({ "score": score })).collect();
    let found = &scored.findings;
    let (inputs, numbers) = (description.inputs.len(), description.numbers.len());
    for (index, &row) in found.rows.iter().enumerate() {
        let line = lines[row as usize].as_object_mut().expect("it was made as one");
        let by_input = |list: &[f64]| -> Option<Value> {
            let values = list.get(index * inputs..(index + 1) * inputs).filter(|_| !list.is_empty())?;
            let named = description.inputs.iter().zip(values).map(|(input, &value)| (input.name.clone(), json!(value)));
            Some(Value::Object(named.collect()))
        };
        line.insert("severity".into(), word(found.severities[index]).into());
        for (number, spec) in description.numbers.iter().enumerate() {
            line.insert(spec.name.clone(), json!(found.numbers[index * numbers + number]));
        }
        let lists = [
            ("expected", &found.expected),
            ("expected_low", &found.expected_low),
            ("expected_high", &found.expected_high),
            ("blame", &found.blame),
        ];
        line.extend(lists.into_iter().filter_map(|(name, list)| Some((name.to_owned(), by_input(list)?))));
        line.extend(found.reasons.get(index).map(|reason| ("reason".into(), reason.clone().into())));
    }
    lines
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Minor => "minor",
        Severity::Anomaly => "anomaly",
        Severity::Critical => "critical",
    }
}

/// The new columns by name; `texts` are the outputs' dictionaries, which grow.
pub(super) fn of_enriched(enriched: Enriched, description: &Description, texts: &mut [Vec<String>]) -> Vec<Value> {
    for new in enriched.new_entries {
        texts[new.column as usize].extend(new.values);
    }
    let rows = enriched.columns.first().map_or(0, |column| match column {
        Column::Floats(values) => values.len(),
        Column::Codes(codes) => codes.len(),
    });
    let mut lines = vec![Map::new(); rows];
    for ((spec, column), texts) in description.outputs.iter().zip(&enriched.columns).zip(texts) {
        for (row, line) in lines.iter_mut().enumerate() {
            let value = match column {
                Column::Floats(values) => json!(values[row]),
                Column::Codes(codes) if codes[row] == MISSING => Value::Null,
                Column::Codes(codes) => json!(texts[codes[row] as usize]),
            };
            line.insert(spec.name.clone(), value);
        }
    }
    lines.into_iter().map(Value::Object).collect()
}
