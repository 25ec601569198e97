//! The engine, shared by all plugins, and the clock that interrupts them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use wasmtime::{Config, Engine};
use wattdog_files::PrivateFolder;

use crate::compiled::{Compiled, first_line};
use crate::compiler::Compiler;
use crate::fault::Fault;
use crate::guest::LogSink;
use crate::limits::Limits;
use crate::linked::Linked;

/// Resolution of deadlines: a tenth of the shortest default. Each tick wakes a thread, whether there is work or not.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// How the runtime works.
#[derive(Clone, Debug, Default)]
pub struct RuntimeConfig {
    /// Folder for compiled components, made when missing; none, or one that others can write to: compile at each start.
    pub cache_dir: Option<PathBuf>,
    /// Compiles in a process of its own, within limits; none: in this one, without.
    pub compiler: Option<Compiler>,
    /// Counts the operations of each instance, which makes it slower; the count is the same on every machine.
    pub count_fuel: bool,
}

/// Compiles and links plugins. Cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    engine: Engine,
    config: RuntimeConfig,
    cache: Option<PrivateFolder>,
}

impl Runtime {
    /// Starts the engine and its ticking thread.
    ///
    /// # Errors
    /// When the machine cannot run compiled WebAssembly.
    pub fn new(config: RuntimeConfig) -> Result<Self, Fault> {
        let cache = config.cache_dir.as_deref().and_then(private_folder);
        let engine = Engine::new(&engine_config(config.count_fuel)).map_err(|error| Fault::Engine(first_line(&error)))?;
        start_ticker(&engine).map_err(|error| Fault::Engine(format!("no thread for deadlines: {error}")))?;
        Ok(Self { engine, config, cache })
    }

    /// Compiles a component, or takes it from the cache by the digest of its bytes.
    ///
    /// # Errors
    /// When the bytes are no component, or too large, or compiling takes too much.
    pub fn compile(&self, bytes: &[u8], limits: &Limits) -> Result<Compiled, Fault> {
        Compiled::new(&self.engine, bytes, self.cache.as_ref(), &self.config, limits)
    }

    /// Checks a component's imports and exports against the contract.
    ///
    /// # Errors
    /// Naming what it asks for and is not given, or what it lacks.
    pub fn link(&self, compiled: &Compiled, limits: Limits, log: LogSink) -> Result<Linked, Fault> {
        Linked::new(&self.engine, compiled, limits, log)
    }
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime").field("config", &self.config).finish_non_exhaustive()
    }
}

/// What others can write to is not run.
fn private_folder(dir: &Path) -> Option<PrivateFolder> {
    match PrivateFolder::make(dir) {
        Ok(folder) => Some(folder),
        Err(error) => {
            tracing::warn!(%error, "compiled plugins are not kept, so each start compiles them again");
            None
        }
    }
}

pub(crate) fn engine_config(count_fuel: bool) -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .consume_fuel(count_fuel)
        // What no plugin of the contract needs is not there to be attacked.
        .wasm_multi_memory(false)
        .wasm_memory64(false)
        // The same reading gives the same score on every processor.
        .relaxed_simd_deterministic(true);
    config
}

/// Advances the epoch each [`TICK`] for as long as anything holds the engine: an instance that outlives the runtime keeps its
/// deadlines.
fn start_ticker(engine: &Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    let tick = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    };
    std::thread::Builder::new().name("wasm-ticker".into()).spawn(tick).map(drop)
}
