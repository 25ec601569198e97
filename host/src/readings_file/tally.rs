//! What could not be used of a file: how often for each reason, and where first.

use crate::wording::count;

/// Lines that are named for each reason.
const NAMED: usize = 3;

/// Records that could not be used, by reason.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(Vec<Reason>);

/// Records of one reason.
#[derive(Clone, Debug)]
pub(crate) struct Reason {
    pub(crate) word: String,
    pub(crate) records: u64,
    /// The first lines, with the file's name where there are several files.
    pub(crate) lines: Vec<String>,
    /// What was wrong with the first.
    pub(crate) example: String,
}

impl Tally {
    /// `line` and `example` are asked for the first few alone.
    pub(crate) fn add(&mut self, word: &str, line: impl FnOnce() -> String, example: impl FnOnce() -> String) {
        let at = self.0.iter().position(|reason| reason.word == word).unwrap_or_else(|| {
            self.0.push(Reason { word: word.to_owned(), records: 0, lines: Vec::new(), example: example() });
            self.0.len() - 1
        });
        let reason = &mut self.0[at];
        reason.records += 1;
        if reason.lines.len() < NAMED {
            reason.lines.push(line());
        }
    }

    /// Reasons of another kind.
    pub(crate) fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn records(&self) -> u64 {
        self.0.iter().map(|reason| reason.records).sum()
    }

    pub(crate) fn reasons(&self) -> &[Reason] {
        &self.0
    }

    /// A line for each reason, the most frequent first.
    pub(crate) fn text(&self) -> Vec<String> {
        let mut reasons: Vec<_> = self.0.iter().collect();
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.records));
        reasons.into_iter().map(Reason::text).collect()
    }
}

impl Reason {
    fn text(&self) -> String {
        let Self { word, records, lines, example } = self;
        let more = if *records > lines.len() as u64 { ", …" } else { "" };
        let noun = if lines.len() == 1 { "line" } else { "lines" };
        let first = if *records == 1 { "" } else { "; the first: " };
        let example = if example.is_empty() {
            String::new()
        } else if first.is_empty() {
            format!(": {example}")
        } else {
            format!("{first}{example}")
        };
        format!("{}: {word}, {noun} {}{more}{example}", count(*records, "record"), lines.join(", "))
    }
}
