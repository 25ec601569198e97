//! Is what a plugin returned what the contract says? Checked before it touches anything of the host.

use std::collections::HashSet;

use crate::contract::v1_bindings::wattdog::plugin::types::{ColumnType, Description, MeterStateResult};
use crate::fault::Fault;
use crate::limits::Limits;
use crate::text::one_line;
use crate::{Column, Enriched, Findings, Scored};

/// The code of a missing text.
const MISSING: u32 = u32::MAX;

/// How far each text output's dictionary has come.
#[derive(Default)]
pub(crate) struct Dictionaries {
    lengths: Vec<u32>,
    bytes: usize,
}

impl Dictionaries {
    pub(crate) fn new(outputs: usize) -> Self {
        Self { lengths: vec![0; outputs], bytes: 0 }
    }
}

/// Checks the findings and makes their reasons fit for a log line.
pub(crate) fn check_scored(scored: &mut Scored, rows: u32, description: &Description, limit: usize) -> Result<(), Fault> {
    check_scores(&scored.scores, rows)?;
    check_rows(&scored.findings.rows, rows)?;
    check_lengths(&scored.findings, description)?;
    check_values(&scored.findings)?;
    if findings_bytes(&scored.findings) > limit {
        return Err(Fault::OutputSize { limit });
    }
    for reason in &mut scored.findings.reasons {
        *reason = one_line(std::mem::take(reason));
    }
    Ok(())
}

fn check_scores(scores: &[f64], rows: u32) -> Result<(), Fault> {
    if scores.len() != rows as usize {
        return wrong(format!("{} scores for {rows} rows", scores.len()));
    }
    let is_wrong = |score: f64| score == f64::INFINITY || score < 0.0;
    // This is done to every reading, so eight side by side and without a branch; a comparison with NaN keeps what was there.
    let (blocks, rest) = scores.as_chunks::<8>();
    let (mut lowest, mut highest) = ([0.0; 8], [0.0; 8]);
    for block in blocks {
        for (lane, &score) in block.iter().enumerate() {
            lowest[lane] = if score < lowest[lane] { score } else { lowest[lane] };
            highest[lane] = if score > highest[lane] { score } else { highest[lane] };
        }
    }
    if lowest.iter().chain(&highest).chain(rest).any(|&score| is_wrong(score)) {
        let row = scores.iter().position(|&score| is_wrong(score)).expect("seen just now");
        return wrong(format!("score {:?} in row {row}: a score is 0 or more, or NaN", scores[row]));
    }
    Ok(())
}

fn check_rows(found: &[u32], rows: u32) -> Result<(), Fault> {
    if let Some(row) = found.iter().find(|&&row| row >= rows) {
        return wrong(format!("a finding in row {row} of {rows}"));
    }
    if let Some(pair) = found.windows(2).find(|pair| pair[0] >= pair[1]) {
        return wrong(format!("a finding in row {} after one in row {}: they must ascend", pair[1], pair[0]));
    }
    Ok(())
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

fn check_values(findings: &Findings) -> Result<(), Fault> {
    if let Some(share) = findings.blame.iter().find(|share| !(0.0..=1.0).contains(*share)) {
        return wrong(format!("{share:?} as a share of the blame: it is 0 to 1"));
    }
    // Neither JSON nor every database has a word for infinity.
    for (name, values) in [
        ("expected", &findings.expected),
        ("expected-low", &findings.expected_low),
        ("expected-high", &findings.expected_high),
        ("numbers", &findings.numbers),
    ] {
        if values.iter().any(|value| value.is_infinite()) {
            return wrong(format!("an infinite value in `{name}`: what is not known is NaN"));
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

/// Checks columns against the description, and their codes against the dictionaries, which grow by what is new.
pub(crate) fn check_enriched(
    enriched: &Enriched,
    rows: u32,
    description: &Description,
    limits: &Limits,
    dictionaries: &mut Dictionaries,
) -> Result<(), Fault> {
    if enriched.columns.len() != description.outputs.len() {
        return wrong(format!("{} columns where it describes {}", enriched.columns.len(), description.outputs.len()));
    }
    append(enriched, description, limits, dictionaries)?;
    for ((column, spec), &entries) in enriched.columns.iter().zip(&description.outputs).zip(&dictionaries.lengths) {
        let (type_, length) = match column {
            Column::Floats(values) => (ColumnType::Float, values.len()),
            Column::Codes(codes) => (ColumnType::Text, codes.len()),
        };
        if type_ != spec.type_ || length != rows as usize {
            return wrong(format!("column `{}` has {length} values for {rows} rows, or another type", spec.name));
        }
        match column {
            // Both without a way out in the middle: this is done to every reading, and so it is done to several at once.
            Column::Floats(values) if values.iter().fold(false, |any, value| any | value.is_infinite()) => {
                return wrong(format!("an infinite value in column `{}`: what is missing is NaN", spec.name));
            }
            Column::Codes(codes) => {
                // One more than a code is 0 for a missing text, else at most the number of entries.
                if codes.iter().fold(0, |highest, code| code.wrapping_add(1).max(highest)) > entries {
                    let is_wrong = |code: u32| code >= entries && code != MISSING;
                    let code = codes.iter().copied().find(|&code| is_wrong(code)).expect("seen just now");
                    return wrong(format!("code {code} in column `{}`, whose dictionary has {entries} entries", spec.name));
                }
            }
            Column::Floats(_) => {}
        }
    }
    Ok(())
}

fn append(enriched: &Enriched, description: &Description, limits: &Limits, dictionaries: &mut Dictionaries) -> Result<(), Fault> {
    let mut new_bytes = 0;
    for append in &enriched.new_entries {
        let column = append.column as usize;
        let Some(spec) = description.outputs.get(column).filter(|spec| spec.type_ == ColumnType::Text) else {
            return wrong(format!("dictionary entries for column {column}, which is not text"));
        };
        let length = &mut dictionaries.lengths[column];
        if append.first_code != *length {
            let message = format!("`{}` appends entry {} to a dictionary of {length}", spec.name, append.first_code);
            return wrong(message);
        }
        *length += append.values.len() as u32;
        new_bytes += append.values.iter().map(|value| 8 + value.len()).sum::<usize>();
    }
    if new_bytes > limits.output {
        return Err(Fault::OutputSize { limit: limits.output });
    }
    dictionaries.bytes += new_bytes;
    // The host keeps what the guest keeps, so one limit holds for both.
    if dictionaries.bytes > limits.memory {
        return Err(Fault::Memory { limit: limits.memory });
    }
    Ok(())
}

/// Each state is of a meter that was asked for, and of none twice, and not too large.
pub(crate) fn check_states(states: &[MeterStateResult], meters: &[u32], limit: usize) -> Result<(), Fault> {
    if let Some(state) = states.iter().find(|state| state.bytes.len() > limit) {
        return Err(Fault::StateSize { length: state.bytes.len(), limit });
    }
    let mut asked: HashSet<_> = meters.iter().copied().collect();
    match states.iter().find(|state| !asked.remove(&state.meter)) {
        Some(state) => wrong(format!("state of meter {}, which was not asked for or came before", state.meter)),
        None => Ok(()),
    }
}

fn wrong(message: String) -> Result<(), Fault> {
    Err(Fault::Output(message))
}
