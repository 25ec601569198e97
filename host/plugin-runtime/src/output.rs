//! Is what a plugin returned what the contract says? Checked before it touches anything of the host.

use crate::bindings::v1::wattdog::plugin::types::{Batch, ColumnType, Description};
use crate::fault::Fault;
use crate::{Column, Enriched, Findings, Scored};

pub(crate) fn check_scored(scored: &Scored, batch: &Batch<'_>, description: &Description, limit: usize) -> Result<(), Fault> {
    let rows = batch.rows as usize;
    if scored.scores.len() != rows {
        return wrong(format!("{} scores for {rows} rows", scored.scores.len()));
    }
    if let Some(row) = scored.scores.iter().position(|score| score.is_infinite() || *score < 0.0) {
        return wrong(format!("score {} in row {row}: a score is 0 or more, or NaN", scored.scores[row]));
    }
    let findings = &scored.findings;
    let mut before = None;
    for &row in &findings.rows {
        if row >= batch.rows {
            return wrong(format!("a finding in row {row} of {rows}"));
        }
        if before.is_some_and(|before| row <= before) {
            return wrong(format!("findings not in ascending order at row {row}"));
        }
        before = Some(row);
    }
    check_lengths(findings, description)?;
    if findings.blame.iter().any(|share| !(0.0..=1.0).contains(share)) {
        return wrong("a share of the blame outside 0 to 1".into());
    }
    let bytes = findings_bytes(findings);
    if bytes > limit { Err(Fault::OutputSize { limit }) } else { Ok(()) }
}

fn check_lengths(findings: &Findings, description: &Description) -> Result<(), Fault> {
    let (n, inputs, numbers) = (findings.rows.len(), description.inputs.len(), description.numbers.len());
    let lists = [
        ("severities", findings.severities.len(), n, false),
        ("expected", findings.expected.len(), n * inputs, true),
        ("expected-low", findings.expected_low.len(), n * inputs, true),
        ("expected-high", findings.expected_high.len(), n * inputs, true),
        ("blame", findings.blame.len(), n * inputs, true),
        ("numbers", findings.numbers.len(), n * numbers, false),
        ("reasons", findings.reasons.len(), n, true),
    ];
    for (name, length, wanted, may_be_empty) in lists {
        if length != wanted && !(may_be_empty && length == 0) {
            return wrong(format!("`{name}` has {length} values where {n} findings need {wanted}"));
        }
    }
    Ok(())
}

fn findings_bytes(findings: &Findings) -> usize {
    let floats = findings.expected.len()
        + findings.expected_low.len()
        + findings.expected_high.len()
        + findings.blame.len()
        + findings.numbers.len();
    findings.rows.len() * 5 + floats * 8 + findings.reasons.iter().map(|reason| 8 + reason.len()).sum::<usize>()
}

pub(crate) fn check_enriched(enriched: &Enriched, batch: &Batch<'_>, description: &Description) -> Result<(), Fault> {
    let rows = batch.rows as usize;
    if enriched.columns.len() != description.outputs.len() {
        return wrong(format!("{} columns where it describes {}", enriched.columns.len(), description.outputs.len()));
    }
    for (column, spec) in enriched.columns.iter().zip(&description.outputs) {
        let (length, fits) = match column {
            Column::Floats(values) => (values.len(), spec.type_ == ColumnType::Float),
            Column::Codes(codes) => (codes.len(), spec.type_ == ColumnType::Text),
        };
        if !fits || length != rows {
            return wrong(format!("column `{}` has {length} values for {rows} rows, or another type", spec.name));
        }
    }
    for append in &enriched.new_entries {
        if !matches!(enriched.columns.get(append.column as usize), Some(Column::Codes(_))) {
            return wrong(format!("dictionary entries for column {}, which is not text", append.column));
        }
    }
    Ok(())
}

fn wrong(message: String) -> Result<(), Fault> {
    Err(Fault::Output(message))
}
