//! A gauge that several add up to.

use super::Gauge;

/// What one of them adds; it goes with it.
#[derive(Debug)]
pub struct Share {
    sum: Gauge,
    part: i64,
}

impl Share {
    /// Adds nothing yet.
    #[must_use]
    pub fn of(sum: &Gauge) -> Self {
        Self { sum: sum.clone(), part: 0 }
    }

    /// In place of what it added before.
    pub fn set(&mut self, part: i64) {
        self.sum.inc_by(part - self.part);
        self.part = part;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_is_the_sum_of_those_that_are_there() {
        let sum = Gauge::default();
        let [mut one, mut other] = [Share::of(&sum), Share::of(&sum)];
        one.set(3);
        other.set(4);
        one.set(1);
        assert_eq!(sum.get(), 5);
        drop(other);
        assert_eq!(sum.get(), 1);
    }
}
