//! A component file and what is needed to start it, step by step, so that each step can fail with its own words.

use std::path::{Path, PathBuf};
use std::time::Duration;

use wattdog_plugin_runtime::{
    Compiled, Description, Fault, Instance, Kind, Limits, Linked, ModelPart, Runtime, RuntimeConfig, complete_params,
};

use crate::clock;
use crate::config::Plugins;
use crate::registry::{Model, Sidecar, check_kind, compiler, json_params, log_to, read_component, read_model};

/// A component that fits the contract, and the sidecar beside it.
pub struct Component {
    /// Where it is.
    pub file: PathBuf,
    /// Its size in bytes.
    pub bytes: usize,
    /// How long it took to compile, or to take it from the cache.
    pub compile_time: Duration,
    /// As machine code.
    pub compiled: Compiled,
    /// The limits of its sidecar.
    pub limits: Limits,
    /// How it is to run.
    pub sidecar: Sidecar,
    linked: Linked,
}

impl Component {
    /// Reads, compiles and links a file; what was compiled before is taken from where a host keeps it.
    ///
    /// # Errors
    /// In one line with the file's name.
    pub fn open(file: &Path) -> Result<Self, String> {
        Self::open_in(file, &kept(RuntimeConfig { compiler: compiler(), ..RuntimeConfig::default() })?)
    }

    /// Likewise, to count the operations of its instances.
    ///
    /// # Errors
    /// In one line with the file's name.
    pub fn open_counting(file: &Path) -> Result<Self, String> {
        Self::open_in(file, &kept(RuntimeConfig { compiler: compiler(), count_fuel: true, ..RuntimeConfig::default() })?)
    }

    /// Reads, compiles in any case, and links a file.
    ///
    /// # Errors
    /// In one line with the file's name.
    pub fn compile(file: &Path) -> Result<Self, String> {
        let runtime = Runtime::new(RuntimeConfig { compiler: compiler(), ..RuntimeConfig::default() });
        Self::open_in(file, &runtime.map_err(|fault| fault.to_string())?)
    }

    fn open_in(file: &Path, runtime: &Runtime) -> Result<Self, String> {
        let of_file = |reason: String| format!("{}: {reason}", file.display());
        let sidecar = Sidecar::beside(file)?;
        let limits = sidecar.limits.resolve();
        let bytes = read_component(file, &sidecar).map_err(of_file)?;
        let started = clock::monotonic();
        let compiled = runtime.compile(&bytes, &limits).map_err(|fault| of_file(fault.to_string()))?;
        let compile_time = started.elapsed();
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let linked = runtime.link(&compiled, limits.clone(), log_to(name)).map_err(|fault| of_file(fault.to_string()))?;
        Ok(Self { file: file.to_owned(), bytes: bytes.len(), compile_time, compiled, limits, sidecar, linked })
    }

    /// What it does.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.linked.kind()
    }

    /// What it says of itself before it is configured.
    ///
    /// # Errors
    /// When it fails, or what it says is not well formed.
    pub fn description(&self) -> Result<Description, Fault> {
        self.linked.describe()
    }

    /// The plugin with its own sidecar's parameters and model.
    ///
    /// # Errors
    /// When the sidecar does not fit the plugin.
    pub fn configure(&self) -> Result<Setup, String> {
        self.configure_as(&self.sidecar)
    }

    /// The plugin with another sidecar's parameters and model; limits stay those of its own.
    ///
    /// # Errors
    /// When the sidecar does not fit the plugin.
    pub fn configure_as(&self, sidecar: &Sidecar) -> Result<Setup, String> {
        check_kind(&self.linked, sidecar)?;
        let described = self.description().map_err(|fault| fault.to_string())?;
        let params = complete_params(&described.params, &json_params(&sidecar.params)?)?;
        if described.needs_model && sidecar.model.is_none() {
            return Err(format!("it needs a model: set `model` in {}", self.file.with_extension("toml").display()));
        }
        let model = sidecar.model.as_deref().map(|model| read_model(model, &sidecar.limits)).transpose()?.unwrap_or_default();
        Ok(Setup { linked: self.linked.clone(), params, model })
    }
}

/// A runtime that keeps what it compiles where a host does; without a folder for that, it compiles each time.
fn kept(config: RuntimeConfig) -> Result<Runtime, String> {
    let cache_dir = Plugins::default().cache_dir();
    Runtime::new(RuntimeConfig { cache_dir, ..config }).map_err(|fault| fault.to_string())
}

/// A plugin with parameters and model: fresh instances, as many as wanted.
pub struct Setup {
    linked: Linked,
    params: String,
    model: Model,
}

impl Setup {
    /// A configured instance.
    ///
    /// # Errors
    /// When the plugin refuses its configuration, or fails.
    pub fn start(&self) -> Result<Instance, Fault> {
        let parts: Vec<_> = self.model.iter().map(|(part, bytes)| ModelPart { part, bytes }).collect();
        self.linked.start(&self.params, &parts)
    }

    /// What it does.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.linked.kind()
    }
}
