//! Is what a plugin says of itself well formed?

use std::collections::HashSet;

use crate::bindings::v1::wattdog::plugin::types::Description;
use crate::fault::Fault;

/// More than any plugin has, few enough to look through.
const MAX_ENTRIES: usize = 256;
const MAX_NAME_BYTES: usize = 64;

pub(crate) fn check(description: &Description) -> Result<(), Fault> {
    if !is_plain_name(&description.name) {
        return wrong(format!("its name {:?} must be 1 to 64 of a-z, 0-9, `-` and `_`", description.name));
    }
    if description.version.is_empty() || description.version.len() > MAX_NAME_BYTES {
        return wrong(format!("its version {:?} must be 1 to 64 bytes", description.version));
    }
    names("input", description.inputs.iter().map(|c| c.name.as_str()))?;
    names("output", description.outputs.iter().map(|c| c.name.as_str()))?;
    names("parameter", description.params.iter().map(|p| p.name.as_str()))?;
    names("number", description.numbers.iter().map(|n| n.name.as_str()))
}

fn names<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<(), Fault> {
    let mut seen = HashSet::new();
    for name in names {
        if name.is_empty() || name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
            return wrong(format!("{what} name {name:?} must be 1 to {MAX_NAME_BYTES} printable bytes"));
        }
        if !seen.insert(name) {
            return wrong(format!("{what} `{name}` is described twice"));
        }
        if seen.len() > MAX_ENTRIES {
            return wrong(format!("more than {MAX_ENTRIES} {what}s"));
        }
    }
    Ok(())
}

fn is_plain_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}

fn wrong(message: String) -> Result<(), Fault> {
    Err(Fault::Output(message))
}
