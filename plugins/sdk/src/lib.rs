//! Write a detector or an enricher for wattdog.
//!
//! Most detectors look at one meter at a time. Such a one is a struct for what is kept about a meter, and a function of one row;
//! the state of each meter is stored, moved and restored by the host:
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use wattdog_plugin::{Description, MeterDetector, ParamSpec, ParamType, Row, Severity, Verdict, export_meter_detector};
//!
//! /// The electricity of the row before.
//! #[derive(Default, Serialize, Deserialize)]
//! struct Jump {
//!     before: Option<f64>,
//! }
//!
//! #[derive(Deserialize)]
//! struct Settings {
//!     largest_step: f64,
//! }
//!
//! impl MeterDetector for Jump {
//!     type Settings = Settings;
//!
//!     fn describe() -> Description {
//!         Description::new("jump", env!("CARGO_PKG_VERSION"), "Reports steps between two readings that are too large.")
//!             .input("electricity", "kWh")
//!             .param(ParamSpec::new("largest_step", ParamType::Float, "The largest usual step.").unit("kWh").default_value(50.0))
//!     }
//!
//!     fn score(&mut self, settings: &Settings, row: &Row<'_>, verdict: &mut Verdict<'_>) {
//!         let now = row.float(0);
//!         if let Some(before) = self.before.replace(now) {
//!             let step = (now - before).abs();
//!             verdict.score(step / settings.largest_step);
//!             if step > settings.largest_step {
//!                 verdict.report(Severity::Anomaly).reason(format!("a step of {step} kWh"));
//!             }
//!         }
//!     }
//! }
//!
//! export_meter_detector!(Jump);
//! ```
//!
//! A detector that works on whole columns implements [`Plugin`] and [`Detector`]; an enricher [`Plugin`] and [`Enricher`]. For loops
//! over columns see [`columns`].
//!
//! All of it compiles for the machine it is written on too, so a plugin is tested with plain `cargo test`; only the export macros
//! need `wasm32-unknown-unknown`. The contract behind it is explained in `wit/README.md`.

#[doc(hidden)]
pub mod bindings;

mod batch;
pub mod columns;
mod description;
mod enriched;
#[doc(hidden)]
pub mod export;
mod findings;
pub mod log;
mod meter;
mod model;
mod plugin;
pub mod quantity;
pub mod shell;

pub use batch::{Batch, MISSING};
pub use bindings::detection::exports::wattdog::plugin::detection::Severity;
pub use bindings::lifecycle::wattdog::plugin::types::{
    ColumnSpec, ColumnType, Description, Error, Meter, NumberSpec, ParamSpec, ParamType,
};
pub use enriched::Enriched;
pub use findings::{Finding, Scored};
pub use meter::{MeterDetector, PerMeter, Row, Verdict};
pub use model::Model;
pub use plugin::{Detector, Enricher, Plugin};

/// What a plugin's functions return: a value, or the error that the host shows.
pub type Result<T> = std::result::Result<T, Error>;
