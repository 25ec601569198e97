//! How a detector's scores are spread, over all readings: what is far below the threshold says as much of it as what it reports.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// Bins of a quarter of the threshold each; the last takes all above.
const BINS: usize = 13;
const BINS_OF_ONE: f64 = 4.0;

/// Counted by all lanes together, since the plugin was loaded.
#[derive(Debug, Default)]
pub struct Scores {
    bins: [AtomicU64; BINS],
    not_judged: AtomicU64,
}

/// How many scores are where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    /// From 0 on, each a quarter of the detector's own threshold wide; the last has all above.
    pub counts: Vec<u64>,
    /// Readings that it could not judge yet.
    pub not_judged: u64,
}

impl Scores {
    /// Adds the scores of some readings; NaN: not judged.
    pub fn count(&self, scores: &[f64]) {
        let (mut bins, mut not_judged) = ([0; BINS], 0);
        for &score in scores {
            // NaN goes to the first bin, and is taken out again below.
            bins[((score * BINS_OF_ONE) as usize).min(BINS - 1)] += 1;
            not_judged += u64::from(score.is_nan());
        }
        bins[0] -= not_judged;
        for (all, new) in self.bins.iter().zip(bins) {
            all.fetch_add(new, Ordering::Relaxed);
        }
        self.not_judged.fetch_add(not_judged, Ordering::Relaxed);
    }

    /// As counted so far.
    #[must_use]
    pub fn spread(&self) -> Spread {
        let counts = self.bins.iter().map(|bin| bin.load(Ordering::Relaxed)).collect();
        Spread { counts, not_judged: self.not_judged.load(Ordering::Relaxed) }
    }
}

impl Spread {
    /// The score at which a bin begins.
    #[must_use]
    pub fn lower_edge(bin: usize) -> f64 {
        bin as f64 / BINS_OF_ONE
    }

    /// All that were counted.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.not_judged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_score_has_its_bin_and_one_that_is_none_has_not() {
        let scores = Scores::default();
        scores.count(&[0.0, 0.24, 0.25, 1.0, 2.99, 3.0, f64::MAX, f64::NAN]);
        scores.count(&[f64::NAN]);
        let spread = scores.spread();
        assert_eq!(spread.counts, [2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!((spread.not_judged, spread.total()), (2, 9));
        assert_eq!(Spread::lower_edge(12), 3.0);
    }
}
