//! One JSON object into a row of values: known fields kept, unknown ones skipped, the last of two equal keys counts.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::fields::{Fields, Value};
use super::reject;
use crate::domain::{Reason, Reject};

pub(super) fn read<'a>(text: &'a str, fields: &Fields, values: &mut [Value<'a>]) -> Result<(), Reject> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let result = deserializer.deserialize_any(RowVisitor { fields, values, within: "" }).and_then(|()| deserializer.end());
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

/// The fields of one object.
struct RowVisitor<'r, 'a> {
    fields: &'r Fields,
    values: &'r mut [Value<'a>],
    /// The names of the objects that it is in, each with a dot after it.
    within: &'r str,
}

impl<'de> Visitor<'de> for RowVisitor<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { fields, values, within } = self;
        while let Some(key) = map.next_key_seed(KeySeed { fields, within })? {
            match key {
                Key::Field(place) => values[place] = map.next_value_seed(ValueSeed)?,
                Key::Object(within) => map.next_value_seed(ObjectSeed(RowVisitor { fields, values, within: &within }))?,
                Key::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// What is under a key.
enum Key {
    Field(usize),
    /// With fields in it; its name and that of those that it is in.
    Object(String),
    Other,
}

struct KeySeed<'r> {
    fields: &'r Fields,
    within: &'r str,
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Key;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Key, E> {
        let Self { fields, within } = self;
        let name = if within.is_empty() { Cow::Borrowed(key) } else { Cow::Owned(format!("{within}{key}")) };
        Ok(match fields.place(&name) {
            Some(place) => Key::Field(place),
            None if fields.has_within(&name) => Key::Object(format!("{name}.")),
            None => Key::Other,
        })
    }
}

/// An object with fields in it; whatever else stands there has none.
struct ObjectSeed<'r, 'a>(RowVisitor<'r, 'a>);

impl<'de> DeserializeSeed<'de> for ObjectSeed<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ObjectSeed<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.0.visit_map(map)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
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
