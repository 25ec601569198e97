//! `cargo xtask`: the one door for developers.

mod plugins;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;

#[derive(Parser)]
enum Task {
    Plugins,
}

fn main() -> Result<()> {
    match Task::parse() {
        Task::Plugins => {
            plugins::build(&root())?;
            Ok(())
        }
    }
}
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("workspace")
}
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    ensure!(status.success(), "{command:?} failed: {status}");
    Ok(())
}
