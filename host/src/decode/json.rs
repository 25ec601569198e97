//! One JSON object into a row of values: known fields kept, unknown ones skipped, the last of two equal keys counts.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::fields::{Fields, Value};
use super::reject;
use crate::domain::{Reason, Reject};

pub(super) fn read<'a>(text: &'a str, fields: &Fields, values: &mut [Value<'a>]) -> Result<(), Reject> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let result = deserializer.deserialize_any(RowVisitor { fields, values }).and_then(|()| deserializer.end());
    result.map_err(|error| {
        let message = error.to_string();
        if message.starts_with("number out of range") || only_non_finite_numbers_are_wrong(text) {
            reject(Reason::NotFinite, format!("a number is NaN, infinite or too large: {message}"))
        } else {
            reject(Reason::NotJson, message)
        }
    })
}

/// True when the text would be JSON were it not for `NaN` and `Infinity`, which some languages write.
fn only_non_finite_numbers_are_wrong(text: &str) -> bool {
    let mut mended = String::with_capacity(text.len());
    let (mut in_string, mut found) = (false, false);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let word = (!in_string).then(|| ["-Infinity", "Infinity", "NaN"].into_iter().find(|w| rest.starts_with(w))).flatten();
        let length = match (word, c) {
            (Some(word), _) => {
                found = true;
                mended.push('0');
                rest = &rest[word.len()..];
                continue;
            }
            (None, '\\') if in_string => c.len_utf8() + rest[1..].chars().next().map_or(0, char::len_utf8),
            (None, '"') => {
                in_string = !in_string;
                1
            }
            (None, _) => c.len_utf8(),
        };
        mended.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    found && serde_json::from_str::<IgnoredAny>(&mended).is_ok()
}

struct RowVisitor<'r, 'a> {
    fields: &'r Fields,
    values: &'r mut [Value<'a>],
}

impl<'de> Visitor<'de> for RowVisitor<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(place) = map.next_key_seed(KeySeed(self.fields))? {
            match place {
                Some(place) => self.values[place] = map.next_value_seed(ValueSeed)?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

struct KeySeed<'r>(&'r Fields);

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.place(key))
    }
}

struct ValueSeed;

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value<'de>, E> {
        Ok(Value::Absent)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Value<'de>, E> {
        Ok(Value::Boolean)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value<'de>, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value<'de>, E> {
        Ok(i64::try_from(value).map_or(Value::Float(value as f64), Value::Integer))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value<'de>, E> {
        Ok(Value::Float(value))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Object)
    }
}
