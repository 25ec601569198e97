//! What ran under a file's name when the host was last alive, whole: component, sidecar and model. It goes on after a restart that
//! finds a file that cannot run, or one that was rolled back.

use std::path::Path;

use serde::{Deserialize, Serialize};
use wattdog_plugin_runtime::Runtime;

use super::load::{Loaded, Model, load_with_model};
use super::{Refusal, Sidecar};

/// As it is kept.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LastRun {
    component: Vec<u8>,
    /// TOML, since parameters have no form of their own.
    sidecar: String,
    model: Model,
    /// The identity of what lay in the folder then and was rolled back.
    pub(super) instead_of: Option<[u8; 32]>,
}

impl LastRun {
    pub(super) fn new(loaded: &Loaded, component: Vec<u8>, instead_of: Option<[u8; 32]>) -> Self {
        Self { component, sidecar: loaded.sidecar.to_toml(), model: loaded.model().clone(), instead_of }
    }

    /// As if it lay in the folder.
    pub(super) fn load(self, file: &Path, runtime: &Runtime) -> Result<Loaded, Refusal> {
        let sidecar: Sidecar = toml::from_str(&self.sidecar).map_err(|error| Refusal::Unfit(error.to_string()))?;
        load_with_model(file, &self.component, &sidecar, |_| Ok(self.model), runtime)
    }
}
