//! The model: usual levels of consumption, and what it says of a reading.

use serde::Deserialize;
use smallvec::SmallVec;

use crate::distances::{Beyond, Far, Nearest, Scale};

const FORMAT: &str = "wattdog-kmeans";
const FORMAT_VERSION: u32 = 1;

/// Why a model file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The file is not JSON of the right shape.
    #[error("model: {0}")]
    Shape(serde_json::Error),
    /// The threshold's own file is not JSON of the right shape.
    #[error("model part `threshold`: {0}")]
    ThresholdShape(serde_json::Error),
    /// The file is something else.
    #[error("model: format is \"{format}\" version {version}, expected \"{FORMAT}\" version {FORMAT_VERSION}")]
    Format {
        /// What the file says it is.
        format: String,
        /// The version that it says.
        version: u32,
    },
    /// Two lists that belong together differ in length, or one is empty.
    #[error("model: {list} has {found} values, expected {expected}: one for each feature")]
    Length {
        /// The list's key.
        list: String,
        /// Its length.
        found: usize,
        /// The number of features.
        expected: usize,
    },
    /// There is nothing to compare with.
    #[error("model: {0} is empty")]
    Empty(&'static str),
    /// A number that cannot be computed with.
    #[error("model: {key} is {value}, expected a finite number{}", if *.positive { " above 0" } else { "" })]
    Number {
        /// Where it stands.
        key: String,
        /// What stands there.
        value: f64,
        /// Whether it must be above 0.
        positive: bool,
    },
}

/// The model file, of which only what scoring needs is read.
#[derive(Deserialize)]
struct File {
    format: String,
    format_version: u32,
    features: Vec<String>,
    units: Vec<String>,
    mean: Vec<f64>,
    std: Vec<f64>,
    centroids_scaled: Vec<Vec<f64>>,
    threshold: f64,
}

/// The threshold's own file, which an operator may edit alone.
#[derive(Deserialize)]
struct ThresholdFile {
    threshold: f64,
}

/// One input of the model.
#[derive(Debug, PartialEq)]
pub struct Feature {
    /// The measure.
    pub name: String,
    /// Its unit, as trained.
    pub unit: String,
}

/// A trained K-Means model with its scaler and threshold.
pub struct KMeans {
    features: Vec<Feature>,
    scales: Vec<Scale>,
    centres: Vec<Vec<f64>>,
    /// Each centre in the features' units.
    levels: Vec<Vec<f64>>,
    /// How far from a centre a reading may be along one axis alone, in the feature's unit.
    reach: Vec<f64>,
    threshold: f64,
    kernel: Kernel,
}

/// The distance loop for the number of features, unrolled for the usual ones.
enum Kernel {
    One(Nearest<1>),
    Two(Nearest<2>),
    Three(Nearest<3>),
    Four(Nearest<4>),
    Many,
}

/// What the model says of one reading, by feature where there are several values.
#[derive(Debug, PartialEq)]
pub struct Explanation<'m> {
    /// Index of the nearest centre.
    pub cluster: usize,
    /// The nearest centre, in the feature's unit.
    pub expected: &'m [f64],
    /// How far from the centre a reading may be along this axis alone, in the feature's unit.
    pub reach: &'m [f64],
    /// Share of the squared distance; sums to 1.
    pub blame: Blame,
}

/// A share for each feature.
pub type Blame = SmallVec<[f64; 4]>;

impl Explanation<'_> {
    /// The feature that is most to blame, the first of equals.
    pub fn worst(&self) -> usize {
        (1..self.blame.len()).fold(0, |worst, at| if self.blame[at] > self.blame[worst] { at } else { worst })
    }
}

