//! Compiled components on disk, by digest.
//!
//! A file is native code, so it is used only when it is exactly what this program wrote: its own digest stands in front of it,
//! its name carries the component's digest and the engine's version and settings, and the folder is open to its owner alone.

use std::hash::{Hash as _, Hasher as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::fault::Fault;

const DIGEST_BYTES: usize = 32;

pub(crate) struct Cache<'a> {
    engine: &'a Engine,
    file: PathBuf,
}

impl<'a> Cache<'a> {
    pub(crate) fn open(engine: &'a Engine, dir: &Path, digest: &str) -> Result<Self, Fault> {
        create_private(dir).map_err(|source| Fault::Cache { path: dir.to_owned(), source })?;
        let mut hasher = std::hash::DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Self { engine, file: dir.join(format!("{digest}-{:016x}.cwasm", hasher.finish())) })
    }

    /// The component, when its file is there and whole.
    pub(crate) fn load(&self) -> Option<Component> {
        let bytes = std::fs::read(&self.file).ok()?;
        let (digest, code) = bytes.split_at_checked(DIGEST_BYTES)?;
        if digest != Sha256::digest(code).as_slice() {
            tracing::warn!(file = %self.file.display(), "a compiled plugin is damaged; compiling it again");
            return None;
        }
        // SAFETY: the digest shows that these are the bytes that `store` wrote, for an engine of the same version and settings.
        unsafe { Component::deserialize(self.engine, code) }.ok()
    }

    pub(crate) fn store(&self, component: &Component) -> Result<(), Fault> {
        let failed = |source| Fault::Cache { path: self.file.clone(), source };
        let code = component.serialize().map_err(|error| failed(std::io::Error::other(error.to_string())))?;
        let dir = self.file.parent().expect("a file in the cache folder");
        let mut file = tempfile::NamedTempFile::new_in(dir).map_err(failed)?;
        file.write_all(&Sha256::digest(&code)).and_then(|()| file.write_all(&code)).map_err(failed)?;
        file.persist(&self.file).map_err(|error| failed(error.error))?;
        Ok(())
    }
}

#[cfg(unix)]
fn create_private(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

#[cfg(not(unix))]
fn create_private(dir: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)
}
