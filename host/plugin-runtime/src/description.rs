//! Is what a plugin says of itself well formed?

use std::collections::HashSet;

use crate::compiled::Kind;
use crate::contract::v1_bindings::wattdog::plugin::types::Description;
use crate::fault::Fault;
use crate::params;

/// More than any plugin has, few enough to look through.
const MAX_ENTRIES: usize = 256;
const MAX_NAME_BYTES: usize = 64;

pub(crate) fn check(description: &Description, kind: Kind) -> Result<(), Fault> {
    if !is_plain_name(&description.name) {
        return wrong(format!("its name {:?} must be 1 to 64 of a-z, 0-9, `-` and `_`", description.name));
    }
    if !is_version(&description.version) {
        return wrong(format!("its version {:?} must be a semantic version such as 1.2.3", description.version));
    }
    match kind {
        Kind::Detector if !description.outputs.is_empty() => return wrong("a detector has no outputs".into()),
        Kind::Enricher if description.outputs.is_empty() => return wrong("an enricher without outputs adds nothing".into()),
        Kind::Enricher if !description.numbers.is_empty() => return wrong("an enricher has no numbers".into()),
        Kind::Detector | Kind::Enricher => {}
    }
    if description.oldest_state_version > description.state_version {
        return wrong("its oldest state version is newer than its state version".into());
    }
    names("input", description.inputs.iter().map(|c| c.name.as_str()))?;
    names("output", description.outputs.iter().map(|c| c.name.as_str()))?;
    names("parameter", description.params.iter().map(|p| p.name.as_str()))?;
    names("number", description.numbers.iter().map(|n| n.name.as_str()))?;
    description.params.iter().try_for_each(|spec| params::check_spec(spec).map_err(Fault::Output))
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

/// `major.minor.patch`, with an optional suffix after `-` or `+`.
fn is_version(version: &str) -> bool {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let numbers: Vec<_> = core.split('.').collect();
    version.len() <= MAX_NAME_BYTES
        && version.chars().all(|c| c.is_ascii_alphanumeric() || ".-+".contains(c))
        && numbers.len() == 3
        && numbers.iter().all(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

fn wrong(message: String) -> Result<(), Fault> {
    Err(Fault::Output(message))
}