impl KMeans {
    /// Reads a model file and, where there is one, the file that overrides its threshold.
    ///
    /// # Errors
    /// The file is not a model that can be computed with; the error names the key.
    pub fn from_json(model: &[u8], threshold: Option<&[u8]>) -> Result<Self, ModelError> {
        let file: File = serde_json::from_slice(model).map_err(ModelError::Shape)?;
        check(&file)?;
        let threshold = match threshold {
            Some(bytes) => serde_json::from_slice::<ThresholdFile>(bytes).map_err(ModelError::ThresholdShape)?.threshold,
            None => file.threshold,
        };
        positive("threshold", threshold)?;
        let scales: Vec<Scale> = file.mean.iter().zip(&file.std).map(|(&mean, &std)| Scale::new(mean, std)).collect();
        let features = file.features.into_iter().zip(file.units).map(|(name, unit)| Feature { name, unit }).collect();
        let centres = file.centroids_scaled;
        let in_units = |(scale, centre): (&Scale, &f64)| centre * scale.std + scale.mean;
        let levels = centres.iter().map(|centre| scales.iter().zip(centre).map(in_units).collect()).collect();
        let reach = scales.iter().map(|scale| threshold * scale.std).collect();
        let kernel = Kernel::new(&scales, &centres);
        Ok(Self { features, scales, centres, levels, reach, threshold, kernel })
    }

    /// What the model reads, in order.
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// Each centre in the features' units.
    pub fn levels(&self) -> impl Iterator<Item = &[f64]> {
        self.levels.iter().map(Vec::as_slice)
    }

    /// A reading farther than this from every centre is unusual.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// Writes each row's score, which is its distance to the nearest centre in scaled space over the threshold, and NaN where a
    /// value is; returns the rows beyond the threshold, in order.
    ///
    /// # Panics
    /// If there is not one column for each feature, or one is shorter than `scores`.
    pub fn score(&self, columns: &[&[f64]], scores: &mut [f64]) -> Vec<Far> {
        let beyond = Beyond::new(self.threshold);
        match (&self.kernel, columns) {
            (Kernel::One(nearest), &[a]) => nearest.score([a], beyond, scores),
            (Kernel::Two(nearest), &[a, b]) => nearest.score([a, b], beyond, scores),
            (Kernel::Three(nearest), &[a, b, c]) => nearest.score([a, b, c], beyond, scores),
            (Kernel::Four(nearest), &[a, b, c, d]) => nearest.score([a, b, c, d], beyond, scores),
            _ => self.score_by_row(columns, beyond, scores),
        }
    }

    /// The same formula for any number of features.
    fn score_by_row(&self, columns: &[&[f64]], mut beyond: Beyond, scores: &mut [f64]) -> Vec<Far> {
        assert_eq!(columns.len(), self.scales.len(), "one column for each feature");
        for (row, score) in scores.iter_mut().enumerate() {
            let distance = self.nearest(|axis| columns[axis][row]).1.sqrt();
            [*score] = beyond.score(row, [distance]);
        }
        beyond.into_far()
    }

    /// The nearest centre, the first of equals, and the square of its distance.
    fn nearest(&self, value: impl Fn(usize) -> f64) -> (usize, f64) {
        let squares = self.centres.iter().map(|centre| {
            self.scales.iter().zip(centre).enumerate().fold(0.0, |sum, (axis, (scale, centre))| {
                let deviation = scale.apply(value(axis)) - centre;
                sum + deviation * deviation
            })
        });
        squares.enumerate().reduce(|best, next| if next.1 < best.1 { next } else { best }).unwrap_or((0, f64::NAN))
    }

    /// Says why a reading is where it is.
    pub fn explain(&self, values: &[f64]) -> Explanation<'_> {
        let (cluster, _) = self.nearest(|axis| values[axis]);
        let scaled = self.scales.iter().zip(values).map(|(scale, &value)| scale.apply(value));
        let deviations = scaled.zip(&self.centres[cluster]).map(|(value, centre)| (value - centre).abs());
        Explanation {
            cluster,
            expected: &self.levels[cluster],
            reach: &self.reach,
            blame: shares_of_squares(deviations.collect()),
        }
    }
}

impl Kernel {
    fn new(scales: &[Scale], centres: &[Vec<f64>]) -> Self {
        match scales.len() {
            1 => Self::One(Nearest::new(scales, centres)),
            2 => Self::Two(Nearest::new(scales, centres)),
            3 => Self::Three(Nearest::new(scales, centres)),
            4 => Self::Four(Nearest::new(scales, centres)),
            _ => Self::Many,
        }
    }
}

