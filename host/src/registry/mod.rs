//! Which detectors and enrichers run: every `.wasm` of the plugin folder that holds what its sidecar and the contract say.
//!
//! A file that does not is refused by name, and disturbs nothing.

mod columns;
mod load;
mod sidecar;

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};
use wattdog_plugin_runtime::{Description, Fault, Instance, Linked, ModelPart, Runtime};

pub use columns::{Catalogue, ColumnSource};
pub use sidecar::{Mode, PluginInput, PluginKind, Sidecar};

/// A plugin that may run: any lane can start instances of it.
#[derive(Debug)]
pub struct Plugin {
    /// Its own name, unique among those that run.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the component, in hex.
    pub digest: String,
    /// What it says of itself, configured.
    pub description: Description,
    /// Where each of its inputs comes from.
    pub inputs: Vec<ColumnSource>,
    /// Enrichers: its first column among the enriched ones.
    pub first_output: usize,
    /// Compiled by an earlier start.
    pub from_cache: bool,
    linked: Linked,
    params: String,
    model: Vec<(String, Vec<u8>)>,
}

impl Plugin {
    /// A fresh, configured instance for one lane.
    ///
    /// # Errors
    /// When the plugin fails to start.
    pub fn start(&self) -> Result<Instance, Fault> {
        start(&self.linked, &self.params, &self.model)
    }
}

fn start(linked: &Linked, params: &str, model: &[(String, Vec<u8>)]) -> Result<Instance, Fault> {
    let parts: Vec<_> = model.iter().map(|(part, bytes)| ModelPart { part, bytes }).collect();
    linked.start(params, &parts)
}

/// A file that does not run, and why.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Which file.
    pub file: PathBuf,
    /// One line.
    pub reason: String,
}

/// What runs and what was refused.
#[derive(Debug)]
pub struct Registry {
    /// In the order in which they run.
    pub enrichers: Vec<Arc<Plugin>>,
    /// By name.
    pub detectors: Vec<Arc<Plugin>>,
    /// With reasons.
    pub refused: Vec<Refused>,
    /// Every column that a plugin can read.
    pub catalogue: Catalogue,
}

impl Registry {
    /// Loads every component of `dir`. Measures are (name, unit), in the order of the columns.
    #[must_use]
    pub fn load(dir: &std::path::Path, runtime: &Runtime, measures: &[(String, String)]) -> Self {
        load::load(dir, runtime, measures)
    }

    /// One detector, offline: a component with a model and default parameters.
    ///
    /// # Errors
    /// With the reason why it cannot run.
    pub fn load_one(
        file: &std::path::Path,
        sidecar: &Sidecar,
        runtime: &Runtime,
        measures: &[(String, String)],
    ) -> Result<Arc<Plugin>, String> {
        load::load_file(file, sidecar, runtime, &Catalogue::new(measures)).map(Arc::new)
    }
}

fn json_params(params: &toml::Table) -> Result<Map<String, Value>, String> {
    match serde_json::to_value(params) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err("`[params]` is not a table".into()),
        Err(error) => Err(format!("`[params]` cannot be said in JSON: {error}")),
    }
}
