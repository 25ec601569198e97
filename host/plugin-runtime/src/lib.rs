//! Runs wattdog's WebAssembly components within limits.
//!
//! A file becomes [`Compiled`], then [`Linked`], then any number of [`Instance`]s; only a linked plugin can be started, so a
//! broken file cannot take the place of a working one. The crate knows neither Kafka nor the host.

mod cache;
mod compiled;
mod compiler;
mod contract;
mod deadline;
mod description;
mod empty_wasi;
mod engine;
mod fault;
mod guest;
mod imports;
mod instance;
mod limits;
mod linked;
mod log_lines;
mod output;
mod params;
mod text;

pub use compiled::{Compiled, Kind};
pub use compiler::{Compiler, compile_standard_input};
pub use contract::v1_bindings::exports::wattdog::plugin::detection::{Findings, Scored, Severity};
pub use contract::v1_bindings::exports::wattdog::plugin::enrichment::{Column, DictionaryAppend, Enriched};
pub use contract::v1_bindings::wattdog::plugin::host::Level;
pub use contract::v1_bindings::wattdog::plugin::types::{
    Batch, ColumnParam, ColumnSpec, ColumnType, Description, DictionaryAppendParam, Meter, ModelPart, NumberSpec, ParamSpec,
    ParamType,
};
pub use engine::{Runtime, RuntimeConfig};
pub use fault::{Fault, Trap};
pub use guest::LogSink;
pub use imports::Import;
pub use instance::Instance;
pub use limits::Limits;
pub use linked::Linked;
pub use params::complete as complete_params;
