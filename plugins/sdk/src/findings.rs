//! Findings, added one by one, as the flat lists of the contract.

use crate::{Findings, Severity};

/// One row that a detector reports; slices have a value for each input, NaN where nothing is known.
#[derive(Clone, Copy, Debug)]
pub struct Finding<'a> {
    /// Index in the batch; findings come in ascending order.
    pub row: u32,
    /// How bad.
    pub severity: Severity,
    /// What was expected of each input, in its unit.
    pub expected: &'a [f64],
    /// Lower end of what would have been accepted.
    pub expected_low: &'a [f64],
    /// Upper end.
    pub expected_high: &'a [f64],
    /// Shares of the blame, summing to 1.
    pub blame: &'a [f64],
    /// The described numbers.
    pub numbers: &'a [f64],
}

/// Collects findings.
#[derive(Debug)]
pub struct FindingsBuilder {
    findings: Findings,
}

impl Default for FindingsBuilder {
    fn default() -> Self {
        Self {
            findings: Findings {
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
}

impl FindingsBuilder {
    /// Adds a finding with its reason.
    pub fn push(&mut self, finding: Finding<'_>, reason: String) {
        let findings = &mut self.findings;
        findings.rows.push(finding.row);
        findings.severities.push(finding.severity);
        findings.expected.extend_from_slice(finding.expected);
        findings.expected_low.extend_from_slice(finding.expected_low);
        findings.expected_high.extend_from_slice(finding.expected_high);
        findings.blame.extend_from_slice(finding.blame);
        findings.numbers.extend_from_slice(finding.numbers);
        findings.reasons.push(reason);
    }

    /// The lists.
    #[must_use]
    pub fn finish(self) -> Findings {
        self.findings
    }
}
