//! What a person wants to know of a new model, with the distances as a picture.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use super::fit::{Fitted, Settings};
use super::left_out::LeftOut;
use super::rows::Rows;
use super::ties;
use crate::wording::{count, thousands};

const BINS: usize = 16;
const WIDTH: usize = 50;
/// A cluster with less than this share of the rows is no level of consumption.
const SMALL_SHARE: f64 = 0.005;

/// What the summary is of.
pub(super) struct Trained<'a> {
    pub(super) features: &'a [String],
    pub(super) units: &'a [String],
    pub(super) fitted: &'a Fitted,
    pub(super) settings: Settings,
    pub(super) rows: &'a Rows,
    pub(super) left_out: &'a LeftOut,
}

impl Trained<'_> {
    /// Clusters that are too small to be a level of consumption.
    pub(super) fn small_clusters(&self) -> impl Iterator<Item = usize> {
        let limit = self.rows.kept() as f64 * SMALL_SHARE;
        self.fitted.sizes.iter().enumerate().filter(move |(_, size)| (**size as f64) < limit).map(|(cluster, _)| cluster)
    }

    pub(super) fn text(&self, fitting: Duration, output: &Path) -> String {
        let Self { fitted, settings, rows, .. } = self;
        let mut text = format!("{} of {}\n", count(rows.kept(), "row"), count(rows.read, "record"));
        let mut line = |content: String| {
            text.push_str(&content);
            text.push('\n');
        };
        self.left_out.text(rows).into_iter().for_each(|reason| line(format!("left out: {reason}")));
        self.standing().for_each(&mut line);
        for (cluster, size) in fitted.sizes.iter().enumerate() {
            line(format!("cluster {cluster}: {size:>8} rows, {}", self.centre(cluster)));
        }
        for cluster in self.small_clusters() {
            let (size, all) = (thousands(fitted.sizes[cluster] as u64), count(rows.kept(), "row"));
            line(format!(
                "cluster {cluster} has {size} of {all}, too small to be a level of consumption: readings near {} would count as \
                 usual; leave these rows out (--since, --until, or the file), or give a smaller --k",
                self.centre(cluster)
            ));
        }
        line(format!("inertia {:.1}, silhouette {:.3}", fitted.inertia, fitted.silhouette));
        line(format!("fitted in {:.2} s, the best of {}", fitting.as_secs_f64(), count(settings.starts, "start")));
        line(format!("threshold {:.4}, the {} quantile of the distances", fitted.threshold, settings.quantile));
        line(histogram(&fitted.distances, fitted.threshold));
        line(format!(
            "written to {}; edit the threshold in {}",
            output.display(),
            output.with_extension("threshold.json").display()
        ));
        text
    }

    /// A cluster's centre in the features' units.
    fn centre(&self, cluster: usize) -> String {
        let Self { features, units, fitted, .. } = self;
        let value = |(d, x): (usize, &f64)| {
            // Never -0.0.
            let tenths = ((fitted.mean[d] + x * fitted.std[d]) * 10.0).round() / 10.0 + 0.0;
            format!("{} {tenths:.1} {}", features[d], units[d]).trim_end().to_owned()
        };
        fitted.centroids_scaled[cluster].iter().enumerate().map(value).collect::<Vec<_>>().join(", ")
    }

    /// Features that have one value in most rows.
    fn standing(&self) -> impl Iterator<Item = String> {
        self.features.iter().zip(&self.rows.columns).filter_map(|(feature, column)| {
            let (value, rows) = ties::of_most_rows(column)?;
            Some(format!(
                "{feature} is {value} in {} of {}: its spread is that of the others, and small changes of it count for much",
                thousands(rows as u64),
                count(column.len(), "row")
            ))
        })
    }
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
