//! Values that repeat: a meter that stands, or drips now and then.

use std::collections::HashSet;
use std::ops::Range;

/// The most frequent value of ascending ones, by its places; the first of equals.
pub(super) fn longest_run(sorted: &[f64]) -> Range<usize> {
    let (mut longest, mut start) = (0..0, 0);
    for end in 1..=sorted.len() {
        if end == sorted.len() || sorted[end] != sorted[start] {
            if end - start > longest.len() {
                longest = start..end;
            }
            start = end;
        }
    }
    longest
}

/// The value that more than half of a column's rows have, and how many do.
pub(super) fn of_most_rows(column: &[f64]) -> Option<(f64, usize)> {
    // Boyer and Moore's vote (1981) leaves the only value that can be one.
    let (mut candidate, mut votes) = (f64::NAN, 0usize);
    for &value in column {
        match votes {
            0 => (candidate, votes) = (value, 1),
            _ if value == candidate => votes += 1,
            _ => votes -= 1,
        }
    }
    let count = column.iter().filter(|value| **value == candidate).count();
    (count * 2 > column.len()).then_some((candidate, count))
}

/// How many different rows there are, up to `enough`.
pub(super) fn different_rows(columns: &[Vec<f64>], enough: usize) -> usize {
    let mut seen = HashSet::new();
    for row in 0..columns.first().map_or(0, Vec::len) {
        // Zero and its negative are one value.
        seen.insert(columns.iter().map(|column| (column[row] + 0.0).to_bits()).collect::<Vec<_>>());
        if seen.len() >= enough {
            break;
        }
    }
    seen.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repeats_is_counted() {
        assert_eq!(longest_run(&[1.0, 2.0, 2.0, 3.0, 3.0]), 1..3);
        assert_eq!(longest_run(&[]), 0..0);
        assert_eq!(of_most_rows(&[0.0, 5.0, 0.0, 7.0, -0.0]), Some((0.0, 3)));
        assert_eq!(of_most_rows(&[0.0, 5.0, 0.0, 7.0]), None);
        let columns = [vec![0.0, -0.0, 1.0, 1.0], vec![2.0, 2.0, 2.0, 3.0]];
        assert_eq!(different_rows(&columns, 10), 3);
        assert_eq!(different_rows(&columns, 2), 2);
    }
}