/// Each deviation's share of the sum of squares. They are first taken relative to the largest, so that none overflows.
fn shares_of_squares(mut deviations: Blame) -> Blame {
    let largest = deviations.iter().fold(0.0, |largest, &deviation| if deviation > largest { deviation } else { largest });
    for deviation in &mut deviations {
        let relative = if *deviation == largest { 1.0 } else { *deviation / largest };
        *deviation = relative * relative;
    }
    let sum: f64 = deviations.iter().sum();
    deviations.iter_mut().for_each(|square| *square /= sum);
    deviations
}

fn check(file: &File) -> Result<(), ModelError> {
    if file.format != FORMAT || file.format_version != FORMAT_VERSION {
        return Err(ModelError::Format { format: file.format.clone(), version: file.format_version });
    }
    let expected = file.features.len();
    if expected == 0 {
        return Err(ModelError::Empty("features"));
    }
    if file.centroids_scaled.is_empty() {
        return Err(ModelError::Empty("centroids_scaled"));
    }
    let length = |list: &str, found: usize| {
        let wrong = ModelError::Length { list: list.into(), found, expected };
        if found == expected { Ok(()) } else { Err(wrong) }
    };
    length("units", file.units.len())?;
    length("mean", file.mean.len())?;
    length("std", file.std.len())?;
    for (index, centre) in file.centroids_scaled.iter().enumerate() {
        length(&format!("centroids_scaled[{index}]"), centre.len())?;
        for (axis, &value) in centre.iter().enumerate() {
            finite(&format!("centroids_scaled[{index}][{axis}]"), value)?;
        }
    }
    for (axis, (&mean, &std)) in file.mean.iter().zip(&file.std).enumerate() {
        finite(&format!("mean[{axis}]"), mean)?;
        positive(&format!("std[{axis}]"), std)?;
    }
    Ok(())
}

fn finite(key: &str, value: f64) -> Result<(), ModelError> {
    let wrong = ModelError::Number { key: key.into(), value, positive: false };
    if value.is_finite() { Ok(()) } else { Err(wrong) }
}

