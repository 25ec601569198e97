//! One JSON object into a row of values: known fields kept, unknown ones skipped, the last of two equal keys counts.

use std::borrow::Cow;

use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};
use serde_json::value::RawValue;

use super::fields::{Number, Paths, Value};
use super::reject;
use crate::domain::{Reason, Reject};

pub(super) fn read<'a>(text: &'a str, paths: &Paths, values: &mut [Value<'a>]) -> Result<(), Reject> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let result = deserializer.deserialize_any(RowVisitor { paths, values, within: "" }).and_then(|()| deserializer.end());
    result.map_err(|error| wrong(text, &error))
}

/// The elements of an array, each as it is written.
pub(super) fn elements(text: &str) -> Result<Vec<&RawValue>, Reject> {
    serde_json::from_str(text).map_err(|error| wrong(text, &error))
}

fn wrong(text: &str, error: &serde_json::Error) -> Reject {
    if only_non_finite_numbers_are_wrong(text) {
        reject(Reason::NotFinite, format!("a number is NaN or infinite: {error}"))
    } else {
        reject(Reason::NotJson, error.to_string())
    }
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

/// The fields of one object or array.
struct RowVisitor<'r, 'a> {
    paths: &'r Paths,
    values: &'r mut [Value<'a>],
    /// Path of the object or array; empty for the message itself.
    within: &'r str,
}

impl<'de> RowVisitor<'_, 'de> {
    /// The same for what stands under this path.
    fn inner<'s>(&'s mut self, path: &'s str) -> InnerSeed<'s, 'de> {
        InnerSeed(RowVisitor { paths: self.paths, values: self.values, within: path })
    }
}

impl<'de> Visitor<'de> for RowVisitor<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(KeySeed { paths: self.paths, within: self.within })? {
            match key {
                Key::Field(place) => self.values[place] = map.next_value_seed(ValueSeed)?,
                Key::Inner(path) => map.next_value_seed(self.inner(&path))?,
                Key::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        if self.within.is_empty() && !self.paths.has_within("") {
            return Err(A::Error::invalid_type(Unexpected::Seq, &self));
        }
        for index in 0.. {
            let element = match Key::of(Cow::Owned(format!("{}[{index}]", self.within)), self.paths) {
                Key::Field(place) => seq.next_element_seed(ValueSeed)?.map(|value| self.values[place] = value),
                Key::Inner(path) => seq.next_element_seed(self.inner(&path))?,
                Key::Other => seq.next_element::<IgnoredAny>()?.map(drop),
            };
            if element.is_none() {
                break;
            }
        }
        Ok(())
    }
}

/// What is under a key.
enum Key {
    Field(usize),
    /// An object or array with fields in it; its path.
    Inner(String),
    Other,
}

impl Key {
    fn of(path: Cow<'_, str>, paths: &Paths) -> Self {
        match paths.place(&path) {
            Some(place) => Self::Field(place),
            None if paths.has_within(&path) => Self::Inner(path.into_owned()),
            None => Self::Other,
        }
    }
}

struct KeySeed<'r> {
    paths: &'r Paths,
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
        let Self { paths, within } = self;
        let path = if within.is_empty() { Cow::Borrowed(key) } else { Cow::Owned(format!("{within}.{key}")) };
        Ok(Key::of(path, paths))
    }
}

/// An object or array with fields in it; a value of another kind has none.
struct InnerSeed<'r, 'a>(RowVisitor<'r, 'a>);

impl<'de> DeserializeSeed<'de> for InnerSeed<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for InnerSeed<'_, 'de> {
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

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        self.0.visit_seq(seq)
    }
}

struct ValueSeed;

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'de>, D::Error> {
        value(<&RawValue>::deserialize(deserializer)?.get()).map_err(D::Error::custom)
    }
}

/// A value, from the text that JSON's grammar has let pass.
fn value(raw: &str) -> Result<Value<'_>, serde_json::Error> {
    Ok(match raw.as_bytes().first() {
        Some(b'"') if raw.contains('\\') => Value::Text(Cow::Owned(serde_json::from_str(raw)?)),
        Some(b'"') => Value::Text(Cow::Borrowed(&raw[1..raw.len() - 1])),
        Some(b'{') => Value::Object(raw),
        Some(b'[') => Value::Array(raw),
        Some(b't' | b'f') => Value::Boolean,
        Some(b'n') | None => Value::Absent,
        Some(_) => Value::Number(Number { text: raw, value: raw.parse().unwrap_or(f64::INFINITY) }),
    })
}
