//! `wattdog train`: the K-Means model from recorded readings.

mod fit;
mod glitches;
mod left_out;
mod model_file;
mod rows;
mod summary;
mod ties;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use indicatif::ProgressBar;

use crate::clock;
use crate::config;
use crate::wording::count;
use fit::{FitError, Settings};
use left_out::LeftOut;
use rows::{Period, Rows};
use summary::Trained;

/// Standardise, cluster, take a quantile of the distances as the threshold.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Tables, JSON lines or JSON documents, also within `.gz` or `.zip`.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Columns to train on.
    #[arg(long, value_delimiter = ',', default_value = "electricity,water")]
    features: Vec<String>,
    /// Clusters.
    #[arg(long, default_value_t = 3)]
    k: usize,
    /// Share of the training rows that lie within the threshold.
    #[arg(long, default_value_t = 0.95)]
    threshold_quantile: f64,
    /// Same seed, same model.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Starts, of which the best is kept.
    #[arg(long, default_value_t = 10)]
    starts: usize,
    /// Leave out rows before this time.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Leave out rows from this time on.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Configuration whose `[input]` says how readings are written: features are then its measures, in their units. When left out,
    /// columns are taken as they are.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Model file; the threshold gets a file of its own beside it.
    #[arg(long, value_name = "FILE", default_value = "models/kmeans_energy.json")]
    output: PathBuf,
}

impl Args {
    /// As on the command line.
    pub(crate) fn of(words: Vec<OsString>) -> Self {
        let command = <Self as clap::Args>::augment_args(clap::Command::new("train").no_binary_name(true));
        <Self as clap::FromArgMatches>::from_arg_matches(&command.get_matches_from(words)).expect("words of the command")
    }
}

/// Trains, writes the model, prints a summary.
///
/// # Errors
/// Naming what does not allow a model: a column that is not there, too few rows, a constant feature.
#[expect(clippy::print_stdout, reason = "the command's output")]
pub fn run(args: Args) -> anyhow::Result<()> {
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(100));
    bar.set_message("reading");
    let config = config::load_given(args.config.as_deref())?;
    let period = Period::new(args.since.as_deref(), args.until.as_deref())?;
    let progress = |read| bar.set_message(format!("reading: {read} rows"));
    let mut rows = match &config {
        Some(config) => rows::of_readings(&args.files, &args.features, &period, config, progress)?,
        None => rows::as_they_are(&args.files, &args.features, &period, progress)?,
    };
    let config = config.unwrap_or_default();
    let unit = |feature: &String| config.input.measures.get(feature).map_or_else(String::new, |m| m.unit.clone());
    let units: Vec<_> = args.features.iter().map(unit).collect();
    let glitches = glitches::find(&rows.columns);
    let left_out = LeftOut::of(&args.features, &units, &mut rows, glitches);
    bar.set_message(format!("clustering {}", count(rows.kept(), "row")));
    let settings = Settings { k: args.k, quantile: args.threshold_quantile, seed: args.seed, starts: args.starts.max(1) };
    let started = clock::monotonic();
    let fitted = fit::fit(&args.features, &rows.columns, settings).map_err(|error| explained(error, &left_out, &rows))?;
    let fitting = started.elapsed();
    bar.finish_and_clear();
    let trained =
        Trained { features: &args.features, units: &units, fitted: &fitted, settings, rows: &rows, left_out: &left_out };
    model_file::write(&args.output, &args.files, &trained)?;
    print!("{}", trained.text(fitting, &args.output));
    Ok(())
}

/// With what was left out: it may be why.
fn explained(error: FitError, left_out: &LeftOut, rows: &Rows) -> anyhow::Error {
    let reasons = left_out.text(rows);
    if reasons.is_empty() { error.into() } else { anyhow!("{error} (left out: {})", reasons.join("; ")) }
}
