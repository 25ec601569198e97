//! Prometheus and its tool: unpacked and not installed, since the package would start a service.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::{prerequisites, run, say};

/// The folder of `prometheus` and `promtool`.
pub(super) fn programs(folder: &Path) -> Result<PathBuf> {
    let folder = folder.join("prometheus");
    let programs = folder.join("usr/bin");
    if programs.join("promtool").is_file() {
        return Ok(programs);
    }
    if !prerequisites::on_path("apt-get") {
        bail!("this machine has no Debian packages; set WATTDOG_TEST_PROMETHEUS to the folder of `prometheus` and `promtool`");
    }
    say("unpacking Prometheus into target/services/prometheus");
    std::fs::create_dir_all(&folder)?;
    // The package's version is that of the machine's own lists.
    run(Command::new("apt-get").args(["download", "-qq", "prometheus"]).current_dir(&folder))?;
    let package = std::fs::read_dir(&folder)?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .context("apt-get has left no package")?;
    run(Command::new("dpkg").arg("-x").arg(&package).arg(&folder))?;
    std::fs::remove_file(package)?;
    Ok(programs)
}
