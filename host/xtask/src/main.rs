//! `cargo xtask`: the one door for developers.
#![allow(clippy::disallowed_methods, reason = "a developer's tool measures its own steps")]

mod bench;
mod compose;
mod deny;
mod plugins;
mod prerequisites;
mod python;
mod services;
mod test;
mod tidy;
mod verify;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;

/// Build plugins, start servers, test, measure. Begin with `cargo xtask demo`.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
enum Task {
    /// Build everything and see it work: embedded broker, generated readings, anomalies on a live page.
    Demo {
        /// For `wattdog demo`, such as `--port 9000`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Everything that CI runs: tidy, format, clippy, unit tests, plugins, and integration on real servers.
    Test,
    /// Build every first-party plugin into `plugins/`, and the guests of tests into `target/guests`.
    Plugins {
        /// Without the guests of tests.
        #[arg(long)]
        first_party: bool,
    },
    /// Real servers for tests, on loopback, their data under `target/`.
    #[command(subcommand)]
    Services(services::Action),
    /// Measure; figures are ratios of one run.
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Swap a stateful detector a thousand times under load, and recompute what it should have said.
    SwapStorm {
        /// For the storm, such as `--swaps 100 --meters 100000`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Readings of now at a steady rate, for an hour or as long as you like; report and plot in `target/`.
    Soak {
        /// For the soak, such as `--rate 5000 --minutes 13 --outage-minutes 10`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Kill, freeze and move hosts, stop servers, damage state, under load; then compare every row and dead letter.
    Chaos {
        /// How many things go wrong; each takes some five seconds.
        #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u64).range(..=200))]
        faults: u64,
        /// Which ones.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Attack a host that has readings to take meanwhile: hostile files, records, answers; print memory and verdict for each.
    Attack,
    /// Recompute every row of a whole run from its topic, with other code, and the model with scikit-learn.
    Verify(verify::Args),
    /// `compose.yaml` in containers: up, rows, a dropped plugin, a killed service, down. Takes root, and no image from outside.
    ComposeTest,
    /// Check the rules that no compiler checks.
    Tidy,
}

fn main() -> ExitCode {
    match run_task(&Task::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("failed: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run_task(task: &Task) -> Result<()> {
    let root = root()?;
    match task {
        Task::Demo { arguments } => {
            prerequisites::for_building()?;
            plugins::build(&root)?;
            let mut demo = cargo(&root);
            demo.args(["run", "--quiet", "--package", "wattdog", "--", "demo"]).args(arguments);
            run(&mut demo)
        }
        Task::Test => test::run_all(&root),
        Task::Plugins { first_party: true } => plugins::build(&root),
        Task::Plugins { first_party: false } => plugins::build_all(&root),
        Task::Services(action) => services::run(&root, action),
        Task::Bench(bench) => bench::measure(&root, bench),
        Task::SwapStorm { arguments } => bench::system(&root, "swap_storm", arguments),
        Task::Soak { arguments } => bench::system(&root, "soak", arguments),
        Task::Chaos { faults, seed } => test::chaos(&root, *faults, *seed),
        Task::Attack => test::attack(&root),
        Task::Verify(args) => verify::verify(&root, args),
        Task::ComposeTest => compose::test(&root),
        Task::Tidy => tidy::check(&root),
    }
}

fn root() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().with_context(|| format!("no workspace at {}", root.display()))
}

/// Cargo in the workspace.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root);
    cargo
}

/// Runs a command to its end; an error names it.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {}", shown(command)))?;
    ensure!(status.success(), "{}: {status}", shown(command));
    Ok(())
}

fn shown(command: &Command) -> String {
    let arguments = command.get_args().map(|argument| argument.to_string_lossy());
    std::iter::once(command.get_program().to_string_lossy()).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// Progress, for a person: standard output is for what a script reads.
#[expect(clippy::print_stderr, reason = "the one place where progress is told")]
pub(crate) fn say(text: &str) {
    eprintln!("xtask: {text}");
}
