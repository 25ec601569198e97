//! The engine, shared by all plugins, and the clock that interrupts them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use wasmtime::{Config, Engine};

use crate::compiled::Compiled;
use crate::fault::Fault;
use crate::guest::LogSink;
use crate::limits::Limits;
use crate::linked::Linked;

/// Resolution of deadlines.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// How the runtime works.
#[derive(Clone, Debug, Default)]
pub struct RuntimeConfig {
    /// Folder for compiled components, made when missing; none: compile at each start.
    pub cache_dir: Option<PathBuf>,
}

/// Compiles and links plugins. Cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    engine: Engine,
    config: RuntimeConfig,
    _ticker: Arc<Ticker>,
}

impl Runtime {
    /// Starts the engine and its ticking thread.
    ///
    /// # Errors
    /// When the machine cannot run compiled WebAssembly.
    pub fn new(config: RuntimeConfig) -> Result<Self, Fault> {
        let mut engine = Config::new();
        engine.epoch_interruption(true).wasm_component_model(true).wasm_multi_memory(false).wasm_memory64(false);
        let engine = Engine::new(&engine).map_err(|error| Fault::Load(format!("{error:#}")))?;
        let ticker = Arc::new(Ticker::start(engine.clone()));
        Ok(Self { engine, config, _ticker: ticker })
    }

    /// Compiles a component, or takes it from the cache by the digest of its bytes.
    ///
    /// # Errors
    /// When the bytes are no component, or the cache cannot be used.
    pub fn compile(&self, bytes: &[u8]) -> Result<Compiled, Fault> {
        Compiled::new(&self.engine, bytes, self.config.cache_dir.as_deref())
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

/// Advances the engine's epoch each [`TICK`] until it is dropped.
struct Ticker {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Ticker {
    fn start(engine: Engine) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("wasm-ticker".into())
            .spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    std::thread::sleep(TICK);
                    engine.increment_epoch();
                }
            })
            .ok();
        Self { stop, thread }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
