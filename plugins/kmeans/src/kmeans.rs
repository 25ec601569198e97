//! Standardise, find the nearest centroid, measure the Euclidean distance.
//!
//! Arithmetic follows the plain formula, in the order of features and centroids, so that another program that does the same
//! gets the same bits, whatever the batch cuts.

use serde::Deserialize;

use crate::Model;

/// Distances where findings become worse.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
pub struct Bands {
    /// From here on not minor any more.
    pub anomaly_distance: f64,
    /// Beyond this, critical.
    pub critical_distance: f64,
}

impl Bands {
    /// 0: minor, 1: anomaly, 2: critical. The lowest band begins at the threshold, which a finding has passed already.
    #[must_use]
    pub fn severity(&self, distance: f64) -> u8 {
        u8::from(distance >= self.anomaly_distance) + u8::from(distance > self.critical_distance.max(self.anomaly_distance))
    }
}

/// For each row.
#[derive(Debug, Default, PartialEq)]
pub struct Distances {
    /// To the nearest centroid; NaN where an input is missing.
    pub distances: Vec<f64>,
    /// Which one it is; the first of equals.
    pub clusters: Vec<u32>,
}

/// Why a row is far away, a value for each feature, in its unit.
#[derive(Debug, PartialEq)]
pub struct Explanation {
    /// The nearest centroid.
    pub expected: Vec<f64>,
    /// Smallest value within the threshold of it, the other features being at the centroid.
    pub low: Vec<f64>,
    /// Largest such value.
    pub high: Vec<f64>,
    /// Share of the squared distance.
    pub blame: Vec<f64>,
}

/// A model, ready to score.
#[derive(Debug)]
pub struct KMeans {
    model: Model,
}

