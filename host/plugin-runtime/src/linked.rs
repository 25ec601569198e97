//! A component whose imports are given and whose exports are there.

use std::sync::Arc;

use wasmtime::component::{HasSelf, InstancePre, Linker};
use wasmtime::{Engine, Store};

use crate::bindings::v1::exports::wattdog::plugin::{detection, enrichment, lifecycle};
use crate::bindings::v1::wattdog::plugin::host;
use crate::bindings::v1::wattdog::plugin::types::{Config, Description, ModelPart};
use crate::compiled::{Compiled, Kind, first_line};
use crate::fault::Fault;
use crate::guest::{Guest, LogSink};
use crate::instance::{Instance, Interface};
use crate::limits::Limits;

/// Second stage: any lane can start instances of it.
#[derive(Clone)]
pub struct Linked {
    inner: Arc<Inner>,
}

struct Inner {
    pre: InstancePre<Guest>,
    kind: Kind,
    digest: String,
    limits: Limits,
    log: LogSink,
}

impl Linked {
    pub(crate) fn new(engine: &Engine, compiled: &Compiled, limits: Limits, log: LogSink) -> Result<Self, Fault> {
        let component = &compiled.component;
        let mut wasi = false;
        for (name, _) in component.component_type().imports(engine) {
            match name.split_once(':') {
                Some(("wattdog", _)) => {}
                Some(("wasi", _)) => wasi = true,
                _ => return Err(Fault::Link(format!("it imports `{name}`, and a plugin can reach nothing but the log"))),
            }
        }
        let mut linker = Linker::<Guest>::new(engine);
        host::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest).map_err(|e| Fault::Link(first_line(&e)))?;
        if wasi {
            // An empty WASI: what a language's runtime imports is there; what asks for the world outside traps by name.
            linker.define_unknown_imports_as_traps(component).map_err(|e| Fault::Link(first_line(&e)))?;
        }
        let pre = linker.instantiate_pre(component).map_err(|e| Fault::Link(first_line(&e)))?;
        lifecycle::GuestIndices::new(&pre).map_err(|e| Fault::Link(first_line(&e)))?;
        let kind = match (detection::GuestIndices::new(&pre), enrichment::GuestIndices::new(&pre)) {
            (Ok(_), Err(_)) => Kind::Detector,
            (Err(_), Ok(_)) => Kind::Enricher,
            (Ok(_), Ok(_)) => return Err(Fault::Link("it is detector and enricher at once; make two plugins".into())),
            (Err(error), Err(_)) => return Err(Fault::Link(first_line(&error))),
        };
        Ok(Self { inner: Arc::new(Inner { pre, kind, digest: compiled.digest().to_owned(), limits, log }) })
    }

    /// What it does.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.inner.kind
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
        let Inner { pre, kind, limits, log, .. } = &*self.inner;
        let mut store = Store::new(pre.engine(), Guest::new(limits, Arc::clone(log)));
        store.limiter(|guest| guest);
        Instance::enter_store(&mut store, limits.start_time, limits);
        let loaded = pre.instantiate(&mut store).and_then(|instance| {
            let lifecycle = lifecycle::GuestIndices::new(pre)?.load(&mut store, &instance)?;
            let interface = match kind {
                Kind::Detector => Interface::Detection(detection::GuestIndices::new(pre)?.load(&mut store, &instance)?),
                Kind::Enricher => Interface::Enrichment(enrichment::GuestIndices::new(pre)?.load(&mut store, &instance)?),
            };
            Ok((lifecycle, interface))
        });
        match loaded {
            Ok((lifecycle, interface)) => Ok(Instance::new(store, lifecycle, interface, limits.clone())),
            Err(error) => Err(crate::instance::fault_of(&error, store.data(), limits, limits.start_time, "start_time")),
        }
    }
}

impl std::fmt::Debug for Linked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Linked").field("kind", &self.inner.kind).field("digest", &self.inner.digest).finish_non_exhaustive()
    }
}
