//! Scores by the distance to the nearest centre, column by column: the loop that every reading passes.
//!
//! Every turn of a loop in a guest costs a check for the host's deadline, and the check spills what is held in registers. So the
//! loop turns seldom and once over the rows: eight rows and three centres a turn, unrolled because their numbers are constants.
//! All lanes follow the plain formula in the plain order, so a row's distance has the same bits wherever the batch is cut. The
//! formula is `sqrt(sum(((x - mean) / std - centre)²))`; a division costs as much as all the rest, so it is a multiplication by
//! `1 / std`, which differs in the last bit.

/// Rows of one turn.
const ROWS: usize = 8;

/// Centres of one turn. Three is the usual number of clusters.
const CENTRES: usize = 3;

/// Mean and standard deviation of a feature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    pub(crate) mean: f64,
    pub(crate) std: f64,
    /// `1 / std`.
    per_std: f64,
}

impl Scale {
    pub(crate) fn new(mean: f64, std: f64) -> Self {
        Self { mean, std, per_std: 1.0 / std }
    }

    #[inline]
    pub(crate) fn apply(self, value: f64) -> f64 {
        (value - self.mean) * self.per_std
    }
}

/// Scaled centres, in groups of [`CENTRES`]; the last group is filled up with its last centre, which changes no minimum.
pub(crate) struct Nearest<const D: usize> {
    scales: [Scale; D],
    groups: Vec<[[f64; D]; CENTRES]>,
}

impl<const D: usize> Nearest<D> {
    /// Centres have `D` coordinates each, and there is at least one.
    pub(crate) fn new(scales: &[Scale], centres: &[Vec<f64>]) -> Self {
        let centre = |at: usize| -> [f64; D] { std::array::from_fn(|axis| centres[at.min(centres.len() - 1)][axis]) };
        let group = |first: usize| std::array::from_fn(|offset| centre(first + offset));
        Self {
            scales: std::array::from_fn(|axis| scales[axis]),
            groups: (0..centres.len()).step_by(CENTRES).map(group).collect(),
        }
    }

    /// Scores rows and returns those beyond the threshold, as [`Beyond`] does for each of them; NaN where a value is.
    pub(crate) fn score(&self, columns: [&[f64]; D], mut beyond: Beyond, scores: &mut [f64]) -> Vec<Far> {
        let blocks = columns.map(|column| column.as_chunks::<ROWS>());
        let (whole, rest) = scores.as_chunks_mut::<ROWS>();
        for (index, out) in whole.iter_mut().enumerate() {
            *out = beyond.score(index * ROWS, self.block(blocks.map(|(whole, _)| whole[index])));
        }
        if !rest.is_empty() {
            // The last few rows go the same way, in a block with idle lanes: NaN is beyond nothing.
            let padded = blocks.map(|(_, rest)| std::array::from_fn(|lane| rest.get(lane).copied().unwrap_or(f64::NAN)));
            let length = rest.len();
            rest.copy_from_slice(&beyond.score(whole.len() * ROWS, self.block(padded))[..length]);
        }
        beyond.into_far()
    }

    #[inline(always)]
    fn block(&self, values: [[f64; ROWS]; D]) -> [f64; ROWS] {
        let scaled: [[f64; ROWS]; D] = std::array::from_fn(|axis| values[axis].map(|value| self.scales[axis].apply(value)));
        let mut nearest = [f64::INFINITY; ROWS];
        for (number, group) in self.groups.iter().enumerate() {
            for (offset, centre) in group.iter().enumerate() {
                let mut squares = [0.0; ROWS];
                for axis in 0..D {
                    for lane in 0..ROWS {
                        let deviation = scaled[axis][lane] - centre[axis];
                        squares[lane] += deviation * deviation;
                    }
                }
                let first = number == 0 && offset == 0;
                for lane in 0..ROWS {
                    // The first centre always wins, so that NaN stays NaN: it is smaller than nothing.
                    nearest[lane] = if first || squares[lane] < nearest[lane] { squares[lane] } else { nearest[lane] };
                }
            }
        }
        nearest.map(f64::sqrt)
    }
}

/// A row beyond the threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Far {
    /// Its index.
    pub row: usize,
    /// Its distance to the nearest centre.
    pub distance: f64,
}

/// Turns distances into scores and keeps the rows whose distance is beyond the threshold.
pub(crate) struct Beyond {
    threshold: f64,
    per_threshold: f64,
    far: Vec<Far>,
}

impl Beyond {
    pub(crate) fn new(threshold: f64) -> Self {
        Self { threshold, per_threshold: 1.0 / threshold, far: Vec::new() }
    }

    /// Scores of rows side by side, of which the first is `first`: above 1 just where the distance is beyond the threshold.
    #[inline(always)]
    pub(crate) fn score<const N: usize>(&mut self, first: usize, distances: [f64; N]) -> [f64; N] {
        // Rounding must not lift a row over a threshold that it did not pass.
        let mut scores = distances.map(|distance| at_most_one(distance * self.per_threshold));
        if distances.iter().fold(false, |any, &distance| any | (distance > self.threshold)) {
            self.take_far(first, &distances, &mut scores);
        }
        scores
    }

    #[cold]
    #[inline(never)]
    fn take_far(&mut self, first: usize, distances: &[f64], scores: &mut [f64]) {
        for (offset, (&distance, score)) in distances.iter().zip(scores).enumerate() {
            if distance > self.threshold {
                // Values near the end of the number range are infinitely far; a score is finite.
                *score = (distance / self.threshold).clamp(ABOVE_ONE, f64::MAX);
                self.far.push(Far { row: first + offset, distance: distance.min(f64::MAX) });
            }
        }
    }

    pub(crate) fn into_far(self) -> Vec<Far> {
        self.far
    }
}

/// The next number after 1.
const ABOVE_ONE: f64 = 1.0 + f64::EPSILON;

/// NaN stays NaN.
#[inline(always)]
fn at_most_one(score: f64) -> f64 {
    if score > 1.0 { 1.0 } else { score }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_beyond_the_threshold_are_found_wherever_they_lie() {
        for far in 0..8 {
            let mut distances = [1.0; 8];
            distances[far] = 3.0;
            distances[(far + 1) % 8] = f64::NAN;
            let mut beyond = Beyond::new(2.0);
            let scores = beyond.score(16, distances);
            assert_eq!(beyond.into_far(), [Far { row: 16 + far, distance: 3.0 }]);
            for (lane, score) in scores.into_iter().enumerate() {
                match (lane == far, lane == (far + 1) % 8) {
                    (true, _) => assert_eq!(score, 1.5),
                    (_, true) => assert!(score.is_nan()),
                    _ => assert_eq!(score, 0.5),
                }
            }
        }
    }

    #[test]
    fn a_score_is_above_one_just_where_the_distance_is_beyond_the_threshold() {
        // 1 / 49 is such that 49 times it is not 1.
        for threshold in [49.0, 1.86, 1.0 / 3.0, 1e-300, 1e300] {
            let mut beyond = Beyond::new(threshold);
            let [at, above, infinite, nan] = beyond.score(0, [threshold, threshold.next_up(), f64::INFINITY, f64::NAN]);
            assert!(at <= 1.0 && above > 1.0, "{threshold}: {at}, {above}");
            assert_eq!(infinite, f64::MAX);
            assert!(nan.is_nan());
            assert_eq!(beyond.into_far().iter().map(|far| far.row).collect::<Vec<_>>(), [1, 2]);
        }
    }
}
