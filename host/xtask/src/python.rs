//! Tools that come as Python packages, in an environment under `target/`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::{prerequisites, run, say};

/// The folder of programs of an environment that has what `requirements` lists.
pub(crate) fn environment(root: &Path, requirements: &Path) -> Result<PathBuf> {
    prerequisites::for_python()?;
    let folder = root.join("target/python");
    let programs = folder.join("bin");
    if !programs.join("pip").is_file() {
        say("making a Python environment in target/python");
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    }
    run(Command::new(programs.join("pip")).args(["install", "--quiet", "--requirement"]).arg(requirements))?;
    Ok(programs)
}
