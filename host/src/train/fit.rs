//! Standardised K-Means and its threshold; no files, no terminal.

use std::num::NonZero;

use linfa::DatasetBase;
use linfa::traits::Fit as _;
use linfa_clustering::{KMeans, KMeansInit};
use linfa_xoshiro::Xoshiro256PlusPlus;
use linfa_xoshiro::rand_core::SeedableRng as _;
use ndarray::Array2;

use super::ties;
use crate::wording::{count, thousands};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) k: usize,
    pub(super) quantile: f64,
    pub(super) seed: u64,
    pub(super) starts: usize,
}

/// What was found. Clusters are ordered from low to high consumption.
#[derive(Debug)]
pub(super) struct Fitted {
    pub(super) mean: Vec<f64>,
    /// Population standard deviation.
    pub(super) std: Vec<f64>,
    pub(super) centroids_scaled: Vec<Vec<f64>>,
    pub(super) sizes: Vec<usize>,
    /// Sum of squared distances, in standardised units.
    pub(super) inertia: f64,
    /// Mean simplified silhouette: distances to centroids instead of to all rows.
    pub(super) silhouette: f64,
    pub(super) threshold: f64,
    /// Of each row.
    pub(super) distances: Vec<f64>,
}

/// A quantile that says nothing: more than half of all rows have the one distance that it is.
#[derive(Debug, PartialEq)]
pub(super) struct Repeated {
    pub(super) quantile: f64,
    pub(super) rows: usize,
    /// Rows with that distance.
    pub(super) equal: usize,
    /// `water 0`, where all of them have the same values.
    pub(super) values: Option<String>,
}

impl std::fmt::Display for Repeated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { quantile, rows, equal, values } = self;
        let others = rows - equal;
        write!(f, "{} of {} ", thousands(*equal as u64), count(*rows, "row"))?;
        match values {
            Some(values) => write!(f, "are the same ({values})")?,
            None => f.write_str("lie on the centres of their clusters")?,
        }
        write!(f, ": the {quantile} quantile of the distances is theirs, and every other value would be a finding; ")?;
        if others >= FEWEST {
            let left_out = (1.0 - quantile) * others as f64 / *rows as f64;
            let digits = (-left_out.log10()).ceil() as usize + 1;
            write!(
                f,
                "give --threshold-quantile {:.digits$}, which is that quantile of the other {}",
                1.0 - left_out,
                count(others, "row")
            )
        } else {
            f.write_str("train on rows that differ, or leave this feature out of --features")
        }
    }
}

/// Fewer rows than that have no clusters.
const FEWEST: usize = 30;
/// Distances up to this, in standard deviations, are what rounding makes of 0.
const ROUNDING: f64 = 1e-9;

