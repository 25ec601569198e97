//! What a detector answers: a score for each row, and the rows that it reports.

use std::ops::RangeInclusive;

use crate::bindings::detection::exports::wattdog::plugin::detection as wire;
use crate::{Description, Severity};

/// The NaN of equal bytes: the one that fills memory fastest.
pub(crate) const UNKNOWN: f64 = f64::from_bits(u64::MAX);

/// Scores and findings of one batch, in the making.
pub struct Scored {
    inputs: usize,
    numbers: usize,
    scores: Vec<f64>,
    findings: wire::Findings,
}

impl Scored {
    /// Nothing is known yet about any of the rows.
    pub fn new(rows: usize, description: &Description) -> Self {
        Self {
            inputs: description.inputs.len(),
            numbers: description.numbers.len(),
            scores: vec![UNKNOWN; rows],
            findings: wire::Findings {
                rows: Vec::new(),
                severities: Vec::new(),
                expected: Vec::new(),
                expected_low: Vec::new(),
                expected_high: Vec::new(),
                blame: Vec::new(),
                numbers: Vec::new(),
                reasons: Vec::new(),
            },
        }
    }

    /// One score for each row, NaN until it is set: 1.0 is the detector's own threshold, NaN says that it cannot judge.
    pub fn scores(&mut self) -> &mut [f64] {
        &mut self.scores
    }

    /// Reports a row; what is known about it is added to the finding that this returns.
    ///
    /// # Panics
    /// If the row is not below all rows reported before it, or not in the batch.
    pub fn report(&mut self, row: usize, severity: Severity) -> Finding<'_> {
        assert!(row < self.scores.len(), "row {row} reported in a batch of {} rows", self.scores.len());
        let after_last = self.findings.rows.last().is_none_or(|&last| (last as usize) < row);
        assert!(after_last, "row {row} reported after a row below it");
        let index = self.findings.rows.len();
        self.findings.rows.push(row as u32);
        self.findings.severities.push(severity);
        Finding { scored: self, index }
    }

    /// The flat lists of the contract.
    pub(crate) fn finish(self) -> wire::Scored {
        let Self { inputs, numbers, scores, mut findings } = self;
        let count = findings.rows.len();
        for list in [&mut findings.expected, &mut findings.expected_low, &mut findings.expected_high] {
            if !list.is_empty() {
                list.resize(count * inputs, f64::NAN);
            }
        }
        if !findings.blame.is_empty() {
            findings.blame.resize(count * inputs, equal_share(inputs));
        }
        findings.numbers.resize(count * numbers, f64::NAN);
        if !findings.reasons.is_empty() {
            findings.reasons.resize(count, String::new());
        }
        wire::Scored { scores, findings }
    }
}

/// Who is to blame where a detector does not say: all inputs alike.
fn equal_share(inputs: usize) -> f64 {
    1.0 / inputs as f64
}

/// One reported row. What is not said of it stays unknown.
pub struct Finding<'a> {
    scored: &'a mut Scored,
    index: usize,
}

impl Finding<'_> {
    /// What was expected of an input, and the interval that would have been accepted, in the input's unit.
    pub fn expected(self, input: usize, value: f64, accepted: RangeInclusive<f64>) -> Self {
        assert!(input < self.scored.inputs, "expected value for input {input} of {}", self.scored.inputs);
        let at = self.index * self.scored.inputs + input;
        let findings = &mut self.scored.findings;
        set(&mut findings.expected, at, value);
        set(&mut findings.expected_low, at, *accepted.start());
        set(&mut findings.expected_high, at, *accepted.end());
        self
    }

    /// Each input's share of the blame, 0 to 1, summing to 1.
    pub fn blame(self, shares: &[f64]) -> Self {
        let inputs = self.scored.inputs;
        assert_eq!(shares.len(), inputs, "one share of the blame for each input");
        let list = &mut self.scored.findings.blame;
        list.resize(self.index * inputs, equal_share(inputs));
        list.extend_from_slice(shares);
        self
    }

    /// One of the numbers that the plugin has described.
    pub fn number(self, number: usize, value: f64) -> Self {
        assert!(number < self.scored.numbers, "number {number} of {}", self.scored.numbers);
        let at = self.index * self.scored.numbers + number;
        set(&mut self.scored.findings.numbers, at, value);
        self
    }

    /// A short reason for a person.
    pub fn reason(self, reason: impl Into<String>) -> Self {
        let list = &mut self.scored.findings.reasons;
        list.resize(self.index, String::new());
        list.push(reason.into());
        self
    }
}

fn set(list: &mut Vec<f64>, at: usize, value: f64) {
    if list.len() < at {
        list.resize(at, f64::NAN);
    }
    match list.get_mut(at) {
        Some(known) => *known = value,
        None => list.push(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description() -> Description {
        Description::new("test", "1.0.0", "A test.").input("a", "kWh").input("b", "L").number("distance", "", "How far.")
    }

    #[test]
    fn what_is_not_said_of_a_finding_is_unknown() {
        let mut scored = Scored::new(4, &description());
        scored.scores()[1] = 1.5;
        scored.report(1, Severity::Minor);
        scored.report(2, Severity::Critical).expected(1, 5.0, 4.0..=6.0).blame(&[0.25, 0.75]).number(0, 9.0).reason("b");
        scored.report(3, Severity::Minor);
        let wire = scored.finish();

        assert_eq!(wire.scores.iter().filter(|score| score.is_nan()).count(), 3);
        assert_eq!(wire.findings.rows, [1, 2, 3]);
        let known: Vec<Option<f64>> = wire.findings.expected.iter().map(|x| (!x.is_nan()).then_some(*x)).collect();
        assert_eq!(known, [None, None, None, Some(5.0), None, None]);
        assert_eq!(wire.findings.blame, [0.5, 0.5, 0.25, 0.75, 0.5, 0.5]);
        assert_eq!(wire.findings.numbers[1], 9.0);
        assert_eq!(wire.findings.numbers.len(), 3);
        assert_eq!(wire.findings.reasons, ["", "b", ""]);
    }

    #[test]
    fn lists_that_nobody_filled_stay_empty() {
        let mut scored = Scored::new(2, &description());
        scored.report(0, Severity::Minor).number(0, 1.0);
        let findings = scored.finish().findings;
        assert!(findings.expected.is_empty() && findings.blame.is_empty() && findings.reasons.is_empty());
    }

    #[test]
    #[should_panic(expected = "row 1 reported after a row below it")]
    fn rows_are_reported_in_order() {
        let mut scored = Scored::new(4, &description());
        scored.report(2, Severity::Minor);
        scored.report(1, Severity::Minor);
    }
}
