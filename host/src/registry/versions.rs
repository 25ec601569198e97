//! Every component that has run, by digest, so that there is always one to go back to.

use std::path::{Path, PathBuf};

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
        std::fs::create_dir_all(&self.dir)?;
        let file = self.file(digest);
        if !file.exists() {
            let beside = file.with_extension("on-its-way");
            std::fs::write(&beside, bytes)?;
            std::fs::rename(beside, file)?;
        }
        let mut files: Vec<_> = std::fs::read_dir(&self.dir)?
            .filter_map(|entry| {
                let entry = entry.ok()?;
                Some((entry.metadata().ok()?.modified().ok()?, entry.path()))
            })
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
        std::fs::read(self.file(digest))
    }

    fn file(&self, digest: &str) -> PathBuf {
        self.dir.join(digest).with_extension("wasm")
    }
}
