//! `wattdog plugin compare`

use std::fmt::Write as _;

use anyhow::{Context as _, bail};

use super::list;
use crate::cli::ConfigArgs;
use crate::cli::host::Host;
use crate::comparison::{Comparison, Example};
use crate::config::Span;
use crate::registry::{PluginInfo, Spread};
use crate::wording::count;

/// The longest bar, and a column with bar and percentage.
const WIDTH: f64 = 28.0;
const COLUMN: usize = 38;

/// Reads both topics of findings, those of active detectors and those of shadows, and sets two detectors beside each other,
/// reading by reading.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: wattdog plugin compare kmeans kmeans-2 --since 7d")]
pub(in crate::cli) struct Args {
    /// One detector, by its file without `.wasm`, or by its own name.
    a: String,
    /// The other.
    b: String,
    /// How far back, by the time at which findings were written.
    #[arg(long, default_value = "1d", value_parser = parse_span)]
    since: Span,
    /// It is asked which is which and what they cost.
    #[command(flatten)]
    host: Host,
    #[command(flatten)]
    config: ConfigArgs,
}

fn parse_span(text: &str) -> Result<Span, String> {
    text.parse()
}

#[expect(clippy::print_stdout, reason = "the command's output")]
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let config = args.config.load()?;
    let (_, plugins) = list::ask(&args.host)?;
    let (a, b) = (which(&plugins, &args.a)?, which(&plugins, &args.b)?);
    if a.file == b.file {
        bail!("`{}` and `{}` are the same plugin", args.a, args.b);
    }
    let comparison = Comparison::of(&config, args.since, [a, b])?;
    print!("{}", report([a, b], &comparison, args.since));
    Ok(())
}

fn which<'a>(plugins: &'a [PluginInfo], name: &str) -> anyhow::Result<&'a PluginInfo> {
    let known = |test: &dyn Fn(&&PluginInfo) -> bool| plugins.iter().filter(|plugin| !plugin.digest.is_empty()).find(test);
    known(&|plugin| plugin.file == name).or_else(|| known(&|plugin| plugin.name == name)).with_context(|| {
        let names: Vec<_> = plugins.iter().map(|plugin| plugin.file.as_str()).collect();
        format!("the host has no plugin `{name}`; it has {}", names.join(", "))
    })
}

fn report(plugins: [&PluginInfo; 2], comparison: &Comparison, since: Span) -> String {
    let mut text = String::new();
    let mut line = |content: String| writeln!(text, "{content}").expect("a String takes every write");
    for (plugin, side) in plugins.iter().zip(&comparison.sides) {
        let cost = plugin.ns_per_reading.map(|ns| format!(", {ns:.1} ns a reading")).unwrap_or_default();
        line(format!(
            "{} {} ({}): {} in the last {since}{cost}, failed on {} of {}",
            plugin.file,
            plugin.version,
            plugin.state.word(),
            count(side.found, "finding"),
            plugin.failed,
            plugin.scored + plugin.failed
        ));
    }
    let (both, either, share) = (comparison.both, comparison.either(), comparison.agreement() * 100.0);
    line(format!("both found {both} of the {} that either found: they agree in {share:.1} %", count(either, "reading")));
    for (plugin, side) in plugins.iter().zip(&comparison.sides) {
        line(format!("only {}: {}", plugin.file, side.alone));
        for Example { detected_at, meter, score, reason, .. } in &side.examples {
            line(format!("   {detected_at}  {meter}  score {score:.2}  {reason}"));
        }
    }
    text + &scores(plugins)
}

/// How the scores of all readings are spread, side by side.
fn scores(plugins: [&PluginInfo; 2]) -> String {
    let spreads = plugins.map(|plugin| plugin.scores.clone().unwrap_or_default());
    let [left, right] = plugins.map(|plugin| plugin.file.as_str());
    let mut text = "scores of all readings since each was loaded (1 is a detector's own threshold)\n".to_owned();
    let mut row = |label: &str, left: &str, right: &str| {
        writeln!(text, "{label:>12}  {left:<COLUMN$}  {right}").expect("a String takes every write");
    };
    row("", left, right);
    let share = |spread: &Spread, count: u64| count as f64 / spread.total().max(1) as f64;
    for bin in 0..spreads.iter().map(|spread| spread.counts.len()).max().unwrap_or_default() {
        let [left, right] = spreads.each_ref().map(|spread| bar(share(spread, spread.counts.get(bin).copied().unwrap_or(0))));
        row(&format!("{:.2}", Spread::lower_edge(bin)), &left, &right);
    }
    let [left, right] = spreads.each_ref().map(|spread| bar(share(spread, spread.not_judged)));
    row("not judged", &left, &right);
    text
}

/// A share as a bar and in percent; nothing at all where it is nothing.
fn bar(share: f64) -> String {
    if share == 0.0 { String::new() } else { format!("{} {:.2} %", "#".repeat((share * WIDTH).ceil() as usize), share * 100.0) }
}
