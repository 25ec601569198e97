//! Values that no meter has measured: one of them would move a feature's mean and spread, and be a cluster of its own.
//!
//! The rule is Tukey's fences ("Exploratory Data Analysis", 1977) on the plain and on the logarithmic scale: a value is far where it
//! lies beyond both. The plain fence is measured from the median to the 95th percentile, the logarithmic one from the upper quartile to
//! that percentile. The latter keeps heavy tails whole: beyond it lies one value in 800,000 of a Pareto distribution of exponent 2. What is
//! far and not rare is a level of consumption, and stays.

use std::ops::Range;

/// The far end of what is usual. As many rows may be glitches before they move it.
const PERCENTILE: f64 = 0.95;
/// So many times the distance from the median to that percentile.
const PLAIN_REACH: f64 = 20.0;
/// So many times, in logarithms, the distance from the upper quartile to it.
const LOG_REACH: f64 = 6.0;
/// The logarithmic fence never lies beyond so many times the percentile: a meter that mostly idles has a wide scale.
const WIDEST: f64 = 200.0;
/// No value up to so many times the median is a glitch: a load may be tenfold.
const TIMES_MEDIAN: f64 = 10.0;
/// So many values at least say what is usual.
const ENOUGH: usize = 20;
/// Of 100 rows, on one side. More are a level of consumption.
const RARE_PERCENT: usize = 1;
/// So few are rare among any number of rows.
const RARE: usize = 2;

/// Values of one feature that are left out.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Glitches {
    pub(super) feature: usize,
    /// Row and value, the farthest from what is usual first.
    pub(super) values: Vec<(usize, f64)>,
    /// Fences.
    pub(super) usual: Range<f64>,
}

/// Glitches of each feature that has some.
pub(super) fn find(columns: &[Vec<f64>]) -> Vec<Glitches> {
    columns.iter().enumerate().filter_map(|(feature, column)| of_column(feature, column)).collect()
}

fn of_column(feature: usize, column: &[f64]) -> Option<Glitches> {
    let (median, fences) = fences(column)?;
    let rare = (column.len() * RARE_PERCENT / 100).max(RARE);
    let mut values = Vec::new();
    for is_far in [|value: f64, fences: &Range<f64>| value > fences.end, |value: f64, fences: &Range<f64>| value < fences.start] {
        let far: Vec<_> = column.iter().copied().enumerate().filter(|(_, value)| is_far(*value, &fences)).collect();
        if far.len() <= rare {
            values.extend(far);
        }
    }
    values.sort_by(|a, b| (b.1 - median).abs().total_cmp(&(a.1 - median).abs()));
    (!values.is_empty()).then_some(Glitches { feature, values, usual: fences })
}

/// The median of what is usual, and how far values may lie from it. None: nothing says what is usual.
fn fences(column: &[f64]) -> Option<(f64, Range<f64>)> {
    let mut sorted = column.to_vec();
    sorted.sort_by(f64::total_cmp);
    let most_frequent = super::ties::longest_run(&sorted);
    let value = sorted[most_frequent.start];
    let is_repeated = most_frequent.len() * 2 > sorted.len();
    if is_repeated {
        // A meter that mostly stands says by its other values what is usual.
        sorted.drain(most_frequent);
    }
    if sorted.len() < ENOUGH {
        return (is_repeated && value > 0.0).then_some((value, f64::NEG_INFINITY..TIMES_MEDIAN * value));
    }
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share).round() as usize];
    let (low, median, quartile, high) = (at(1.0 - PERCENTILE), at(0.5), at(0.75), at(PERCENTILE));
    let from_repeated = if is_repeated { (median - value).abs() } else { 0.0 };
    let spread = (high - median).max(median - low).max(from_repeated);
    let plain = PLAIN_REACH * spread;
    let above = if median > 0.0 {
        let logarithmic = high * (high / quartile).powf(LOG_REACH).min(WIDEST);
        plain.max(logarithmic - median).max((TIMES_MEDIAN - 1.0) * median)
    } else {
        plain
    };
    Some((median, median - plain..median + above))
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;

    fn found(column: &[f64]) -> Vec<f64> {
        find(&[column.to_vec()]).into_iter().flat_map(|of| of.values).map(|(_, value)| value).collect()
    }

    /// So many numbers that `of` makes of uniform ones above 0 and up to 1.
    fn random(count: usize, of: impl Fn(f64) -> f64) -> Vec<f64> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(7);
        (0..count).map(|_| of(1.0 - random.random_range(0.0..1.0f64))).collect()
    }

    #[test]
    fn glitches_are_found_whatever_the_meter_does_otherwise() {
        let steady = random(1_000, |u| 135.0 + 30.0 * u);
        let day_and_night: Vec<_> = random(1_000, |u| if u < 0.5 { 20.0 + u } else { 200.0 * u });
        let idle = random(1_000, |u| if u < 0.7 { 0.01 * u } else { 2.0 * u });
        let mostly_zero = random(2_000, |u| if u < 0.96 { 0.0 } else { (50.0 * u).round() });
        let standing = vec![150.0; 1_000];
        for usual in [steady, day_and_night, idle, mostly_zero, standing] {
            assert_eq!(found(&usual), [0.0; 0]);
            for glitches in [vec![1e7], vec![4_294_967.295, 60_163.4], vec![f64::MAX, 65_535.0]] {
                assert_eq!(found(&[&usual[..], &glitches[..]].concat()), glitches);
            }
        }
        assert_eq!(found(&[random(400, |u| 135.0 + 30.0 * u), vec![-9_999.0]].concat()), [-9_999.0], "a sentinel");
    }

    #[test]
    fn heavy_tails_and_levels_of_consumption_stay() {
        type Tail = fn(f64) -> f64;
        let tails: [(&str, Tail); 5] = [
            ("exponential", |u| -40.0 * u.ln()),
            ("pareto", |u| 10.0 / u.sqrt()),
            ("weibull of shape a half", |u| 30.0 * u.ln().powi(2)),
            ("a peak of two hundred times in one row of fifty", |u| if u < 0.02 { 2_000.0 } else { 9.0 + u }),
            ("zeros of an outage", |u| if u < 0.005 { 0.0 } else { 140.0 + 20.0 * u }),
        ];
        for (name, tail) in tails {
            assert_eq!(found(&random(20_000, tail)), [0.0; 0], "{name}");
        }
        assert_eq!(found(&[random(1_000, |u| 135.0 + 30.0 * u), vec![1_400.0]].concat()), [0.0; 0], "nine times the usual load");
    }

    #[test]
    fn too_few_values_say_nothing() {
        assert_eq!(found(&[0.0, 0.0, 0.0, 0.0, 5.0]), [0.0; 0]);
        assert_eq!(found(&[1.0, 2.0, 1e9]), [0.0; 0]);
    }
}
