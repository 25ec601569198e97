//! A finding in words.

use crate::Model;
use crate::kmeans::Explanation;

/// Names the feature to blame most and how far it is from the nearest usual level.
pub(crate) fn in_words(model: &Model, values: &[f64], why: &Explanation) -> String {
    let most = (0..values.len()).max_by(|&a, &b| why.blame[a].total_cmp(&why.blame[b])).unwrap_or(0);
    let (value, usual) = (values[most], why.expected[most]);
    let (name, unit) = (&model.features[most], &model.units[most]);
    let side = if value > usual { "above" } else { "below" };
    if usual > 0.0 {
        let percent = (value - usual).abs() / usual * 100.0;
        format!("{name} {value:.1} {unit} is {percent:.0} % {side} the nearest usual level ({usual:.1} {unit})")
    } else {
        format!("{name} {value:.1} {unit} is {side} the nearest usual level ({usual:.1} {unit})")
    }
}
