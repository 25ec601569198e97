//! Checks the real program against computations that share no code with it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::{cargo, plugins, prerequisites, python, run, services};

/// What to check on.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Recorded readings, JSON lines, `.gz` too; 100,000 generated ones when left out.
    #[arg(long, value_name = "FILE", env = "WATTDOG_VERIFY_READINGS")]
    readings: Option<PathBuf>,
    /// Train on the readings before this time; on the first half when left out.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

pub(crate) fn verify(root: &Path, args: &Args) -> Result<()> {
    prerequisites::for_building()?;
    plugins::build(root)?;
    run(cargo(root).args(["build", "--quiet", "--release", "--package", "wattdog"]))?;
    let scripts = root.join("host/xtask/verify");
    let python = python::environment(root, &scripts.join("kmeans-requirements.txt"))?.join("python");
    let program = root.join("target/release/wattdog");

    let mut rows = Command::new(&python);
    rows.arg(scripts.join("verify.py")).arg("--wattdog").arg(&program).arg("--plugins").arg(root.join("plugins"));
    if let Some(readings) = &args.readings {
        rows.arg("--readings").arg(readings);
    }
    if let Some(until) = &args.until {
        rows.arg("--until").arg(until);
    }
    // The scripts stand in the source tree, which stays as it is.
    rows.env("PYTHONDONTWRITEBYTECODE", "1");
    services::with(root, |variables| run(rows.envs(variables.iter().cloned())))?;
    run(Command::new(&python).arg(scripts.join("kmeans.py")).arg("--wattdog").arg(&program))
}
