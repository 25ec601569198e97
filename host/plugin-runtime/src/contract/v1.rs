//! `wit/v1`: its types are the crate's own, so nothing is converted.

use wasmtime::Store;
use wasmtime::component::{HasSelf, Instance, InstancePre, Linker};

use super::v1_bindings::exports::wattdog::plugin::{detection, enrichment, lifecycle};
use super::v1_bindings::wattdog::plugin::host;
use super::v1_bindings::wattdog::plugin::types::{Config, MeterStateParam, MeterStateResult};
use super::{Answer, Calls, Exports, link_fault};
use crate::compiled::Kind;
use crate::fault::Fault;
use crate::guest::Guest;
use crate::{Batch, Description, Enriched, Meter, Scored};

pub(super) fn offer(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    host::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)
}

pub(super) fn find(pre: &InstancePre<Guest>) -> Result<Box<dyn Exports>, Fault> {
    let lifecycle = lifecycle::GuestIndices::new(pre).map_err(link_fault)?;
    let duty = match (detection::GuestIndices::new(pre), enrichment::GuestIndices::new(pre)) {
        (Ok(detection), Err(_)) => Duty::Detection(detection),
        (Err(_), Ok(enrichment)) => Duty::Enrichment(enrichment),
        (Ok(_), Ok(_)) => return Err(Fault::Link("it is detector and enricher at once; make two plugins".into())),
        (Err(error), Err(_)) => return Err(link_fault(error)),
    };
    Ok(Box::new(Found { lifecycle, duty }))
}

struct Found {
    lifecycle: lifecycle::GuestIndices,
    duty: Duty<detection::GuestIndices, enrichment::GuestIndices>,
}

/// What a plugin exports beside its lifecycle.
enum Duty<D, E> {
    Detection(D),
    Enrichment(E),
}

impl Exports for Found {
    fn kind(&self) -> Kind {
        match self.duty {
            Duty::Detection(_) => Kind::Detector,
            Duty::Enrichment(_) => Kind::Enricher,
        }
    }

    fn load(&self, store: &mut Store<Guest>, instance: &Instance) -> wasmtime::Result<Box<dyn Calls>> {
        let lifecycle = self.lifecycle.load(&mut *store, instance)?;
        let duty = match &self.duty {
            Duty::Detection(detection) => Duty::Detection(detection.load(store, instance)?),
            Duty::Enrichment(enrichment) => Duty::Enrichment(enrichment.load(store, instance)?),
        };
        Ok(Box::new(Functions { lifecycle, duty }))
    }
}

struct Functions {
    lifecycle: lifecycle::Guest,
    duty: Duty<detection::Guest, enrichment::Guest>,
}

impl Calls for Functions {
    fn describe(&self, store: &mut Store<Guest>) -> wasmtime::Result<Description> {
        self.lifecycle.call_describe(store)
    }

    fn configure(&self, store: &mut Store<Guest>, config: &Config<'_>) -> Answer<()> {
        self.lifecycle.call_configure(store, config.clone())
    }

    fn score(&self, store: &mut Store<Guest>, batch: &Batch<'_>) -> Answer<Scored> {
        match &self.duty {
            Duty::Detection(detection) => detection.call_score(store, batch.clone()),
            Duty::Enrichment(_) => wasmtime::bail!("an enricher cannot score"),
        }
    }

    fn enrich(&self, store: &mut Store<Guest>, batch: &Batch<'_>) -> Answer<Enriched> {
        match &self.duty {
            Duty::Enrichment(enrichment) => enrichment.call_enrich(store, batch.clone()),
            Duty::Detection(_) => wasmtime::bail!("a detector cannot enrich"),
        }
    }

    fn export_state(&self, store: &mut Store<Guest>, meters: &[u32]) -> Answer<Vec<MeterStateResult>> {
        self.lifecycle.call_export_state(store, meters)
    }

    fn import_state(
        &self,
        store: &mut Store<Guest>,
        version: u32,
        meters: &[Meter<'_>],
        states: &[MeterStateParam<'_>],
    ) -> Answer<()> {
        self.lifecycle.call_import_state(store, version, meters, states)
    }

    fn forget(&self, store: &mut Store<Guest>, meters: &[u32]) -> wasmtime::Result<()> {
        self.lifecycle.call_forget(store, meters)
    }
}
