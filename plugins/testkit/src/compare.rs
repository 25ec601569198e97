//! Is what a plugin says what was expected?

use std::path::Path;

use serde_json::Value;

/// Relative difference that another order of the same arithmetic may make.
const TOLERANCE: f64 = 1e-9;

/// Compares answers line by line.
pub(crate) fn same(folder: &Path, answers: &[Value], expected: &[Value]) {
    let (answered, lines, folder) = (answers.len(), expected.len(), folder.display());
    let remedy = "UPDATE_EXPECTED=1 before the command writes it anew";
    assert!(answered == lines, "{folder}: expected.jsonl has {lines} lines for {answered} readings; {remedy}");
    for (line, (answer, expected)) in answers.iter().zip(expected).enumerate() {
        let place = format!("{folder}, reading {}", line + 1);
        assert!(alike(answer, expected), "{place}:\n  says     {answer}\n  expected {expected}");
    }
}

fn alike(answer: &Value, expected: &Value) -> bool {
    match (answer, expected) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN));
            a == b || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs())
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| alike(value, other)))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        _ => answer == expected,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::alike;

    #[test]
    fn only_rounding_is_forgiven() {
        assert!(alike(&json!({"a": [0.1 + 0.2]}), &json!({"a": [0.3]})));
        assert!(!alike(&json!(1.0), &json!(1.000_001)));
        assert!(!alike(&json!({"a": 1}), &json!({"a": 1, "b": 2})));
        assert!(!alike(&json!({"a": 1, "b": 2}), &json!({"a": 1})));
        assert!(!alike(&json!(null), &json!(0)));
    }
}
