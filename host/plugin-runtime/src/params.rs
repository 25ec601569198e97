//! A sidecar's parameters against what the plugin describes.

use serde_json::{Map, Value};

use crate::contract::v1_bindings::wattdog::plugin::types::{ParamSpec, ParamType};

/// Completes `given` with defaults; the result is what the plugin is configured with.
///
/// # Errors
/// With a sentence naming the parameter: unknown (and the nearest known one), of another type, out of range, or missing.
pub fn complete(specs: &[ParamSpec], given: &Map<String, Value>) -> Result<String, String> {
    for name in given.keys() {
        if !specs.iter().any(|spec| spec.name == *name) {
            return Err(unknown(name, specs));
        }
    }
    let mut complete = Map::new();
    for spec in specs {
        match given.get(&spec.name) {
            Some(value) => {
                check(spec, value)?;
                complete.insert(spec.name.clone(), value.clone());
            }
            None => match &spec.default {
                Some(json) => {
                    complete.insert(spec.name.clone(), parse_default(spec, json)?);
                }
                None => return Err(format!("parameter `{}` is missing: {}", spec.name, spec.text)),
            },
        }
    }
    Ok(Value::Object(complete).to_string())
}

/// Are a parameter's bounds and default what the parameter takes itself?
pub(crate) fn check_spec(spec: &ParamSpec) -> Result<(), String> {
    let (low, high) = bounds(spec);
    if low.is_nan() || high.is_nan() || low > high {
        return Err(format!("parameter `{}` has the bounds [{low}, {high}]", spec.name));
    }
    match &spec.default {
        Some(json) => check(spec, &parse_default(spec, json)?).map_err(|error| format!("by its default, {error}")),
        None => Ok(()),
    }
}

fn parse_default(spec: &ParamSpec, json: &str) -> Result<Value, String> {
    serde_json::from_str(json).map_err(|error| format!("the plugin's own default of `{}` is not JSON: {error}", spec.name))
}

fn bounds(spec: &ParamSpec) -> (f64, f64) {
    (spec.minimum.unwrap_or(f64::NEG_INFINITY), spec.maximum.unwrap_or(f64::INFINITY))
}

fn unknown(name: &str, specs: &[ParamSpec]) -> String {
    let likeness = |spec: &&ParamSpec| (strsim::jaro_winkler(name, &spec.name) * 1e6) as u64;
    match specs.iter().max_by_key(likeness) {
        Some(nearest) => format!("unknown parameter `{name}`: did you mean `{}`?", nearest.name),
        None => format!("unknown parameter `{name}`: this plugin takes none"),
    }
}

fn check(spec: &ParamSpec, value: &Value) -> Result<(), String> {
    let all = |test: fn(&Value) -> bool| value.as_array().is_some_and(|items| items.iter().all(test));
    let (fits, wanted) = match spec.type_ {
        ParamType::Float => (value.is_number(), "a number"),
        ParamType::Integer => (value.is_i64() || value.is_u64(), "a whole number"),
        ParamType::Boolean => (value.is_boolean(), "true or false"),
        ParamType::Text => (value.is_string(), "text"),
        ParamType::FloatList => (all(Value::is_number), "a list of numbers"),
        ParamType::TextList => (all(Value::is_string), "a list of texts"),
        ParamType::Table => (value.is_object(), "a table"),
    };
    if !fits {
        return Err(format!("parameter `{}` must be {wanted}, not {value}", spec.name));
    }
    let (low, high) = bounds(spec);
    match value.as_f64() {
        Some(number) if !(low..=high).contains(&number) => {
            Err(format!("parameter `{}` is {number}, outside [{low}, {high}] {}", spec.name, spec.unit).trim_end().to_owned())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str, type_: ParamType, default: Option<&str>) -> ParamSpec {
        ParamSpec {
            name: name.into(),
            type_,
            unit: String::new(),
            default: default.map(Into::into),
            minimum: Some(0.0),
            maximum: Some(10.0),
            text: "how much".into(),
        }
    }

    fn run(json: &str) -> Result<String, String> {
        let specs = [spec("weight", ParamType::Float, Some("2.5")), spec("zone", ParamType::Text, None)];
        complete(&specs, serde_json::from_str::<Value>(json).unwrap().as_object().unwrap())
    }

    #[test]
    fn defaults_are_filled_in() {
        assert_eq!(run(r#"{"zone":"UTC"}"#).unwrap(), r#"{"weight":2.5,"zone":"UTC"}"#);
    }

    #[test]
    fn wrong_parameters_are_refused_by_name() {
        for (json, error) in [
            (r#"{"zone":"UTC","wieght":1}"#, "unknown parameter `wieght`: did you mean `weight`?"),
            (r#"{"zone":1}"#, "parameter `zone` must be text, not 1"),
            (r#"{"zone":"UTC","weight":11}"#, "parameter `weight` is 11, outside [0, 10]"),
            ("{}", "parameter `zone` is missing: how much"),
        ] {
            assert_eq!(run(json).unwrap_err(), error);
        }
    }
}
