//! Benchmarks, with what they need.

use std::path::Path;

use anyhow::Result;

use crate::{cargo, plugins, prerequisites, run, services};

/// What to measure.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Bench {
    /// The whole system on real Kafka and PostgreSQL, against a bare loop over the same topic.
    Pipeline {
        /// For the benchmark, such as `--rounds 5`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// A detector as a component against the same code compiled for this machine.
    Plugin,
    /// A thousand buildings and a year in PostgreSQL: how long each view of the page waits for its answers.
    Page {
        /// For the benchmark, such as `--buildings 100`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// `kill -9` with 100,000 meters in state: how long until the next life's first committed result.
    SecondLife {
        /// For the benchmark, such as `--meters 1000`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

pub(crate) fn measure(root: &Path, bench: &Bench) -> Result<()> {
    match bench {
        Bench::Pipeline { arguments } => system(root, "pipeline", arguments),
        Bench::Page { arguments } => system(root, "page", arguments),
        Bench::SecondLife { arguments } => system(root, "second_life", arguments),
        Bench::Plugin => {
            prerequisites::for_building()?;
            plugins::build(root)?;
            run(cargo(root).args(["bench", "--quiet", "--package", "wattdog", "--bench", "plugin"]))
        }
    }
}

/// A whole-system run of its own.
pub(crate) fn system(root: &Path, name: &str, arguments: &[String]) -> Result<()> {
    prerequisites::for_building()?;
    plugins::build_all(root)?;
    services::with(root, |variables| {
        let mut command = cargo(root);
        command.args(["bench", "--quiet", "--package", "wattdog", "--bench", name, "--"]).args(arguments);
        run(command.envs(variables.iter().cloned()))
    })
}
