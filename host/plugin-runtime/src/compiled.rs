//! A component that parses and is machine code; not yet known to fit the contract.

use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;
use wattdog_files::PrivateFolder;

use crate::cache::Cache;
use crate::engine::RuntimeConfig;
use crate::fault::Fault;
use crate::limits::Limits;

/// What a plugin does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Exports `detection`.
    Detector,
    /// Exports `enrichment`.
    Enricher,
}

/// First stage of a plugin's life.
#[derive(Clone)]
pub struct Compiled {
    pub(crate) component: Component,
    digest: String,
    from_cache: bool,
}

impl Compiled {
    pub(crate) fn new(
        engine: &Engine,
        bytes: &[u8],
        cache: Option<&PrivateFolder>,
        config: &RuntimeConfig,
        limits: &Limits,
    ) -> Result<Self, Fault> {
        if bytes.len() > limits.component {
            return Err(Fault::ComponentSize { length: bytes.len(), limit: limits.component });
        }
        let digest = hex(&Sha256::digest(bytes));
        let cache = cache.map(|folder| Cache::new(engine, folder, &digest));
        if let Some(component) = cache.as_ref().and_then(Cache::load) {
            return Ok(Self { component, digest, from_cache: true });
        }
        if bytes.is_empty() {
            return Err(Fault::Load("the file is empty".into()));
        }
        let component = match &config.compiler {
            None => Component::from_binary(engine, bytes).map_err(|error| Fault::Load(first_line(&error)))?,
            Some(compiler) => {
                let code = compiler.compile(bytes, limits, config.count_fuel)?;
                // SAFETY: these are the bytes that our own program wrote through a pipe, with the same engine and settings.
                unsafe { Component::deserialize(engine, &code) }.map_err(|error| Fault::Compiler(first_line(&error)))?
            }
        };
        if let Some(cache) = cache
            && let Err(error) = cache.store(&component)
        {
            // A full disk costs the next start some time, nothing else.
            tracing::warn!(file = %cache.file().display(), %error, "cannot keep a compiled plugin; the next start compiles it again");
        }
        Ok(Self { component, digest, from_cache: false })
    }

    /// SHA-256 of the component's bytes, in hex.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// True when it was not compiled now.
    #[must_use]
    pub fn from_cache(&self) -> bool {
        self.from_cache
    }
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiled").field("digest", &self.digest).finish_non_exhaustive()
    }
}

pub(crate) fn first_line(error: &wasmtime::Error) -> String {
    format!("{error:#}").lines().next().unwrap_or_default().trim().to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
