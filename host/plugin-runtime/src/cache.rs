//! Compiled components on disk, by digest.
//!
//! A file is native code, so it is used only where a program of this user sealed it, in a folder that is this user's alone. Its name
//! carries the component's digest and the engine's version and settings.

use std::hash::{Hash as _, Hasher as _};
use std::io;
use std::path::PathBuf;

use wasmtime::Engine;
use wasmtime::component::Component;
use wattdog_files::PrivateFolder;

/// More than the largest component becomes.
const MOST_BYTES: u64 = 1 << 30;

/// Of the form of a file; another one has other names.
const FORM: u32 = 2;

pub(crate) struct Cache<'a> {
    engine: &'a Engine,
    folder: &'a PrivateFolder,
    name: String,
}

impl<'a> Cache<'a> {
    /// The place of one component.
    pub(crate) fn new(engine: &'a Engine, folder: &'a PrivateFolder, digest: &str) -> Self {
        let mut hasher = std::hash::DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        FORM.hash(&mut hasher);
        Self { engine, folder, name: format!("{digest}-{:016x}.cwasm", hasher.finish()) }
    }

    /// The component, when its file is there and whole.
    pub(crate) fn load(&self) -> Option<Component> {
        let code = match self.folder.unseal(&self.name, MOST_BYTES) {
            Ok(code) => code,
            Err(error) if error.is_missing() => return None,
            Err(error) => {
                tracing::warn!(file = %self.file().display(), %error, "a compiled plugin is not used; compiling it again");
                return None;
            }
        };
        // SAFETY: the seal shows that these are the bytes that `store` wrote, for an engine of the same version and settings.
        unsafe { Component::deserialize(self.engine, code) }.ok()
    }

    pub(crate) fn store(&self, component: &Component) -> io::Result<()> {
        let code = component.serialize().map_err(|error| io::Error::other(error.to_string()))?;
        self.folder.seal(&self.name, &code)
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join(&self.name)
    }
}
