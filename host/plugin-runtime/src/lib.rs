//! Runs wattdog's WebAssembly components within limits.
//!
//! A file becomes [`Compiled`], then [`Linked`], then any number of [`Instance`]s; only a linked plugin can be started, so a
//! broken file cannot take the place of a working one. The crate knows neither Kafka nor the host.

mod bindings;
mod cache;
mod compiled;
mod description;
mod empty_wasi;
mod engine;
mod fault;
mod guest;
mod imports;
mod instance;
mod limits;
mod linked;
mod output;
mod params;
mod text;

pub use bindings::v1::exports::wattdog::plugin::detection::{Findings, Scored, Severity};
pub use bindings::v1::exports::wattdog::plugin::enrichment::{Column, DictionaryAppend, Enriched};
pub use bindings::v1::wattdog::plugin::host::Level;
pub use bindings::v1::wattdog::plugin::types::{
    Batch, ColumnParam, ColumnSpec, ColumnType, Description, DictionaryAppendParam, Meter, ModelPart, NumberSpec, ParamSpec,
    ParamType,
};
pub use compiled::{Compiled, Kind};
pub use engine::{Runtime, RuntimeConfig};
pub use fault::{Fault, Trap};
pub use guest::LogSink;
pub use imports::Import;
pub use instance::Instance;
pub use limits::Limits;
pub use linked::Linked;
pub use params::complete as complete_params;
