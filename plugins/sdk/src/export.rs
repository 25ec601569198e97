//! How a plugin becomes a component: where its one instance lives, and the macros that export it.

use std::sync::Once;

use crate::bindings::detection::exports::wattdog::plugin::detection;
use crate::bindings::enrichment::exports::wattdog::plugin::enrichment;
use crate::bindings::lifecycle::exports::wattdog::plugin::lifecycle;
use crate::shell::Shell;
use crate::{Description, Detector, Enricher, Error, Meter, Plugin, log};

/// The place of a component's one instance; the export macros implement it.
pub trait Slot {
    /// The plugin that lives there.
    type Plugin: Plugin;

    /// Runs `work` on the instance.
    fn with<R>(work: impl FnOnce(&mut Shell<Self::Plugin>) -> R) -> R;
}

impl<S: Slot> lifecycle::Guest for S {
    fn describe() -> Description {
        report_panics();
        S::with(|shell| shell.describe())
    }

    fn configure(config: lifecycle::Config) -> Result<(), Error> {
        report_panics();
        S::with(|shell| shell.configure(&config))
    }

    fn export_state(meters: Vec<u32>) -> Result<Vec<lifecycle::MeterState>, Error> {
        S::with(|shell| shell.export_state(&meters))
    }

    fn import_state(version: u32, meters: Vec<Meter>, states: Vec<lifecycle::MeterState>) -> Result<(), Error> {
        S::with(|shell| shell.import_state(version, meters, &states))
    }

    fn forget(meters: Vec<u32>) {
        S::with(|shell| shell.forget(&meters));
    }
}

impl<S: Slot<Plugin: Detector>> detection::Guest for S {
    fn score(batch: detection::Batch) -> Result<detection::Scored, Error> {
        S::with(|shell| shell.score(batch))
    }
}

impl<S: Slot<Plugin: Enricher>> enrichment::Guest for S {
    fn enrich(batch: enrichment::Batch) -> Result<enrichment::Enriched, Error> {
        S::with(|shell| shell.enrich(batch))
    }
}

/// Sends the text of a panic to the host's log: the trap that follows says nothing but `unreachable`.
fn report_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| std::panic::set_hook(Box::new(|panic| log::error(&panic.to_string()))));
}

/// Exports a [`Detector`](crate::Detector) as a component of the world `detector`. Natively it does nothing.
#[macro_export]
macro_rules! export_detector {
    ($plugin:ty) => {
        $crate::__export_plugin!($plugin, lifecycle::export_lifecycle, detection::export_detection);
    };
}

/// Exports an [`Enricher`](crate::Enricher) as a component of the world `enricher`. Natively it does nothing.
#[macro_export]
macro_rules! export_enricher {
    ($plugin:ty) => {
        $crate::__export_plugin!($plugin, lifecycle::export_lifecycle, enrichment::export_enrichment);
    };
}

/// Exports a [`MeterDetector`](crate::MeterDetector) as a component of the world `detector`. Natively it does nothing.
#[macro_export]
macro_rules! export_meter_detector {
    ($meter:ty) => {
        $crate::export_detector!($crate::PerMeter<$meter>);
    };
}

/// The component's instance and the exported functions of each interface.
///
/// Only for WebAssembly: the names of component exports upset native linkers.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_plugin {
    ($plugin:ty, $($module:ident::$export:ident),+) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            ::std::thread_local! {
                static INSTANCE: ::std::cell::RefCell<$crate::shell::Shell<$plugin>> =
                    const { ::std::cell::RefCell::new($crate::shell::Shell::new()) };
            }

            struct Component;

            impl $crate::export::Slot for Component {
                type Plugin = $plugin;

                fn with<R>(work: impl FnOnce(&mut $crate::shell::Shell<$plugin>) -> R) -> R {
                    INSTANCE.with_borrow_mut(work)
                }
            }

            $($crate::bindings::$module::$export!(Component with_types_in $crate::bindings::$module);)+
        };
    };
}
