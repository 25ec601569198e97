//! `compose.yaml` from `up` to `down -v`, with a Docker daemon of its own under `target/`, which sees no image but what is built here.

mod docker;
mod images;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::{plugins, prerequisites, python, run, say};
use docker::Docker;

pub(crate) fn test(root: &Path) -> Result<()> {
    prerequisites::for_containers()?;
    plugins::build_all(root)?;
    let python = python::environment(root, &root.join("host/xtask/verify/requirements.txt"))?.join("python");
    let docker = Docker::start(root)?;
    images::build(root, &docker)?;
    let checkout = checkout(root)?;
    say("compose.yaml: up, rows, a dropped plugin, a killed service, down");
    let mut scenario = docker.environment(Command::new(python));
    scenario.arg(root.join("host/xtask/verify/compose.py")).current_dir(&checkout).env("PYTHONDONTWRITEBYTECODE", "1");
    scenario.arg("--override").arg(images::folder(root).join("override.yaml"));
    scenario.arg("--drop").arg(root.join("target/guests/stuck-meter.wasm"));
    run(&mut scenario)
}

/// What a user of `compose.yaml` has beside it: the scenario drops a plugin there, and the checkout stays as it is.
fn checkout(root: &Path) -> Result<PathBuf> {
    let copy = folder(root).join("checkout");
    if copy.exists() {
        std::fs::remove_dir_all(&copy).with_context(|| format!("cannot remove {}", copy.display()))?;
    }
    std::fs::create_dir_all(copy.join("host"))?;
    for name in ["compose.yaml", ".env.example", "models", "plugins", "host/deploy"] {
        run(Command::new("cp").arg("-r").arg(root.join(name)).arg(copy.join(name)))?;
    }
    Ok(copy)
}

/// Everything of this test.
fn folder(root: &Path) -> PathBuf {
    root.join("target/compose")
}
