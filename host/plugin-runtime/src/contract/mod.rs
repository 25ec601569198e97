//! The contract in its versions, all at once: a component is run by the version that it exports, in the words of the newest.
//!
//! Each major version is a folder of `wit/`, a module here and a line in [`VERSIONS`]. The types of the newest are the crate's own;
//! an older one converts its own to them and back, and nothing outside of its module knows that there is more than one.

mod v1;
pub(crate) mod v1_bindings;

#[cfg(test)]
mod another;

use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre, Linker};

use crate::compiled::{Kind, first_line};
use crate::fault::Fault;
use crate::guest::Guest;
use crate::{Batch, Description, Enriched, Meter, Scored};
use v1_bindings::wattdog::plugin::types::{Config, Error as GuestError, MeterStateParam, MeterStateResult};

/// What a call answers: the engine's error, or the guest's, or a value.
pub(crate) type Answer<T> = wasmtime::Result<Result<T, GuestError>>;

/// The functions of one instance. Those of the other kind of plugin are never called.
pub(crate) trait Calls: Send {
    fn describe(&self, store: &mut Store<Guest>) -> wasmtime::Result<Description>;
    fn configure(&self, store: &mut Store<Guest>, config: &Config<'_>) -> Answer<()>;
    fn score(&self, store: &mut Store<Guest>, batch: &Batch<'_>) -> Answer<Scored>;
    fn enrich(&self, store: &mut Store<Guest>, batch: &Batch<'_>) -> Answer<Enriched>;
    fn export_state(&self, store: &mut Store<Guest>, meters: &[u32]) -> Answer<Vec<MeterStateResult>>;
    fn import_state(
        &self,
        store: &mut Store<Guest>,
        version: u32,
        meters: &[Meter<'_>],
        states: &[MeterStateParam<'_>],
    ) -> Answer<()>;
    fn forget(&self, store: &mut Store<Guest>, meters: &[u32]) -> wasmtime::Result<()>;
}

/// Where the functions of a component are: looked up once.
pub(crate) trait Exports: Send + Sync {
    fn kind(&self) -> Kind;
    /// Fails where a function has another type than the contract's.
    fn load(&self, store: &mut Store<Guest>, instance: &Instance) -> wasmtime::Result<Box<dyn Calls>>;
}

type Find = fn(&InstancePre<Guest>) -> Result<Box<dyn Exports>, Fault>;

/// One major version.
struct Version {
    /// As it stands in the names of a component's interfaces.
    package: &'static str,
    /// Gives what this version lets a component import.
    offer: fn(&mut Linker<Guest>) -> wasmtime::Result<()>,
    find: Find,
}

/// The newest first.
const VERSIONS: &[Version] = &[
    #[cfg(test)]
    Version { package: "wattdog:plugin@2", offer: another::offer, find: another::find },
    Version { package: "wattdog:plugin@1", offer: v1::offer, find: v1::find },
];

/// What components of all versions may import.
pub(crate) fn offer(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    VERSIONS.iter().try_for_each(|version| (version.offer)(linker))
}

/// The exports of the version that the component is made for, by the names of its interfaces.
pub(crate) fn find(pre: &InstancePre<Guest>) -> Result<Box<dyn Exports>, Fault> {
    let component = pre.component();
    let exported: Vec<String> = component.component_type().exports(pre.engine()).map(|(name, _)| name.to_owned()).collect();
    let is_of = |version: &&Version| {
        let (package, major) = version.package.split_once('@').expect("a package with its version");
        let prefix = (format!("{package}/"), format!("@{major}."));
        exported.iter().any(|name| name.starts_with(&prefix.0) && name.contains(&prefix.1))
    };
    match VERSIONS.iter().find(is_of) {
        Some(version) => (version.find)(pre),
        None => {
            let known: Vec<_> = VERSIONS.iter().map(|version| version.package).collect();
            let has = if exported.is_empty() { "nothing".to_owned() } else { exported.join(", ") };
            Err(Fault::Link(format!("it exports {has}; this host runs components of {}", known.join(" and "))))
        }
    }
}

pub(crate) fn link_fault(error: wasmtime::Error) -> Fault {
    Fault::Link(first_line(&error))
}
