//! Compiled components on disk, by digest.
//!
//! A file is native code, so it is used only when it is exactly what this program wrote: its own digest stands in front of it,
//! its name carries the component's digest and the engine's version and settings, and none but its owner can write to the folder.

use std::hash::{Hash as _, Hasher as _};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

const DIGEST_BYTES: usize = 32;

pub(crate) struct Cache<'a> {
    engine: &'a Engine,
    file: PathBuf,
}

impl<'a> Cache<'a> {
    /// The place of one component in a folder that [`make_private`] has seen.
    pub(crate) fn new(engine: &'a Engine, dir: &Path, digest: &str) -> Self {
        let mut hasher = std::hash::DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Self { engine, file: dir.join(format!("{digest}-{:016x}.cwasm", hasher.finish())) }
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

    /// Writes it whole or not at all: a file that another process has open is never changed under it.
    pub(crate) fn store(&self, component: &Component) -> io::Result<()> {
        let code = component.serialize().map_err(|error| io::Error::other(error.to_string()))?;
        let dir = self.file.parent().expect("a file in the cache folder");
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        file.write_all(&Sha256::digest(&code))?;
        file.write_all(&code)?;
        file.persist(&self.file)?;
        Ok(())
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }
}

/// Makes the folder where it is missing, and takes no other than one that its owner alone can write to.
#[cfg(unix)]
pub(crate) fn make_private(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let mode = std::fs::metadata(dir)?.permissions().mode();
    if mode & 0o022 != 0 {
        let message = format!("others can write to it, and it holds machine code; run `chmod go-w {}`", dir.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn make_private(dir: &Path) -> io::Result<()> {
    std::fs::create_dir_all(dir)
}