fn positive(key: &str, value: f64) -> Result<(), ModelError> {
    let wrong = ModelError::Number { key: key.into(), value, positive: true };
    if value.is_finite() && value > 0.0 { Ok(()) } else { Err(wrong) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(features: usize, centres: usize) -> serde_json::Value {
        let centre = |at: usize| (0..features).map(|axis| at as f64 * 1.1 - 1.0 + axis as f64 * 0.1).collect::<Vec<_>>();
        serde_json::json!({
            "format": "wattdog-kmeans", "format_version": 1, "made": "in a test",
            "features": (0..features).map(|axis| format!("f{axis}")).collect::<Vec<_>>(), "units": vec!["kWh"; features],
            "mean": vec![150.0; features], "std": vec![41.3; features],
            "centroids_scaled": (0..centres).map(centre).collect::<Vec<_>>(), "threshold": 1.86,
        })
    }

    fn parse(model: &serde_json::Value) -> Result<KMeans, ModelError> {
        KMeans::from_json(model.to_string().as_bytes(), None)
    }

    fn columns(features: usize, rows: usize) -> Vec<Vec<f64>> {
        (0..features).map(|axis| (0..rows).map(|row| ((row * 37 + axis * 11) % 400) as f64 * 0.73).collect()).collect()
    }

    #[test]
    fn distances_have_the_same_bits_wherever_the_batch_is_cut() {
        for features in 1..=6 {
            for centres in 1..=7 {
                let mut model = model(features, centres);
                // So small that every row is beyond it.
                model["threshold"] = serde_json::json!(1e-9);
                let kmeans = parse(&model).unwrap();
                let columns = columns(features, 23);
                let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
                let mut plain = vec![0.0; 23];
                let far = kmeans.score_by_row(&columns, Beyond::new(1e-9), &mut plain);
                assert_eq!(far.len(), 23);
                for cut in 0..=23 {
                    let mut scores = vec![0.0; 23];
                    let (before, after) = scores.split_at_mut(cut);
                    let mut found = kmeans.score(&columns.iter().map(|column| &column[..cut]).collect::<Vec<_>>(), before);
                    let rest = kmeans.score(&columns.iter().map(|column| &column[cut..]).collect::<Vec<_>>(), after);
                    found.extend(rest.into_iter().map(|far| Far { row: far.row + cut, ..far }));
                    assert_eq!((found, scores), (far.clone(), plain.clone()), "{features} features, {centres} centres, {cut}");
                }
            }
        }
    }

    #[test]
    fn a_missing_value_makes_its_row_unjudgeable_and_no_other() {
        for features in [2, 5] {
            let kmeans = parse(&model(features, 3)).unwrap();
            let mut columns = columns(features, 9);
            columns[1][4] = f64::NAN;
            columns[0][8] = f64::NAN;
            let mut scores = vec![0.0; 9];
            let far = kmeans.score(&columns.iter().map(Vec::as_slice).collect::<Vec<_>>(), &mut scores);
            let missing: Vec<usize> = (0..9).filter(|&row| scores[row].is_nan()).collect();
            assert_eq!(missing, [4, 8]);
            assert!(far.iter().all(|far| !missing.contains(&far.row)));
        }
    }

    #[test]
    fn the_nearest_centre_explains_a_reading_in_its_units() {
        let kmeans = parse(&model(2, 3)).unwrap();
        let found = kmeans.explain(&[350.0, 200.0]);
        assert_eq!(found.cluster, 2);
        assert!((found.expected[0] - (150.0 + 1.2 * 41.3)).abs() < 1e-9);
        assert!((found.reach[0] - 1.86 * 41.3).abs() < 1e-9);
        assert!((found.blame.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert_eq!(found.worst(), 0);
    }

    #[test]
    fn blame_is_shared_even_where_the_distance_is_infinite() {
        let kmeans = parse(&model(2, 3)).unwrap();
        assert_eq!(kmeans.explain(&[f64::MAX, 150.0]).blame.as_slice(), [1.0, 0.0]);
        assert_eq!(kmeans.explain(&[f64::INFINITY, f64::NEG_INFINITY]).blame.as_slice(), [0.5, 0.5]);
    }

    #[test]
    fn the_threshold_file_overrides_the_model() {
        let model = model(2, 3).to_string();
        let kmeans = KMeans::from_json(model.as_bytes(), Some(br#"{"threshold": 3.5, "quantile": 0.99}"#)).unwrap();
        assert_eq!(kmeans.threshold(), 3.5);
        let error = KMeans::from_json(model.as_bytes(), Some(br#"{"threshold": -1}"#)).err().unwrap();
        assert_eq!(error.to_string(), "model: threshold is -1, expected a finite number above 0");
        let error = KMeans::from_json(model.as_bytes(), Some(b"1.86")).err().unwrap();
        assert!(error.to_string().starts_with("model part `threshold`: "), "{error}");
    }

    #[test]
    fn broken_models_are_refused_by_key() {
        let cases = [
            ("format", serde_json::json!("other"), "model: format is \"other\" version 1, expected"),
            ("format_version", serde_json::json!(2), "model: format is \"wattdog-kmeans\" version 2, expected"),
            ("features", serde_json::json!([]), "model: features is empty"),
            ("units", serde_json::json!(["kWh"]), "model: units has 1 values, expected 2"),
            ("mean", serde_json::json!([1.0, 2.0, 3.0]), "model: mean has 3 values, expected 2"),
            ("std", serde_json::json!([1.0, 0.0]), "model: std[1] is 0, expected a finite number above 0"),
            ("centroids_scaled", serde_json::json!([]), "model: centroids_scaled is empty"),
            ("centroids_scaled", serde_json::json!([[1.0, 2.0], [1.0]]), "model: centroids_scaled[1] has 1 values, expected 2"),
            ("threshold", serde_json::json!("high"), "model: invalid type: string"),
        ];
        for (key, value, message) in cases {
            let mut model = model(2, 3);
            model[key] = value;
            let error = parse(&model).err().unwrap_or_else(|| panic!("{key} accepted")).to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
