//! Standardised K-Means and its threshold; no files, no terminal.

use std::num::NonZero;

use linfa::DatasetBase;
use linfa::traits::Fit as _;
use linfa_clustering::{KMeans, KMeansInit};
use linfa_xoshiro::Xoshiro256PlusPlus;
use linfa_xoshiro::rand_core::SeedableRng as _;
use ndarray::Array2;

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
    /// Ascending.
    pub(super) distances: Vec<f64>,
}

/// Why there is no model.
#[derive(Debug, thiserror::Error)]
pub(super) enum FitError {
    #[error("--k {0}: at least one cluster is needed")]
    NoClusters(usize),
    #[error("--threshold-quantile {0}: must lie between 0 and 1")]
    Quantile(f64),
    #[error("{rows} rows are too few for {k} clusters: give at least {needed}")]
    TooFewRows { rows: usize, k: usize, needed: usize },
    #[error("feature `{0}` is constant: it tells nothing apart; leave it out of --features")]
    Constant(String),
    #[error("clustering failed: {0}")]
    Clustering(#[from] linfa_clustering::KMeansError),
}

pub(super) fn fit(features: &[String], columns: &[Vec<f64>], settings: Settings) -> Result<Fitted, FitError> {
    let Settings { k, quantile, .. } = settings;
    let rows = columns[0].len();
    let needed = (10 * k).max(30);
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
    let scaled = Array2::from_shape_fn((rows, columns.len()), |(row, d)| (columns[d][row] - mean[d]) / std[d]);
    let mut centroids = cluster(&scaled, settings)?;
    centroids.sort_by(|a, b| a.iter().sum::<f64>().total_cmp(&b.iter().sum()));
    Ok(measure(&scaled, centroids, mean, std, quantile))
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

fn measure(scaled: &Array2<f64>, centroids: Vec<Vec<f64>>, mean: Vec<f64>, std: Vec<f64>, quantile: f64) -> Fitted {
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
    distances.sort_by(f64::total_cmp);
    let threshold = linear_quantile(&distances, quantile);
    silhouette /= distances.len() as f64;
    Fitted { mean, std, centroids_scaled: centroids, sizes, inertia, silhouette, threshold, distances }
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
            (few, SETTINGS, "2 rows are too few"),
            (blobs(), Settings { k: 0, ..SETTINGS }, "--k 0"),
            (blobs(), Settings { quantile: 1.0, ..SETTINGS }, "--threshold-quantile 1"),
        ] {
            let error = fit(&features(), &columns, settings).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
