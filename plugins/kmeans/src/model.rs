//! The model file that `wattdog train` writes.

use std::fmt;

use serde::Deserialize;

/// `models/kmeans_energy.json`: what scoring needs of it.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Model {
    format: String,
    format_version: u32,
    /// Columns, in order.
    pub features: Vec<String>,
    /// Their units.
    pub units: Vec<String>,
    /// Mean of each feature over the training data.
    pub mean: Vec<f64>,
    /// Population standard deviation of each.
    pub std: Vec<f64>,
    /// `k × d`, in standardised units.
    pub centroids_scaled: Vec<Vec<f64>>,
    /// Distance beyond which a reading is reported.
    pub threshold: f64,
}

#[derive(Deserialize)]
struct Threshold {
    threshold: f64,
}

/// Why a model cannot be used.
#[derive(Debug)]
pub struct ModelError(String);

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; make a model with `wattdog train`", self.0)
    }
}

impl Model {
    /// From the model file and, where there is one, the threshold's own file, which goes over it.
    ///
    /// # Errors
    /// Naming what is wrong, with line and column for broken JSON.
    pub fn parse(model: &[u8], threshold: Option<&[u8]>) -> Result<Self, ModelError> {
        let mut parsed: Self = serde_json::from_slice(model).map_err(|error| ModelError(format!("model file: {error}")))?;
        if let Some(bytes) = threshold {
            let own: Threshold = serde_json::from_slice(bytes).map_err(|error| ModelError(format!("threshold file: {error}")))?;
            parsed.threshold = own.threshold;
        }
        parsed.check().map_err(ModelError)?;
        Ok(parsed)
    }

    fn check(&self) -> Result<(), String> {
        if self.format != "wattdog-kmeans" || self.format_version != 1 {
            return Err(format!("model format {:?} version {}, not \"wattdog-kmeans\" 1", self.format, self.format_version));
        }
        let d = self.features.len();
        if d == 0 || self.centroids_scaled.is_empty() {
            return Err("the model has no features or no centroids".into());
        }
        let lengths = [self.units.len(), self.mean.len(), self.std.len()];
        if lengths.iter().any(|&n| n != d) || self.centroids_scaled.iter().any(|c| c.len() != d) {
            return Err(format!("the model's lists do not all have {d} entries, one for each feature"));
        }
        if self.std.iter().any(|s| !(s.is_finite() && *s > 0.0)) {
            return Err("a standard deviation is not above 0".into());
        }
        if !self.mean.iter().chain(self.centroids_scaled.iter().flatten()).all(|x| x.is_finite()) {
            return Err("a mean or centroid is not finite".into());
        }
        if !(self.threshold.is_finite() && self.threshold > 0.0) {
            return Err(format!("threshold {} is not above 0", self.threshold));
        }
        Ok(())
    }
}
