//! `wattdog plugin test`: recorded cases against the component itself.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use indicatif::ProgressBar;
use serde_json::json;

use crate::kit::Component;
use crate::kit::cases::{Outcome, cases_of, list_cases, run_case};
use crate::wording::count;

/// Run recorded cases against a component.
///
/// Runs folders of cases, each `plugin.toml`, `readings.jsonl` and `expected.jsonl`, as one batch and with state moved in
/// between. Exit code 1 when an answer differs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wattdog plugin test weekend-waste.wasm
  wattdog plugin test weekend-waste.wasm --update && git diff testcases
  wattdog plugin test target/weekend-waste.wasm testcases

In a difference, `-` is what expected.jsonl says and `+` what the plugin does.")]
pub(in crate::cli) struct Args {
    /// The component; the sidecar beside it sets its limits.
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
    /// The folder of cases; `testcases/` beside the component when left out.
    #[arg(value_name = "CASES_DIR")]
    cases: Option<PathBuf>,
    /// Write what the plugin says now to each expected.jsonl: read it before you keep it.
    #[arg(long)]
    update: bool,
    /// Print the outcomes as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let component = Component::open(&args.file).map_err(|error| anyhow!(error))?;
    let folder = args.cases.clone().or_else(|| cases_of(&args.file));
    let folder = folder.with_context(|| format!("no testcases/ beside {}: name the folder of cases", args.file.display()))?;
    let cases = list_cases(&folder)?;
    let bar = ProgressBar::new(cases.len() as u64);
    let run = |case: PathBuf| {
        bar.inc(1);
        let outcome = run_case(&component, &case, args.update);
        (case.file_name().unwrap_or_default().to_string_lossy().into_owned(), outcome)
    };
    let outcomes: Vec<_> = cases.into_iter().map(run).collect();
    bar.finish_and_clear();
    print(&outcomes, args.json);
    verdict(&outcomes, &folder)
}

#[expect(clippy::print_stdout, reason = "the command's output")]
fn print(outcomes: &[(String, Outcome)], as_json: bool) {
    if as_json {
        let cases: Vec<_> = outcomes.iter().map(|(case, outcome)| json!({ "case": case, "outcome": outcome })).collect();
        println!("{:#}", json!(cases));
        return;
    }
    for (case, outcome) in outcomes {
        match outcome {
            Outcome::Passed { readings } => println!("pass  {case}, {}", count(*readings, "reading")),
            Outcome::Updated { changed } => println!("wrote {case}, {} changed", count(*changed, "line")),
            Outcome::Skipped => println!("skip  {case}, for the other kind of plugin"),
            Outcome::Failed { text } => println!("FAIL  {case}: {}", text.replace('\n', "\n      ")),
        }
    }
}

fn verdict(outcomes: &[(String, Outcome)], folder: &Path) -> anyhow::Result<()> {
    let count = |is: fn(&Outcome) -> bool| outcomes.iter().filter(|(_, outcome)| is(outcome)).count();
    let failed = count(|outcome| matches!(outcome, Outcome::Failed { .. }));
    if failed > 0 {
        bail!("{failed} of {} cases failed; when the plugin is right, `--update` writes what it says now", outcomes.len());
    }
    if count(|outcome| matches!(outcome, Outcome::Skipped)) == outcomes.len() {
        bail!("no case in {} is for this kind of plugin: set `kind` in its plugin.toml", folder.display());
    }
    Ok(())
}
