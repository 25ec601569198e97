//! What benchmarks of the whole system share: the program, what they send it, and what the kernel knows of it.

pub(crate) mod feeder;
pub(crate) mod offsets;
pub(crate) mod process;
pub(crate) mod program;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the host lies in the workspace")
}

/// Where a server is.
pub(crate) fn variable(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| format!("{name} is not set; `cargo xtask` sets it: see `cargo xtask --help`"))
}

/// A plugin folder with the default detector alone.
pub(crate) fn default_detector(folder: &Path) -> Result<PathBuf> {
    let plugins = folder.join("plugins");
    std::fs::create_dir_all(&plugins)?;
    std::fs::copy(workspace().join("plugins/kmeans.wasm"), plugins.join("kmeans.wasm"))
        .context("no plugins/kmeans.wasm; run `cargo xtask plugins`")?;
    let model = workspace().join("models/kmeans_energy.json");
    std::fs::write(plugins.join("kmeans.toml"), format!("kind = \"detector\"\nmodel = {model:?}\n"))?;
    Ok(plugins)
}