/// Why there is no model.
#[derive(Debug, thiserror::Error)]
pub(super) enum FitError {
    #[error("--k {0}: at least one cluster is needed")]
    NoClusters(usize),
    #[error("--threshold-quantile {0}: must lie between 0 and 1")]
    Quantile(f64),
    #[error("{k} clusters need at least {needed} rows; there {} {}", if *.rows == 1 { "is" } else { "are" }, count(*.rows, "row"))]
    TooFewRows { rows: usize, k: usize, needed: usize },
    #[error("feature `{0}` is constant: it tells nothing apart; leave it out of --features")]
    Constant(String),
    #[error("only {} for {k} clusters: give --k {rows}, or readings that differ more", count(*.rows, "different row"))]
    TooFewDifferent { rows: usize, k: usize },
    #[error("{0}")]
    Repeated(Repeated),
    #[error("clustering failed: {0}")]
    Clustering(#[from] linfa_clustering::KMeansError),
}

pub(super) fn fit(features: &[String], columns: &[Vec<f64>], settings: Settings) -> Result<Fitted, FitError> {
    let Settings { k, quantile, .. } = settings;
    let rows = columns[0].len();
    let needed = (10 * k).max(FEWEST);
    if k == 0 {
        return Err(FitError::NoClusters(k));
    }
    if !(quantile > 0.0 && quantile < 1.0) {
        return Err(FitError::Quantile(quantile));
    }
    if rows < needed {
        return Err(FitError::TooFewRows { rows, k, needed });
    }
    let (mean, std): (Vec<f64>, Vec<f64>) = columns.iter().map(|column| mean_and_std(column)).unzip();
    if let Some(constant) = std.iter().position(|std| !(*std > 0.0 && std.is_finite())) {
        return Err(FitError::Constant(features[constant].clone()));
    }
    let different = ties::different_rows(columns, k);
    if different < k {
        return Err(FitError::TooFewDifferent { rows: different, k });
    }
    // As the plugin computes it, so that a row has the same distance here and there, to the last bit.
    let per_std: Vec<f64> = std.iter().map(|std| 1.0 / std).collect();
    let scaled = Array2::from_shape_fn((rows, columns.len()), |(row, d)| (columns[d][row] - mean[d]) * per_std[d]);
    let mut centroids = cluster(&scaled, settings)?;
    centroids.sort_by(|a, b| a.iter().sum::<f64>().total_cmp(&b.iter().sum()));
    let (fitted, at_quantile) = measure(&scaled, centroids, mean, std, quantile);
    match repeated(features, columns, &fitted, at_quantile, quantile) {
        Some(repeated) => Err(FitError::Repeated(repeated)),
        None => Ok(fitted),
    }
}

/// Whether the threshold is the distance of rows that are more than half of all.
fn repeated(features: &[String], columns: &[Vec<f64>], fitted: &Fitted, at_quantile: f64, quantile: f64) -> Option<Repeated> {
    let is_equal = |distance: f64| distance == at_quantile || distance.max(at_quantile) <= ROUNDING;
    let rows = fitted.distances.len();
    let equal = fitted.distances.iter().filter(|distance| is_equal(**distance)).count();
    if equal * 2 <= rows && fitted.threshold > ROUNDING {
        return None;
    }
    let mut of_equal = (0..rows).filter(|row| is_equal(fitted.distances[*row]));
    let first = of_equal.next()?;
    let are_the_same = of_equal.all(|row| columns.iter().all(|column| column[row] == column[first]));
    let values: Vec<_> = features.iter().zip(columns).map(|(feature, column)| format!("{feature} {}", column[first])).collect();
    Some(Repeated { quantile, rows, equal, values: are_the_same.then(|| values.join(", ")) })
}

fn mean_and_std(column: &[f64]) -> (f64, f64) {
    let n = column.len() as f64;
    let mean = column.iter().sum::<f64>() / n;
    let variance = column.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    (mean, variance.sqrt())
}

/// How little the centres must move, in standardised units, for a start to be judged: scikit-learn's default on such data.
const START_TOLERANCE: f64 = 1e-2;
/// Likewise for the start that is kept.
const FINAL_TOLERANCE: f64 = 1e-4;

/// Centres in standardised units, a row each, and the inertia that they were chosen by.
struct Clusters {
    inertia: f64,
    centroids: Array2<f64>,
}

/// The best of several starts, the first of equals. They share the machine's cores, of which the number decides nothing.
fn cluster(scaled: &Array2<f64>, settings: Settings) -> Result<Vec<Vec<f64>>, FitError> {
    let Settings { k, starts, .. } = settings;
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(starts);
    let from_start = |start: usize| {
        let seed = settings.seed.wrapping_add(start as u64);
        Ok((start, converge(scaled, k, seed, KMeansInit::KMeansPlusPlus, START_TOLERANCE)?))
    };
    let found: Result<Vec<(usize, Clusters)>, FitError> = std::thread::scope(|scope| {
        let share = |first| scope.spawn(move || (first..starts).step_by(threads).map(from_start).collect::<Vec<_>>());
        let running: Vec<_> = (0..threads).map(share).collect();
        running.into_iter().flat_map(|thread| thread.join().expect("clustering does not panic")).collect()
    });
    let better = |a: &(usize, Clusters), b: &(usize, Clusters)| a.1.inertia.total_cmp(&b.1.inertia).then(a.0.cmp(&b.0));
    let (_, best) = found?.into_iter().min_by(better).expect("there is at least one start");
    let best = converge(scaled, k, settings.seed, KMeansInit::Precomputed(best.centroids), FINAL_TOLERANCE)?;
    Ok(best.centroids.rows().into_iter().map(|row| row.to_vec()).collect())
}

fn converge(scaled: &Array2<f64>, k: usize, seed: u64, init: KMeansInit<f64>, tolerance: f64) -> Result<Clusters, FitError> {
    let random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let params = KMeans::params_with_rng(k, random).n_runs(1).init_method(init).max_n_iterations(300).tolerance(tolerance);
    let model = params.fit(&DatasetBase::from(scaled.view()))?;
    Ok(Clusters { inertia: model.inertia(), centroids: model.centroids().clone() })
}

/// Also returns the distance at the quantile, before interpolation.
fn measure(scaled: &Array2<f64>, centroids: Vec<Vec<f64>>, mean: Vec<f64>, std: Vec<f64>, quantile: f64) -> (Fitted, f64) {
    let mut sizes = vec![0; centroids.len()];
    let (mut inertia, mut silhouette) = (0.0, 0.0);
    let mut distances = Vec::with_capacity(scaled.nrows());
    for row in scaled.rows() {
        let (mut nearest, mut second, mut cluster) = (f64::INFINITY, f64::INFINITY, 0);
        for (index, centroid) in centroids.iter().enumerate() {
            let squared: f64 = row.iter().zip(centroid).map(|(x, c)| (x - c) * (x - c)).sum();
            if squared < nearest {
                (second, nearest, cluster) = (nearest, squared, index);
            } else if squared < second {
                second = squared;
            }
        }
        sizes[cluster] += 1;
        inertia += nearest;
        let (a, b) = (nearest.sqrt(), second.sqrt());
        silhouette += if b.is_finite() && b > 0.0 { (b - a) / b } else { 0.0 };
        distances.push(a);
    }
    let mut sorted = distances.clone();
    sorted.sort_by(f64::total_cmp);
    let threshold = linear_quantile(&sorted, quantile);
    let at_quantile = sorted[(quantile * (sorted.len() - 1) as f64) as usize];
    silhouette /= distances.len() as f64;
    (Fitted { mean, std, centroids_scaled: centroids, sizes, inertia, silhouette, threshold, distances }, at_quantile)
}

/// Linear interpolation between order statistics (Hyndman and Fan's type 7, NumPy's default) of ascending values.
fn linear_quantile(sorted: &[f64], quantile: f64) -> f64 {
    let place = quantile * (sorted.len() - 1) as f64;
    let (below, share) = (place.floor() as usize, place.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * share
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Settings = Settings { k: 3, quantile: 0.95, seed: 1, starts: 5 };

    /// Three blobs around (0, 0), (10, 0) and (0, 10).
    fn blobs() -> Vec<Vec<f64>> {
        let point = |i: usize| {
            let (x, y) = [(0.0, 0.0), (10.0, 0.0), (0.0, 10.0)][i % 3];
            (x + ((i * 7919) % 101) as f64 / 101.0, y + ((i * 104_729) % 103) as f64 / 103.0)
        };
        let (xs, ys) = (0..600).map(point).unzip();
        vec![xs, ys]
    }

    fn features() -> Vec<String> {
        vec!["electricity".into(), "water".into()]
    }

    #[test]
    fn blobs_are_found_and_a_seed_decides() {
        let fitted = fit(&features(), &blobs(), SETTINGS).unwrap();
        assert_eq!(fitted.sizes, [200, 200, 200]);
        assert!(fitted.silhouette > 0.9, "{}", fitted.silhouette);
        let again = fit(&features(), &blobs(), SETTINGS).unwrap();
        assert_eq!(fitted.centroids_scaled, again.centroids_scaled);
    }

    /// A meter that stands but for one row in thirty: so much, and rows.
    fn drips(litres: f64) -> Vec<Vec<f64>> {
        vec![(0..2_000).map(|row| if row % 29 == 3 { litres * (1 + row % 5) as f64 } else { 0.0 }).collect()]
    }

    #[test]
    fn a_threshold_that_is_the_distance_of_one_repeated_value_is_refused_with_a_quantile_that_is_none() {
        let features = ["water".to_owned()];
        for (litres, k) in [(10.0, 3), (10.0, 1), (0.1, 2), (1e6, 3)] {
            let settings = Settings { k, ..SETTINGS };
            let error = fit(&features, &drips(litres), settings).unwrap_err().to_string();
            assert!(error.starts_with("1,931 of 2,000 rows are the same (water 0)"), "{error}");
            let advised = error.split("give --threshold-quantile ").nth(1).unwrap().split(',').next().unwrap();
            let fitted = fit(&features, &drips(litres), Settings { quantile: advised.parse().unwrap(), ..settings }).unwrap();
            let zero = drips(litres)[0].iter().position(|value| *value == 0.0).unwrap();
            assert!(fitted.distances[zero] < fitted.threshold, "no 0 is a finding");
        }
        let few =
            fit(&features, &[[vec![0.0; 990], (1..11).map(f64::from).collect()].concat()], SETTINGS).unwrap_err().to_string();
        assert!(few.ends_with("train on rows that differ, or leave this feature out of --features"), "{few}");
    }

    #[test]
    fn whole_numbers_and_a_meter_that_stands_half_of_the_time_have_a_threshold() {
        let features = ["water".to_owned()];
        let whole: Vec<f64> = (0..2_000u32).map(|row| f64::from(row.wrapping_mul(2_654_435_761) >> 29)).collect();
        let half: Vec<f64> = (0..2_000).map(|row| if row % 2 == 0 { 0.0 } else { 30.0 + f64::from(row % 97) }).collect();
        for column in [whole, half] {
            assert!(fit(&features, &[column], SETTINGS).unwrap().threshold > 0.01);
        }
    }

    #[test]
    fn a_training_row_has_the_same_distance_in_the_plugin_to_the_last_bit() {
        let awkward = |row: usize| (row % 7) as f64 * 0.1 + ((row * 7_919) % 1_013) as f64 / 3.0;
        let several = vec![(0..1_000).map(awkward).collect(), (0..1_000).map(|row| awkward(row * 31).sqrt()).collect()];
        for (features, columns) in [(&features()[..], several), (&["water".to_owned()][..], drips(10.0))] {
            let fitted = fit(features, &columns, Settings { quantile: 0.999, ..SETTINGS }).unwrap();
            let model = serde_json::json!({
                "format": "wattdog-kmeans", "format_version": 1, "features": features, "units": vec!["kWh"; features.len()],
                "mean": fitted.mean, "std": fitted.std, "centroids_scaled": fitted.centroids_scaled, "threshold": 5e-324,
            });
            let plugin = wattdog_kmeans::KMeans::from_json(model.to_string().as_bytes(), None).unwrap();
            let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
            let mut distances = vec![0.0; columns[0].len()];
            plugin.score(&columns, &mut vec![0.0; columns[0].len()]).iter().for_each(|far| distances[far.row] = far.distance);
            assert_eq!(distances, fitted.distances);
        }
    }

    #[test]
    fn quantiles_are_numpys() {
        let values = [1.0, 2.0, 3.0, 4.0, 10.0];
        for (quantile, expected) in [(0.5, 3.0), (0.95, 8.8), (0.1, 1.4), (0.25, 2.0)] {
            assert!((linear_quantile(&values, quantile) - expected).abs() < 1e-12, "{quantile}");
        }
    }

    #[test]
    fn what_allows_no_model_is_refused_by_name() {
        let constant = vec![vec![1.0; 100], (0..100).map(f64::from).collect()];
        let few = vec![vec![1.0, 2.0], vec![1.0, 2.0]];
        for (columns, settings, part) in [
            (constant, SETTINGS, "`electricity` is constant"),
            (few, SETTINGS, "3 clusters need at least"),
            (vec![[[5.0; 50], [9.0; 50]].concat(); 2], SETTINGS, "only 2 different rows for 3 clusters: give --k 2"),
            (vec![[[5.0; 50], [9.0; 50]].concat(); 2], Settings { k: 2, ..SETTINGS }, "100 of 100 rows lie on the centres"),
            (blobs(), Settings { k: 0, ..SETTINGS }, "--k 0"),
            (blobs(), Settings { quantile: 1.0, ..SETTINGS }, "--threshold-quantile 1"),
        ] {
            let error = fit(&features(), &columns, settings).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
