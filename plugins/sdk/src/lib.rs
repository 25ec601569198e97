//! Write a detector or an enricher for wattdog: one struct and one function.
//!
//! Implement [`Detector`] or [`Enricher`] and end the file with [`export_detector!`] or [`export_enricher!`]. The crate builds and
//! tests natively too; the component's exports exist only for WebAssembly.

/// The generated worlds, for the macros.
#[doc(hidden)]
pub mod bindings {
    pub use wattdog_detector_bindings as detector;
    pub use wattdog_enricher_bindings as enricher;
}

mod findings;
mod plugin;

pub use bindings::detector::exports::wattdog::plugin::detection::{Findings, Scored, Severity};
pub use bindings::detector::wattdog::plugin::types::{
    Batch, Column, ColumnSpec, ColumnType, Config, Description, DictionaryAppend, Error, Meter, MeterState, ModelPart,
    NumberSpec, ParamSpec, ParamType,
};
pub use bindings::enricher::exports::wattdog::plugin::enrichment::Enriched;
pub use findings::{Finding, FindingsBuilder};
pub use plugin::{Detector, Enricher, Plugin, floats, install_panic_hook, model_part, params};

/// Makes a [`Detector`] the component's detector.
#[macro_export]
macro_rules! export_detector {
    ($type:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            $crate::__lifecycle!($type, detector);

            impl $crate::bindings::detector::exports::wattdog::plugin::detection::Guest for Shell {
                fn score(batch: $crate::Batch) -> Result<$crate::Scored, $crate::Error> {
                    with_plugin(|plugin| $crate::Detector::score(plugin, &batch))
                }
            }

    $crate::bindings::detector::export_detector_world!(Shell with_types_in $crate::bindings::detector);
        };
    };
}

/// Makes an [`Enricher`] the component's enricher.
#[macro_export]
macro_rules! export_enricher {
    ($type:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            $crate::__lifecycle!($type, enricher);

            impl $crate::bindings::enricher::exports::wattdog::plugin::enrichment::Guest for Shell {
                fn enrich(batch: $crate::Batch) -> Result<$crate::Enriched, $crate::Error> {
                    with_plugin(|plugin| $crate::Enricher::enrich(plugin, &batch))
                }
            }

    $crate::bindings::enricher::export_enricher_world!(Shell with_types_in $crate::bindings::enricher);
        };
    };
}

/// What both worlds export alike.
#[doc(hidden)]
#[macro_export]
macro_rules! __lifecycle {
    ($type:ty, $world:ident) => {
        struct Shell;

        thread_local! {
            static PLUGIN: std::cell::RefCell<Option<$type>> = const { std::cell::RefCell::new(None) };
        }

        fn with_plugin<T>(call: impl FnOnce(&mut $type) -> Result<T, $crate::Error>) -> Result<T, $crate::Error> {
            PLUGIN.with_borrow_mut(|plugin| match plugin {
                Some(plugin) => call(plugin),
                None => Err($crate::Error::Internal("called before `configure`".into())),
            })
        }

        impl $crate::bindings::$world::exports::wattdog::plugin::lifecycle::Guest for Shell {
            fn describe() -> $crate::Description {
                $crate::install_panic_hook();
                PLUGIN.with_borrow(|plugin| <$type as $crate::Plugin>::describe(plugin.as_ref()))
            }

            fn configure(config: $crate::Config) -> Result<(), $crate::Error> {
                let plugin = <$type as $crate::Plugin>::configure(&config).map_err($crate::Error::InvalidConfig)?;
                PLUGIN.set(Some(plugin));
                Ok(())
            }

            fn export_state(meters: Vec<u32>) -> Result<Vec<$crate::MeterState>, $crate::Error> {
                with_plugin(|plugin| $crate::Plugin::export_state(plugin, &meters))
            }

            fn import_state(
                version: u32,
                meters: Vec<$crate::Meter>,
                states: Vec<$crate::MeterState>,
            ) -> Result<(), $crate::Error> {
                with_plugin(|plugin| $crate::Plugin::import_state(plugin, version, &meters, &states))
            }

            fn forget(meters: Vec<u32>) {
                PLUGIN.with_borrow_mut(|plugin| {
                    if let Some(plugin) = plugin {
                        $crate::Plugin::forget(plugin, &meters);
                    }
                });
            }
        }
    };
}
