//! Which fields of JSON records are time, building and measures, as columns of a table are found.

use serde_json::{Map, Value};

use super::error::Fault;
use super::layout::Layout;
use super::row::Row;
use super::understand::{Given, understand};
use crate::config::{Columns, Input};

/// Records that are looked at.
const LOOKED_AT: usize = 1_000;

type Object = Map<String, Value>;

/// What decodes these records: the configuration, the default one where they are of its form, else what their fields say. True: the
/// default one, or the configuration, reads them.
pub(super) fn input_of(
    records: impl Iterator<Item = String>,
    given: Option<&Input>,
    rows: bool,
) -> Result<(Input, Vec<String>, bool), Fault> {
    let default = given.cloned().unwrap_or_default();
    let objects: Vec<Object> = records.take(LOOKED_AT).filter_map(|record| serde_json::from_str(&record).ok()).collect();
    let has = |object: &Object, field: &str| {
        let top = field.split(['.', '[']).next().unwrap_or(field);
        field.is_empty() || object.contains_key(top)
    };
    let needed = || {
        let required = default.measures.values().filter(|measure| measure.required);
        [&default.timestamp, &default.building].into_iter().chain(required.map(|measure| &measure.field))
    };
    let of_its_form = objects.iter().any(|object| needed().all(|field| has(object, field)));
    if given.is_some() || objects.is_empty() || of_its_form {
        return Ok((default, Vec::new(), true));
    }
    match found(&objects) {
        Ok((input, said)) => {
            let plain = super::reads_alike(&default, &input);
            Ok((input, said, plain))
        }
        // The service says of each record what it lacks; rows to train on lack both.
        Err(_) if rows => Ok((default, Vec::new(), true)),
        Err(fault) if objects.iter().any(|object| has(object, &default.building)) => {
            Ok((default, vec![format!("in the default form, since {}", fault.message)], true))
        }
        Err(fault) => Err(fault),
    }
}

fn found(objects: &[Object]) -> Result<(Input, Vec<String>), Fault> {
    let mut names: Vec<String> = Vec::new();
    let mut rows = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        let mut cells = vec![String::new(); names.len()];
        flatten(object, "", &mut names, &mut cells);
        rows.push(Row::of(index as u64 + 1, cells));
    }
    let layout = Layout { names, header: 0, preamble: Vec::new(), units: None, rows };
    let understood = understand(&layout, &Given { input: None, stem: "", typed: true }).map_err(of_fields)?;
    let (mut input, said) = (understood.input, understood.said);
    if input.file.building.is_some() {
        let known = layout.names.join("`, `");
        return Err(Fault::of_form(format!("no field names a building; set `input.building` to one of `{known}`")));
    }
    for (field, columns) in std::mem::take(&mut input.file.columns) {
        let Columns::One(path) = columns else {
            return Err(Fault::of_form(format!(
                "date and time are two fields, `{}`: write them as one",
                columns.names().join("` and `")
            )));
        };
        for name in [&mut input.timestamp, &mut input.building, &mut input.floor].into_iter().chain(&mut input.meter) {
            if *name == field {
                name.clone_from(&path);
            }
        }
        for measure in input.measures.values_mut().filter(|measure| measure.field == field) {
            measure.field.clone_from(&path);
        }
    }
    input.file = crate::config::InputFile::default();
    Ok((input, said))
}

/// Puts the values of an object and of those within it under their dotted names.
fn flatten(object: &Object, within: &str, names: &mut Vec<String>, cells: &mut Vec<String>) {
    for (name, value) in object {
        let path = format!("{within}{name}");
        let text = match value {
            Value::Object(inner) => {
                flatten(inner, &format!("{path}."), names, cells);
                continue;
            }
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) => continue,
        };
        let place = names.iter().position(|known| *known == path).unwrap_or_else(|| {
            names.push(path);
            names.len() - 1
        });
        cells.resize(cells.len().max(place + 1), String::new());
        cells[place] = text;
    }
}

/// Keys of tables in a message about them are those of fields here.
fn of_fields(fault: Fault) -> Fault {
    let mut message = fault.message.replace("input.file.columns.timestamp", "input.timestamp");
    message = message.replace("column of times", "field of times").replace("column of numbers", "field of numbers");
    for measure in ["electricity", "water", "gas"] {
        message = message.replace(&format!("input.file.columns.{measure}"), &format!("input.measures.{measure}.field"));
    }
    Fault { message, ..fault }
}