impl KMeans {
    /// From a checked model.
    #[must_use]
    pub fn new(model: Model) -> Self {
        Self { model }
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Distance and cluster of each of `rows` rows, from a column of `rows` values for each feature.
    #[must_use]
    pub fn distances(&self, columns: &[&[f64]], rows: usize) -> Distances {
        match self.model.features.len() {
            1 => self.fixed::<1>(columns, rows),
            2 => self.fixed::<2>(columns, rows),
            3 => self.fixed::<3>(columns, rows),
            4 => self.fixed::<4>(columns, rows),
            _ => self.any(columns, rows),
        }
    }

    /// Four rows at a time with every inner loop unrolled: the engine's interrupt check at each loop's end costs more than the
    /// arithmetic, and four independent rows fill the vector unit.
    fn fixed<const D: usize>(&self, columns: &[&[f64]], rows: usize) -> Distances {
        const BLOCK: usize = 4;
        let columns: [&[f64]; D] = std::array::from_fn(|d| &columns[d][..rows]);
        let mean: [f64; D] = std::array::from_fn(|d| self.model.mean[d]);
        let std: [f64; D] = std::array::from_fn(|d| self.model.std[d]);
        let centroids: Vec<[f64; D]> = self.model.centroids_scaled.iter().map(|c| std::array::from_fn(|d| c[d])).collect();
        let mut out = Distances { distances: vec![0.0; rows], clusters: vec![0; rows] };
        let whole = rows - rows % BLOCK;
        for start in (0..whole).step_by(BLOCK) {
            let scaled: [[f64; BLOCK]; D] =
                std::array::from_fn(|d| std::array::from_fn(|lane| (columns[d][start + lane] - mean[d]) / std[d]));
            let (nearest, cluster) = nearest::<D, BLOCK>(&scaled, &centroids);
            for lane in 0..BLOCK {
                out.distances[start + lane] = nearest[lane].sqrt();
                out.clusters[start + lane] = cluster[lane];
            }
        }
        for row in whole..rows {
            let scaled: [[f64; 1]; D] = std::array::from_fn(|d| [(columns[d][row] - mean[d]) / std[d]]);
            let (nearest, cluster) = nearest::<D, 1>(&scaled, &centroids);
            out.distances[row] = nearest[0].sqrt();
            out.clusters[row] = cluster[0];
        }
        out
    }

    fn any(&self, columns: &[&[f64]], rows: usize) -> Distances {
        let mut out = Distances { distances: Vec::with_capacity(rows), clusters: Vec::with_capacity(rows) };
        for row in 0..rows {
            let (mut nearest, mut cluster) = (f64::INFINITY, 0);
            for (index, centroid) in self.model.centroids_scaled.iter().enumerate() {
                let squared = centroid.iter().enumerate().map(|(d, c)| {
                    let offset = (columns[d][row] - self.model.mean[d]) / self.model.std[d] - c;
                    offset * offset
                });
                let squared = squared.sum::<f64>();
                if squared.is_nan() || squared < nearest {
                    (nearest, cluster) = (squared, index as u32);
                }
            }
            out.distances.push(nearest.sqrt());
            out.clusters.push(cluster);
        }
        out
    }

    /// What was expected of a row that lies nearest to `cluster`.
    #[must_use]
    pub fn explain(&self, values: &[f64], cluster: usize) -> Explanation {
        let Model { mean, std, threshold, .. } = &self.model;
        let centroid = &self.model.centroids_scaled[cluster];
        let squared: Vec<f64> =
            values.iter().enumerate().map(|(d, value)| ((value - mean[d]) / std[d] - centroid[d]).powi(2)).collect();
        let total: f64 = squared.iter().sum();
        let real = |d: usize, scaled: f64| mean[d] + scaled * std[d];
        let each = |offset: f64| (0..values.len()).map(|d| real(d, centroid[d] + offset)).collect::<Vec<_>>();
        Explanation {
            expected: each(0.0),
            low: each(-threshold),
            high: each(*threshold),
            blame: squared.iter().map(|part| (part / total).clamp(0.0, 1.0)).collect(),
        }
    }
}

/// Squared distance to and index of the nearest centroid for `N` rows side by side. NaN in, NaN out.
#[inline(always)]
fn nearest<const D: usize, const N: usize>(scaled: &[[f64; N]; D], centroids: &[[f64; D]]) -> ([f64; N], [u32; N]) {
    let (mut nearest, mut cluster) = ([f64::INFINITY; N], [0; N]);
    for (index, centroid) in centroids.iter().enumerate() {
        for lane in 0..N {
            let mut squared = 0.0;
            for d in 0..D {
                let offset = scaled[d][lane] - centroid[d];
                squared += offset * offset;
            }
            // Not `<=`, negated: a NaN replaces whatever was there, and stays.
            let closer = !(squared >= nearest[lane]);
            nearest[lane] = if closer { squared } else { nearest[lane] };
            cluster[lane] = if closer { index as u32 } else { cluster[lane] };
        }
    }
    (nearest, cluster)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(d: usize) -> Model {
        let json = serde_json::json!({
            "format": "wattdog-kmeans", "format_version": 1,
            "features": (0..d).map(|i| format!("f{i}")).collect::<Vec<_>>(), "units": vec!["kWh"; d],
            "mean": vec![150.0; d], "std": vec![40.0; d],
            "centroids_scaled": [vec![-1.0; d], vec![0.1; d], vec![1.2; d]], "threshold": 1.86,
        });
        Model::parse(json.to_string().as_bytes(), None).unwrap()
    }

    #[test]
    fn blocks_rest_and_the_general_way_agree_to_the_bit() {
        for d in 1..=4 {
            let kmeans = KMeans::new(model(d));
            let columns: Vec<Vec<f64>> =
                (0..d).map(|c| (0..23).map(|r| ((r * 37 + c * 11) % 400) as f64 * 0.73).collect()).collect();
            let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
            assert_eq!(kmeans.distances(&columns, 23), kmeans.any(&columns, 23), "{d} features");
        }
    }

    #[test]
    fn a_missing_input_cannot_be_judged() {
        let kmeans = KMeans::new(model(2));
        let out = kmeans.distances(&[&[1.0, f64::NAN, 3.0, 4.0, f64::NAN], &[1.0; 5]], 5);
        assert_eq!(out.distances.iter().map(|d| d.is_nan()).collect::<Vec<_>>(), [false, true, false, false, true]);
    }

    #[test]
    fn severities_follow_the_bands_and_never_fall_with_distance() {
        let bands = Bands { anomaly_distance: 2.5, critical_distance: 3.5 };
        assert_eq!([1.87, 2.49, 2.5, 3.5, 3.51].map(|d| bands.severity(d)), [0, 0, 1, 1, 2]);
        let crossed = Bands { anomaly_distance: 4.0, critical_distance: 3.0 };
        assert_eq!([3.5, 4.0, 4.1].map(|d| crossed.severity(d)), [0, 1, 2]);
    }

    #[test]
    fn the_blame_is_shared_out() {
        let kmeans = KMeans::new(model(2));
        let why = kmeans.explain(&[350.0, 154.0], 1);
        assert!((why.blame.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(why.blame[0] > 0.99, "{:?}", why.blame);
        assert!(why.low[0] < why.expected[0] && why.expected[0] < why.high[0]);
    }

    #[test]
    fn broken_models_are_refused_in_words() {
        for (model, threshold, part) in [
            ("{", None, "line 1"),
            (
                r#"{"format":"x","format_version":1,"features":["a"],"units":[""],"mean":[0],"std":[1],"centroids_scaled":[[0]],"threshold":1}"#,
                None,
                "format",
            ),
            (
                r#"{"format":"wattdog-kmeans","format_version":1,"features":["a"],"units":[""],"mean":[0],"std":[0],"centroids_scaled":[[0]],"threshold":1}"#,
                None,
                "standard deviation",
            ),
            (
                r#"{"format":"wattdog-kmeans","format_version":1,"features":["a"],"units":[""],"mean":[0],"std":[1],"centroids_scaled":[[0]],"threshold":1}"#,
                Some("{\"threshold\":-1}"),
                "threshold -1",
            ),
        ] {
            let error = Model::parse(model.as_bytes(), threshold.map(str::as_bytes)).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
