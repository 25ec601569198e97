//! In which parts a batch is given to a plugin: whole, until it fails; then in halves, until the failing row is alone.

use std::ops::Range;

/// After a fault the next parts are so small, then twice as large each time, since faults come in bunches.
const CAUTIOUS: usize = 64;

/// The parts that are left of a batch, the next one last.
#[derive(Debug)]
pub(super) struct Parts {
    left: Vec<Range<usize>>,
    longest: usize,
}

impl Default for Parts {
    fn default() -> Self {
        Self { left: Vec::new(), longest: usize::MAX }
    }
}

impl Parts {
    pub(super) fn begin(&mut self, rows: usize) {
        self.left.clear();
        self.left.push(0..rows);
    }

    /// In the order of the rows.
    pub(super) fn next(&mut self) -> Option<Range<usize>> {
        let rows = self.left.pop().filter(|rows| !rows.is_empty())?;
        if rows.len() <= self.longest {
            return Some(rows);
        }
        let end = rows.start + self.longest;
        self.left.push(end..rows.end);
        Some(rows.start..end)
    }

    pub(super) fn succeeded(&mut self) {
        self.longest = self.longest.saturating_mul(2);
    }

    /// True when the part is tried again in halves; false when it is one row, which is to blame.
    pub(super) fn failed(&mut self, rows: Range<usize>) -> bool {
        self.longest = CAUTIOUS;
        if rows.len() == 1 {
            return false;
        }
        let middle = rows.start + rows.len() / 2;
        self.left.push(middle..rows.end);
        self.left.push(rows.start..middle);
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_row_has_its_turn_in_order_and_only_bad_ones_are_blamed(bad in proptest::collection::vec(any::<bool>(), 0..3_000)) {
            let mut parts = Parts::default();
            parts.begin(bad.len());
            let (mut done, mut blamed) = (Vec::new(), Vec::new());
            while let Some(rows) = parts.next() {
                if !bad[rows.clone()].contains(&true) {
                    done.extend(rows);
                    parts.succeeded();
                } else if !parts.failed(rows.clone()) {
                    blamed.push(rows.start);
                    done.push(rows.start);
                }
            }
            prop_assert_eq!(done, (0..bad.len()).collect::<Vec<_>>());
            prop_assert_eq!(blamed, (0..bad.len()).filter(|&row| bad[row]).collect::<Vec<_>>());
        }
    }
}
