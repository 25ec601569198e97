//! Licences, sources and banned crates of everything that goes into the binary.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::{cargo, run, say};

const VERSION: &str = "0.20.2";

/// Without advisories: their database is not in a package registry, and news of it must not break an old commit.
pub(crate) fn check(root: &Path) -> Result<()> {
    let tools = root.join("target/tools");
    let own = tools.join("bin/cargo-deny");
    if !own.is_file() {
        say("building cargo-deny, once");
        // It runs once or twice: a build without optimisation takes less than half the time, and costs a second of each run.
        run(cargo(root)
            .args(["install", "--quiet", "--debug", "--locked", "--version", VERSION, "--root"])
            .arg(&tools)
            .arg("cargo-deny"))?;
    }
    let mut deny = Command::new(own);
    deny.current_dir(root).args(["--log-level", "error", "check"]);
    run(deny.args(["licenses", "bans", "sources"]))
}
