//! Distances to the nearest centre, column by column: the loop that every reading passes.
//!
//! Every turn of a loop in a guest costs a check for the host's deadline, and the check spills what is held in registers. So the
//! loops turn seldom: four rows and three centres a turn, unrolled because their numbers are constants. Four rows also fill two
//! 128-bit registers for each value. All lanes follow the plain formula in the plain order, so a row's distance has the same
//! bits wherever the batch is cut. The formula is `sqrt(sum(((x - mean) / std - centre)²))`; a division costs as much as all the
//! rest, so it is a multiplication by `1 / std`, which differs in the last bit.

/// Rows of one turn.
const ROWS: usize = 4;

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

    /// Writes each row's distance; NaN where a value is.
    pub(crate) fn distances(&self, columns: [&[f64]; D], distances: &mut [f64]) {
        let blocks = columns.map(|column| column.as_chunks::<ROWS>());
        let (whole, rest) = distances.as_chunks_mut::<ROWS>();
        for (index, out) in whole.iter_mut().enumerate() {
            *out = self.block(blocks.map(|(whole, _)| whole[index]));
        }
        if !rest.is_empty() {
            // The last few rows go the same way, in a block with idle lanes.
            let padded = blocks.map(|(_, rest)| std::array::from_fn(|lane| rest.get(lane).copied().unwrap_or(0.0)));
            let length = rest.len();
            rest.copy_from_slice(&self.block(padded)[..length]);
        }
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

/// Rows of one turn of [`take_far_and_divide`].
const SCAN: usize = 8;

/// Turns distances into scores, in place, and returns the rows beyond the threshold with their distances.
pub(crate) fn take_far_and_divide(distances: &mut [f64], threshold: f64) -> Vec<(usize, f64)> {
    let mut far = Vec::new();
    let (whole, rest) = distances.as_chunks_mut::<SCAN>();
    for (index, block) in whole.iter_mut().enumerate() {
        let beyond = block.map(|distance| distance > threshold);
        if beyond.contains(&true) {
            far.extend(rows_beyond(block, index * SCAN, threshold));
        }
        *block = block.map(|distance| distance / threshold);
    }
    far.extend(rows_beyond(rest, whole.len() * SCAN, threshold));
    rest.iter_mut().for_each(|distance| *distance /= threshold);
    far
}

fn rows_beyond(distances: &[f64], first: usize, threshold: f64) -> impl Iterator<Item = (usize, f64)> {
    let numbered = distances.iter().enumerate().map(move |(offset, &distance)| (first + offset, distance));
    numbered.filter(move |&(_, distance)| distance > threshold)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_beyond_the_threshold_are_found_wherever_they_lie() {
        for length in 0..40 {
            for far in 0..length {
                let mut distances = vec![1.0; length];
                distances[far] = 3.0;
                assert_eq!(take_far_and_divide(&mut distances, 2.0), [(far, 3.0)], "row {far} of {length}");
                assert!(distances.iter().all(|&score| score == 0.5 || score == 1.5));
            }
        }
    }

    #[test]
    fn a_distance_equal_to_the_threshold_is_not_beyond_it() {
        assert!(take_far_and_divide(&mut [2.0; 9], 2.0).is_empty());
        assert!(take_far_and_divide(&mut [f64::NAN; 9], 2.0).is_empty());
    }
}
