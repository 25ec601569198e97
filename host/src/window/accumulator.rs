//! Average, minimum, maximum and sum of one measure, one value at a time.

use serde::{Deserialize, Serialize};

/// Statistics so far; values that are missing (NaN) count for nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Accumulator {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    /// Shares of growth that are no values: they count in the sum alone.
    shares: f64,
    has_shares: bool,
}

impl Accumulator {
    /// Takes a value in.
    pub fn add(&mut self, value: f64) {
        if value.is_nan() {
            return;
        }
        if self.count == 0 {
            (self.min, self.max) = (value, value);
        } else {
            (self.min, self.max) = (self.min.min(value), self.max.max(value));
        }
        self.count += 1;
        self.sum += value;
    }

    /// Adds to the sum what no value of this window shows.
    pub fn add_share(&mut self, share: f64) {
        self.shares += share;
        self.has_shares = true;
    }

    /// How many values there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Sum in order of arrival, with shares; NaN where there was neither.
    #[must_use]
    pub fn sum(&self) -> f64 {
        if self.has_shares { self.sum + self.shares } else { self.or_nan(self.sum) }
    }

    /// Arithmetic mean; NaN where there was no value.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.or_nan(self.sum / self.count as f64)
    }

    /// Smallest; NaN where there was no value.
    #[must_use]
    pub fn min(&self) -> f64 {
        self.or_nan(self.min)
    }

    /// Largest; NaN where there was no value.
    #[must_use]
    pub fn max(&self) -> f64 {
        self.or_nan(self.max)
    }

    fn or_nan(&self, value: f64) -> f64 {
        if self.count == 0 { f64::NAN } else { value }
    }
}
