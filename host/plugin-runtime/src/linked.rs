//! A component whose imports are given and whose exports are there.

use std::sync::{Arc, Mutex};

use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Engine, Store};

use crate::compiled::{Compiled, Kind};
use crate::contract::v1_bindings::wattdog::plugin::types::{Config, Description, ModelPart};
use crate::contract::{self, Exports, link_fault};
use crate::empty_wasi;
use crate::fault::Fault;
use crate::guest::{Guest, LogSink};
use crate::instance::{Instance, fault_of};
use crate::limits::Limits;
use crate::log_lines::LogLines;

/// Second stage: any lane can start instances of it.
#[derive(Clone)]
pub struct Linked {
    inner: Arc<Inner>,
}

struct Inner {
    pre: InstancePre<Guest>,
    exports: Box<dyn Exports>,
    digest: String,
    limits: Limits,
    log: LogSink,
    lines: Arc<Mutex<LogLines>>,
}

impl Linked {
    pub(crate) fn new(engine: &Engine, compiled: &Compiled, limits: Limits, log: LogSink) -> Result<Self, Fault> {
        let component = &compiled.component;
        check_imports(engine, component)?;
        let mut linker = Linker::<Guest>::new(engine);
        contract::offer(&mut linker).map_err(link_fault)?;
        empty_wasi::define(&mut linker, component).map_err(link_fault)?;
        let pre = linker.instantiate_pre(component).map_err(link_fault)?;
        let exports = contract::find(&pre)?;
        let lines = Arc::new(Mutex::new(LogLines::new(limits.log_lines)));
        Ok(Self { inner: Arc::new(Inner { pre, exports, digest: compiled.digest().to_owned(), limits, log, lines }) })
    }

    /// What it does.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.inner.exports.kind()
    }

    /// SHA-256 of the component, in hex.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.inner.digest
    }

    /// What the plugin says of itself before it is configured.
    ///
    /// # Errors
    /// When it fails or describes itself wrongly.
    pub fn describe(&self) -> Result<Description, Fault> {
        self.instantiate()?.describe()
    }

    /// A configured instance. `params` is a complete JSON object (see [`crate::complete_params`]).
    ///
    /// # Errors
    /// When the plugin refuses its parameters or model, or fails.
    pub fn start(&self, params: &str, model: &[ModelPart<'_>]) -> Result<Instance, Fault> {
        let mut instance = self.instantiate()?;
        instance.configure(&Config { params, model })?;
        Ok(instance)
    }

    fn instantiate(&self) -> Result<Instance, Fault> {
        let Inner { pre, exports, limits, log, lines, .. } = &*self.inner;
        let mut store = Store::new(pre.engine(), Guest::new(limits, Arc::clone(log), Arc::clone(lines)));
        store.limiter(|guest| guest);
        let deadline = store.data().deadline.clone();
        store.epoch_deadline_callback(move |_| Ok(deadline.look()));
        // As good as no limit; refused where it is not counted.
        _ = store.set_fuel(u64::MAX);
        Instance::enter_store(&mut store, limits.start_time);
        let instance = pre.instantiate(&mut store);
        store.data_mut().end_call();
        let instance = instance.map_err(|error| fault_of(&error, store.data(), limits, limits.start_time, "start_time"))?;
        let calls = exports.load(&mut store, &instance).map_err(link_fault)?;
        Ok(Instance::new(store, calls, exports.kind(), limits.clone()))
    }
}

impl std::fmt::Debug for Linked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Linked").field("kind", &self.kind()).field("digest", &self.inner.digest).finish_non_exhaustive()
    }
}

/// Only the contract and an empty WASI are there to be imported.
fn check_imports(engine: &Engine, component: &Component) -> Result<(), Fault> {
    let component = component.component_type();
    let foreign: Vec<_> = component
        .imports(engine)
        .filter(|(name, _)| !name.starts_with("wattdog:plugin/") && !name.starts_with("wasi:"))
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    if foreign.is_empty() {
        return Ok(());
    }
    Err(Fault::Link(format!("it imports {}, and a plugin can reach nothing but the log", foreign.join(", "))))
}
