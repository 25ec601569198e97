//! The plugin folder, and what the program records of it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;

pub(crate) struct Plugins {
    folder: PathBuf,
}

impl Plugins {
    /// With one detector, which reports one reading of so many.
    pub(crate) fn new(folder: &Path, detector: &Path, report_every: u64) -> Result<Self> {
        std::fs::create_dir(folder.join("plugins"))?;
        std::fs::write(folder.join("plugins/tally.toml"), format!("[params]\nreport_every = {report_every}\n"))?;
        std::fs::copy(detector, folder.join("plugins/tally.wasm"))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Puts a copy of the component into the folder, with its time of writing, as `mv` does: it is whole when it gets its name.
    pub(crate) fn put(&self, component: &Path) -> Result<()> {
        let beside = self.folder.join("next.wasm");
        std::fs::copy(component, &beside)?;
        let written = std::fs::metadata(component)?.modified()?;
        std::fs::File::options().write(true).open(&beside)?.set_modified(written)?;
        std::fs::rename(beside, self.folder.join("plugins/tally.wasm")).context("cannot put the detector in its place")
    }

    pub(crate) fn audit(&self) -> Result<Vec<Value>> {
        self.record()?.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// Swaps in a lane so far.
    pub(crate) fn swaps(&self) -> Result<usize> {
        Ok(self.record()?.matches("\"event\":\"swapped\"").count())
    }

    fn record(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.folder.join("audit.jsonl"))?)
    }
}
