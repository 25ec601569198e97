//! Two detectors side by side, over what they have found in the same readings: what is active and what is in the shadow.

use std::collections::HashMap;

use anyhow::Context as _;
use serde::Serialize;

use crate::clock;
use crate::config::{Config, Span};
use crate::kafka::{Settings, read_topic};
use crate::registry::{PluginInfo, State};
use crate::results::{Anomaly, RowFormat};

/// Examples of each way to disagree.
const EXAMPLES: usize = 3;

/// What one detector found, by (partition, offset) of the reading.
type Found = HashMap<(i32, i64), Anomaly<'static>>;

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// How many readings both found.
    pub both: usize,
    /// Of the first and of the second.
    pub sides: [Side; 2],
}

/// One of the two.
#[derive(Debug, Serialize)]
pub struct Side {
    /// How many readings it found.
    pub found: usize,
    /// How many of them the other did not.
    pub alone: usize,
    /// Of those, the ones with the highest scores.
    pub examples: Vec<Example>,
}

/// A reading that one found and the other did not.
#[derive(Debug, Serialize)]
pub struct Example {
    /// Its event time.
    pub detected_at: String,
    /// Its building.
    pub building: String,
    /// Its meter.
    pub meter: String,
    /// What the one that found it says: 1.0 is its threshold.
    pub score: f64,
    /// In words.
    pub reason: String,
}

impl Comparison {
    /// Reads both topics of findings as far back as `since`, by the time at which findings were written.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub fn of(config: &Config, since: Span, plugins: [&PluginInfo; 2]) -> anyhow::Result<Self> {
        let settings = Settings::of(&config.kafka);
        let since_ms = clock::now().as_millisecond() - since.micros() / 1_000;
        let format = RowFormat::new(&config.measure_names());
        let apart = plugins[0].digest != plugins[1].digest || plugins[0].name != plugins[1].name;
        let mut found = [Found::new(), Found::new()];
        for topic in [&config.topics.anomalies, &config.topics.shadow_anomalies] {
            read_topic(&settings, topic, since_ms, |json| {
                let Ok(row) = format.read_anomaly(json) else { return };
                let of = plugins.iter().position(|plugin| said_by(plugin, &row, topic == &config.topics.shadow_anomalies, apart));
                if let Some(of) = of {
                    found[of].insert((row.source_partition, row.source_offset), row);
                }
            })
            .with_context(|| format!("cannot read topic {topic} at {}", settings.bootstrap))?;
        }
        Ok(Self::between(&found))
    }

    fn between([a, b]: &[Found; 2]) -> Self {
        let both = a.keys().filter(|place| b.contains_key(place)).count();
        Self { both, sides: [Side::of(a, b), Side::of(b, a)] }
    }

    /// Readings that at least one of them found.
    #[must_use]
    pub fn either(&self) -> usize {
        self.both + self.sides.iter().map(|side| side.alone).sum::<usize>()
    }

    /// Of those, the share that both found; all where there is none.
    #[must_use]
    pub fn agreement(&self) -> f64 {
        if self.either() == 0 { 1.0 } else { self.both as f64 / self.either() as f64 }
    }
}

/// `apart`: their components tell the two apart. Else it is one component with two models, and one of them is in the shadow.
fn said_by(plugin: &PluginInfo, row: &Anomaly<'_>, in_the_shadow: bool, apart: bool) -> bool {
    let is_its = row.detector_digest == plugin.digest && row.detector == plugin.name;
    is_its && (apart || in_the_shadow == (plugin.state == State::Shadow))
}

impl Side {
    fn of(mine: &Found, other: &Found) -> Self {
        let mut alone: Vec<_> = mine.iter().filter(|(place, _)| !other.contains_key(place)).map(|(_, row)| row).collect();
        alone.sort_by(|x, y| y.score.total_cmp(&x.score).then(x.source_offset.cmp(&y.source_offset)));
        let example = |row: &&Anomaly<'static>| Example {
            detected_at: row.detected_at.to_string(),
            building: row.building.to_string(),
            meter: row.meter.to_string(),
            score: row.score,
            reason: row.reason.to_string(),
        };
        Self { found: mine.len(), alone: alone.len(), examples: alone.iter().take(EXAMPLES).map(example).collect() }
    }
}
