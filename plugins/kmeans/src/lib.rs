//! The default detector: distance to the nearest K-Means centroid.

mod kmeans;
mod model;
mod reason;

pub use kmeans::{Bands, Distances, KMeans};
pub use model::{Model, ModelError};

use wattdog_plugin::{
    Batch, ColumnSpec, ColumnType, Config, Description, Detector, Error, Finding, FindingsBuilder, NumberSpec, ParamSpec,
    ParamType, Plugin, Scored, Severity, floats, model_part, params,
};

/// The configured plugin.
pub struct KMeansPlugin {
    kmeans: KMeans,
    bands: Bands,
}

impl Plugin for KMeansPlugin {
    fn describe(configured: Option<&Self>) -> Description {
        let edge = |name: &str, default: &str, text: &str| ParamSpec {
            name: name.into(),
            type_: ParamType::Float,
            unit: "standard deviations".into(),
            default: Some(default.into()),
            minimum: Some(0.0),
            maximum: None,
            text: text.into(),
        };
        let number = |name: &str, text: &str| NumberSpec { name: name.into(), unit: String::new(), text: text.into() };
        Description {
            name: "kmeans".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Distance to the nearest K-Means centroid of standardised readings.".into(),
            inputs: configured.map_or_else(Vec::new, |plugin| plugin.inputs()),
            outputs: Vec::new(),
            params: vec![
                edge("anomaly_distance", "2.5", "From this distance on a finding is an anomaly, below it minor."),
                edge("critical_distance", "3.5", "Beyond this distance a finding is critical."),
            ],
            numbers: vec![
                number("distance", "Euclidean distance to the nearest centroid, in standardised units."),
                number("threshold", "Distance beyond which a reading is reported."),
                number("cluster", "Index of the nearest centroid."),
            ],
            needs_model: true,
            stateful: false,
            state_version: 0,
            oldest_state_version: 0,
        }
    }

    fn configure(config: &Config) -> Result<Self, String> {
        let model = model_part(config, "").ok_or("no model: set `model` in the sidecar to a file of `wattdog train`")?;
        let model = Model::parse(model, model_part(config, "threshold")).map_err(|error| error.to_string())?;
        let bands: Bands = params(config)?;
        Ok(Self { kmeans: KMeans::new(model), bands })
    }
}

impl KMeansPlugin {
    fn inputs(&self) -> Vec<ColumnSpec> {
        let model = self.kmeans.model();
        let spec = |(name, unit): (&String, &String)| ColumnSpec {
            name: name.clone(),
            type_: ColumnType::Float,
            unit: unit.clone(),
            required: true,
        };
        model.features.iter().zip(&model.units).map(spec).collect()
    }
}

impl Detector for KMeansPlugin {
    fn score(&mut self, batch: &Batch) -> Result<Scored, Error> {
        let columns =
            (0..self.kmeans.model().features.len()).map(|column| floats(batch, column)).collect::<Result<Vec<_>, _>>()?;
        let Distances { mut distances, clusters } = self.kmeans.distances(&columns, batch.rows as usize);
        let threshold = self.kmeans.model().threshold;
        let mut findings = FindingsBuilder::default();
        for (row, &distance) in distances.iter().enumerate() {
            // False for NaN: a row with a missing input cannot be judged.
            if distance > threshold {
                self.report(&columns, row, distance, clusters[row], &mut findings);
            }
        }
        for distance in &mut distances {
            *distance /= threshold;
        }
        Ok(Scored { scores: distances, findings: findings.finish() })
    }
}

impl KMeansPlugin {
    fn report(&self, columns: &[&[f64]], row: usize, distance: f64, cluster: u32, findings: &mut FindingsBuilder) {
        let model = self.kmeans.model();
        let values: Vec<f64> = columns.iter().map(|column| column[row]).collect();
        let explanation = self.kmeans.explain(&values, cluster as usize);
        let severity = match self.bands.severity(distance) {
            0 => Severity::Minor,
            1 => Severity::Anomaly,
            _ => Severity::Critical,
        };
        findings.push(
            Finding {
                row: row as u32,
                severity,
                expected: &explanation.expected,
                expected_low: &explanation.low,
                expected_high: &explanation.high,
                blame: &explanation.blame,
                numbers: &[distance, model.threshold, f64::from(cluster)],
            },
            reason::in_words(model, &values, &explanation),
        );
    }
}

wattdog_plugin::export_detector!(KMeansPlugin);
