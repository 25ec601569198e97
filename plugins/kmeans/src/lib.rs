//! The plugin `kmeans`: how far is a reading from the nearest usual level of consumption?
//!
//! This file is the contract's side; [`KMeans`] is the algorithm.

mod distances;
mod kmeans;
mod wording;

pub use distances::Far;
pub use kmeans::{Blame, Explanation, KMeans, ModelError};

use serde::Deserialize;
use wattdog_plugin::{
    Batch, Description, Detector, Error, Model, ParamSpec, ParamType, Plugin, Result, Scored, Severity, export_detector, log,
};
use wording::Wording;

const DISTANCE: usize = 0;
const THRESHOLD: usize = 1;
const CLUSTER: usize = 2;

/// The plugin, configured.
pub struct Plug {
    model: KMeans,
    bands: Bands,
    wording: Wording,
}

/// The distances at which a finding becomes graver. The first edge is the model's threshold.
///
/// An edge below the threshold needs no care: nothing below the threshold is reported, so that band is just empty.
#[derive(Deserialize)]
pub struct Bands {
    anomaly_distance: f64,
    critical_distance: f64,
}

impl Bands {
    fn severity(&self, distance: f64) -> Severity {
        if distance > self.critical_distance {
            Severity::Critical
        } else if distance >= self.anomaly_distance {
            Severity::Anomaly
        } else {
            Severity::Minor
        }
    }
}

impl Plugin for Plug {
    type Params = Bands;

    fn describe() -> Description {
        let edge = |name, value: f64, text| ParamSpec::new(name, ParamType::Float, text).default_value(value).at_least(0.0);
        Description::new(
            "kmeans",
            env!("CARGO_PKG_VERSION"),
            "Reports readings that are far from every usual level of consumption.",
        )
        .needs_model()
        .param(edge("anomaly_distance", 2.5, "From this distance on a finding is an anomaly, below it minor."))
        .param(edge("critical_distance", 3.5, "Beyond this distance a finding is critical."))
        .number("distance", "", "Distance to the nearest centre, in standard deviations.")
        .number("threshold", "", "The distance above which a reading is reported.")
        .number("cluster", "", "Index of the nearest centre.")
    }

    fn configure(bands: Bands, model: Model<'_>) -> Result<Self> {
        let invalid = |message: String| Error::InvalidConfig(message);
        if bands.anomaly_distance > bands.critical_distance {
            return Err(invalid(format!(
                "parameter anomaly_distance is {}, above critical_distance, which is {}",
                bands.anomaly_distance, bands.critical_distance
            )));
        }
        let file = model.part("").ok_or_else(|| invalid("no model file; make one with `wattdog train`".into()))?;
        let model = KMeans::from_json(file, model.part("threshold")).map_err(|error| invalid(error.to_string()))?;
        if model.threshold() >= bands.critical_distance {
            log::warn(&format!(
                "the model's threshold {} is not below critical_distance {}: every finding will be critical",
                model.threshold(),
                bands.critical_distance
            ));
        }
        Ok(Self { wording: Wording::new(&model), model, bands })
    }

    fn description(&self) -> Description {
        self.model
            .features()
            .iter()
            .fold(Self::describe(), |description, feature| description.input(&feature.name, &feature.unit))
    }
}

impl Detector for Plug {
    fn score(&mut self, batch: &Batch<'_>, scored: &mut Scored) -> Result<()> {
        let columns: Vec<&[f64]> = (0..self.model.features().len()).map(|input| batch.floats(input)).collect();
        let mut values = vec![0.0; columns.len()];
        for Far { row, distance } in self.model.score(&columns, scored.scores()) {
            for (value, column) in values.iter_mut().zip(&columns) {
                *value = column[row];
            }
            self.report(row, distance, &values, scored);
        }
        Ok(())
    }
}

impl Plug {
    fn report(&mut self, row: usize, distance: f64, values: &[f64], scored: &mut Scored) {
        let found = self.model.explain(values);
        let worst = found.worst();
        let mut finding = scored
            .report(row, self.bands.severity(distance))
            .number(DISTANCE, distance)
            .number(THRESHOLD, self.model.threshold())
            .number(CLUSTER, found.cluster as f64)
            .blame(&found.blame)
            .reason(self.wording.reason(worst, values[worst], found.expected[worst], found.cluster));
        for (input, (expected, reach)) in found.expected.iter().zip(found.reach).enumerate() {
            finding = finding.expected(input, *expected, expected - reach..=expected + reach);
        }
    }
}

export_detector!(Plug);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_follow_the_bands() {
        let bands = Bands { anomaly_distance: 2.5, critical_distance: 3.5 };
        let severities = [1.87, 2.49, 2.5, 3.5, 3.51].map(|distance| bands.severity(distance));
        use Severity::{Anomaly, Critical, Minor};
        assert_eq!(severities, [Minor, Minor, Anomaly, Anomaly, Critical]);
    }

    #[test]
    fn bands_that_cross_are_refused_by_name() {
        let error = Plug::configure(Bands { anomaly_distance: 4.0, critical_distance: 3.5 }, Model::default());
        let Err(Error::InvalidConfig(message)) = error else { panic!("accepted") };
        assert_eq!(message, "parameter anomaly_distance is 4, above critical_distance, which is 3.5");
    }
}
