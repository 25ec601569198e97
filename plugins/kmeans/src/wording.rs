//! A finding in words: `electricity 271 kWh is 81 % above the nearest usual level (150 kWh)`.
//!
//! All words that do not depend on the reading are put together once: in a guest every piece of text that is copied is a call of
//! the engine's, which takes longer than copying it.

use wattdog_plugin::quantity;

use crate::kmeans::{Feature, KMeans};

/// The words of a model.
pub(crate) struct Wording {
    features: Vec<FeatureWords>,
    /// The text in the making, to allocate no more than what is handed over.
    text: String,
}

struct FeatureWords {
    /// `electricity `.
    name: String,
    /// ` kWh`; empty where there is no unit.
    unit: String,
    /// ` kWh is `.
    is: String,
    /// For each centre, ` above the nearest usual level (150 kWh)`.
    above: Vec<String>,
    below: Vec<String>,
}

impl Wording {
    pub(crate) fn new(model: &KMeans) -> Self {
        let words = |(axis, feature): (usize, &Feature)| {
            let unit = if feature.unit.is_empty() { String::new() } else { format!(" {}", feature.unit) };
            let than = |word, level: &[f64]| {
                let mut text = format!(" {word} the nearest usual level (");
                quantity::push_with_unit(&mut text, level[axis], &feature.unit);
                text + ")"
            };
            FeatureWords {
                name: format!("{} ", feature.name),
                is: format!("{unit} is "),
                above: model.levels().map(|level| than("above", level)).collect(),
                below: model.levels().map(|level| than("below", level)).collect(),
                unit,
            }
        };
        Self { features: model.features().iter().enumerate().map(words).collect(), text: String::new() }
    }

    /// Of the feature that is most to blame: its value, and its usual level at the nearest centre, `cluster`.
    pub(crate) fn reason(&mut self, feature: usize, value: f64, usual: f64, cluster: usize) -> &str {
        let (words, text) = (&self.features[feature], &mut self.text);
        text.clear();
        text.push_str(&words.name);
        quantity::push(text, value);
        text.push_str(&words.is);
        let percent = ((value - usual) / usual).abs() * 100.0;
        // A percentage of next to nothing says nothing.
        if percent < 1000.0 {
            quantity::push(text, (percent + 0.5).floor());
            text.push_str(" %");
        } else {
            quantity::push(text, (value - usual).abs());
            text.push_str(&words.unit);
        }
        text.push_str(if value > usual { &words.above[cluster] } else { &words.below[cluster] });
        text
    }
}
