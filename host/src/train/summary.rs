//! What a person wants to know of a new model, with the distances as a picture.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use super::fit::{Fitted, Settings};
use super::rows::Rows;

const BINS: usize = 16;
const WIDTH: usize = 50;

pub(super) fn text(
    features: &[String],
    units: &[String],
    fitted: &Fitted,
    settings: Settings,
    rows: &Rows,
    fitting: Duration,
    output: &Path,
) -> String {
    let mut text = String::new();
    let mut line = |content: String| {
        text.push_str(&content);
        text.push('\n');
    };
    line(format!("{} rows, {} broken ones skipped", rows.kept, rows.skipped));
    for (cluster, (scaled, size)) in fitted.centroids_scaled.iter().zip(&fitted.sizes).enumerate() {
        let value = |(d, x): (usize, &f64)| {
            // Never -0.0.
            let tenths = ((fitted.mean[d] + x * fitted.std[d]) * 10.0).round() / 10.0 + 0.0;
            format!("{} {tenths:.1} {}", features[d], units[d]).trim_end().to_owned()
        };
        let values: Vec<_> = scaled.iter().enumerate().map(value).collect();
        line(format!("cluster {cluster}: {size:>8} rows, {}", values.join(", ")));
    }
    line(format!("inertia {:.1}, silhouette {:.3}", fitted.inertia, fitted.silhouette));
    line(format!("fitted in {:.2} s, the best of {} starts", fitting.as_secs_f64(), settings.starts));
    line(format!("threshold {:.4}, the {} quantile of the distances", fitted.threshold, settings.quantile));
    line(histogram(&fitted.distances, fitted.threshold));
    line(format!("written to {}; edit the threshold in {}", output.display(), output.with_extension("threshold.json").display()));
    text
}

/// Distances from 0 to twice the threshold; the last bar has all beyond.
fn histogram(distances: &[f64], threshold: f64) -> String {
    let step = 2.0 * threshold / BINS as f64;
    let mut counts = [0usize; BINS];
    for distance in distances {
        counts[((distance / step) as usize).min(BINS - 1)] += 1;
    }
    let most = counts.iter().copied().max().unwrap_or(1).max(1);
    let mut text = String::from("distances:\n");
    for (bin, count) in counts.iter().enumerate() {
        let mark = if bin == BINS / 2 { " <- threshold" } else { "" };
        let bar = "#".repeat((count * WIDTH).div_ceil(most));
        writeln!(text, "{:>6.2} |{bar}{mark}", bin as f64 * step).expect("a String takes every write");
    }
    text
}
