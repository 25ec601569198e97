//! What a component is, before a host meets it.

use std::time::Duration;

use serde_json::{Value, json};
use wattdog_plugin_runtime::{ColumnSpec, ColumnType, Description, Kind, ParamSpec, ParamType};

use super::component::Component;
use crate::clock;

/// A started instance's figures.
#[derive(Clone, Copy, Debug)]
pub struct Started {
    /// Instantiate, describe and configure.
    pub time: Duration,
    /// Its memory then, in bytes.
    pub memory_bytes: usize,
}

/// What it says of itself: configured where its sidecar allows that, and what a start took or why there is none.
///
/// # Errors
/// When it does not even describe itself.
pub fn describe(component: &Component) -> Result<(Description, Result<Started, String>), String> {
    let unconfigured = component.description().map_err(|fault| fault.to_string())?;
    let begun = component.configure().and_then(|setup| {
        let started = clock::monotonic();
        let instance = setup.start().map_err(|fault| fault.to_string())?;
        let started = Started { time: started.elapsed(), memory_bytes: instance.memory_bytes() };
        Ok((instance.description().clone(), started))
    });
    Ok(match begun {
        Ok((configured, started)) => (configured, Ok(started)),
        Err(reason) => (unconfigured, Err(reason)),
    })
}

/// `detector`, `enricher`
#[must_use]
pub fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Detector => "detector",
        Kind::Enricher => "enricher",
    }
}

/// As the contract names it.
#[must_use]
pub fn column_type_word(type_: ColumnType) -> &'static str {
    match type_ {
        ColumnType::Float => "float",
        ColumnType::Text => "text",
    }
}

/// As the contract names it.
#[must_use]
pub fn param_type_word(type_: ParamType) -> &'static str {
    match type_ {
        ParamType::Float => "float",
        ParamType::Integer => "integer",
        ParamType::Boolean => "boolean",
        ParamType::Text => "text",
        ParamType::FloatList => "float-list",
        ParamType::TextList => "text-list",
        ParamType::Table => "table",
    }
}

/// All of it for scripts.
#[must_use]
pub fn to_json(component: &Component, description: &Description, started: &Result<Started, String>) -> Value {
    let column = |column: &ColumnSpec| json!({ "name": column.name, "type": column_type_word(column.type_), "unit": column.unit, "required": column.required });
    let import = |import: &wattdog_plugin_runtime::Import| json!({ "interface": import.interface, "answering": import.answering, "trapping": import.trapping });
    json!({
        "file": component.file,
        "kind": kind_word(component.kind()),
        "name": description.name,
        "version": description.version,
        "summary": description.summary,
        "digest": component.compiled.digest(),
        "bytes": component.bytes,
        "contract": component.compiled.contract(),
        "imports": component.compiled.imports().iter().map(import).collect::<Vec<_>>(),
        "inputs": description.inputs.iter().map(column).collect::<Vec<_>>(),
        "outputs": description.outputs.iter().map(column).collect::<Vec<_>>(),
        "params": description.params.iter().map(param_json).collect::<Vec<_>>(),
        "numbers": description.numbers.iter()
            .map(|number| json!({ "name": number.name, "unit": number.unit, "text": number.text })).collect::<Vec<_>>(),
        "needs_model": description.needs_model,
        "stateful": description.stateful,
        "state_version": description.state_version,
        "oldest_state_version": description.oldest_state_version,
        "compile_ms": millis(component.compile_time),
        "from_cache": component.compiled.from_cache(),
        "start_ms": started.as_ref().ok().map(|started| millis(started.time)),
        "memory_bytes": started.as_ref().ok().map(|started| started.memory_bytes),
        "not_started": started.as_ref().err(),
    })
}

fn param_json(param: &ParamSpec) -> Value {
    let default: Option<Value> = param.default.as_deref().and_then(|json| serde_json::from_str(json).ok());
    json!({
        "name": param.name, "type": param_type_word(param.type_), "unit": param.unit, "required": param.default.is_none(),
        "default": default, "minimum": param.minimum, "maximum": param.maximum, "text": param.text,
    })
}

/// Milliseconds, to the nanosecond.
#[must_use]
pub fn millis(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e6
}
