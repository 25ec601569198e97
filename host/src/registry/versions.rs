//! Every component that has run, by digest, so that there is always one to go back to.

use std::path::{Path, PathBuf};

use wattdog_files::PrivateFolder;

use super::last_run::LastRun;

/// Of a component, and of what ran last with its model.
const MOST_BYTES: u64 = 1 << 30;

/// More than anybody goes back by; at 18 MB for the largest, some hundreds of megabytes.
const KEPT: usize = 20;

/// The folder.
#[derive(Clone, Debug)]
pub struct Versions {
    dir: PathBuf,
}

impl Versions {
    /// Those whose record is in that file.
    #[must_use]
    pub fn beside(audit: &Path) -> Self {
        Self { dir: audit.with_extension("versions") }
    }

    /// Keeps a component; the oldest make place.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(super) fn keep(&self, digest: &str, bytes: &[u8]) -> std::io::Result<()> {
        let folder = self.folder()?;
        let name = component(digest);
        if !self.dir.join(&name).exists() {
            folder.write(&name, bytes)?;
        }
        let mut files: Vec<_> = std::fs::read_dir(&self.dir)?
            .filter_map(|entry| {
                let entry = entry.ok()?;
                Some((entry.metadata().ok()?.modified().ok()?, entry.path()))
            })
            .filter(|(_, file)| file.extension().is_some_and(|extension| extension == "wasm"))
            .collect();
        files.sort();
        let surplus = files.len().saturating_sub(KEPT);
        files.into_iter().take(surplus).try_for_each(|(_, file)| std::fs::remove_file(file))
    }

    /// A component that was kept.
    ///
    /// # Errors
    /// When it is not there.
    pub fn read(&self, digest: &str) -> std::io::Result<Vec<u8>> {
        Ok(self.folder()?.read(&component(digest), MOST_BYTES)?)
    }

    /// What runs under a file's name now.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(super) fn keep_last_run(&self, name: &str, last_run: &LastRun) -> std::io::Result<()> {
        let bytes = postcard::to_stdvec(last_run).map_err(std::io::Error::other)?;
        self.folder()?.write(&last_run_of(name), &bytes)
    }

    /// Nothing runs under that name any more.
    pub(super) fn forget_last_run(&self, name: &str) {
        // Where there is none, it is forgotten.
        let _ = std::fs::remove_file(self.dir.join(last_run_of(name)));
    }

    /// What ran last under a file's name; none where nothing did, or where it cannot be read.
    pub(super) fn last_run(&self, name: &str) -> Option<LastRun> {
        postcard::from_bytes(&self.folder().ok()?.read(&last_run_of(name), MOST_BYTES).ok()?).ok()
    }

    /// What lies in it runs, so nobody else may have put it there.
    fn folder(&self) -> std::io::Result<PrivateFolder> {
        PrivateFolder::make(&self.dir).map_err(std::io::Error::other)
    }
}

fn component(digest: &str) -> String {
    format!("{digest}.wasm")
}

fn last_run_of(name: &str) -> String {
    format!("{name}.last-run")
}
