//! Values of measures.

use super::fields::{MeasureField, Value};
use super::{epoch, reject, wrong_type};
use crate::domain::{Reason, Reject};

/// A measure's value in its unit; NaN where it is missing and may be.
#[inline]
pub(super) fn read(value: &Value<'_>, measure: &MeasureField, name: &str) -> Result<f64, Reject> {
    let value = match value {
        Value::Number(number) => number.value,
        Value::Absent if measure.required => {
            return Err(reject(Reason::MissingField, format!("field `{name}` is missing")));
        }
        Value::Absent => f64::NAN,
        Value::Text(text) => number_of_text(text).ok_or_else(|| no_number(name, text))?,
        other => return Err(wrong_type(name, other, "a number")),
    };
    if value.is_infinite() {
        return Err(reject(Reason::NotFinite, format!("`{name}` is too large for a number")));
    }
    let value = value * measure.factor;
    if value < measure.min || value > measure.max {
        let message = format!("`{name}` {value} is outside [{}, {}]", measure.min, measure.max);
        return Err(reject(Reason::Range, message));
    }
    Ok(value)
}

/// A number in quotes, as meters' telegrams and some gateways send it.
fn number_of_text(text: &str) -> Option<f64> {
    let text = text.trim_ascii();
    epoch::is_number(text).then(|| text.parse().ok()).flatten()
}

fn no_number(field: &str, text: &str) -> Reject {
    const SHOWN: usize = 40;
    let shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    let more = if text.chars().nth(SHOWN).is_some() { "…" } else { "" };
    reject(Reason::WrongType, format!("field `{field}` is the text \"{shown}{more}\", not a number"))
}
