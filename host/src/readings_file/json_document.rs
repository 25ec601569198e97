//! A JSON document as records: an array of objects, objects one after the other, or an object that holds one array of them.

use std::fmt;
use std::io::BufRead;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// Gives the text of each object to `take`. `path`: the array's place in an object, its names joined with dots.
pub(super) fn for_each_object(
    reader: &mut dyn BufRead,
    path: Option<&str>,
    take: &mut dyn FnMut(&str) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    while reader.fill_buf()?.first().is_some_and(u8::is_ascii_whitespace) {
        reader.consume(1);
    }
    let objects_follow_each_other = path.is_none() && reader.fill_buf()?.first() == Some(&b'{');
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    if objects_follow_each_other {
        for object in deserializer.into_iter::<Box<RawValue>>() {
            take(object?.get())?;
        }
        return Ok(());
    }
    let path: Vec<&str> = path.map(|path| path.split('.').collect()).unwrap_or_default();
    let mut failure = None;
    match (At { path: &path, take, failure: &mut failure }).deserialize(&mut deserializer) {
        Ok(()) => Ok(deserializer.end()?),
        Err(error) => Err(failure.unwrap_or_else(|| error.into())),
    }
}

/// Places of the arrays of objects in a document.
pub(super) fn arrays(document: &Value) -> Vec<String> {
    fn look(value: &Value, place: &str, found: &mut Vec<String>) {
        match value {
            Value::Array(elements) if elements.first().is_some_and(Value::is_object) => found.push(place.to_owned()),
            Value::Object(fields) => {
                for (name, value) in fields {
                    look(value, &if place.is_empty() { name.clone() } else { format!("{place}.{name}") }, found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    look(document, "", &mut found);
    found
}

/// A value in which records are.
struct At<'t, 'p> {
    path: &'p [&'p str],
    take: &'t mut dyn FnMut(&str) -> anyhow::Result<()>,
    failure: &'t mut Option<anyhow::Error>,
}

impl<'de> DeserializeSeed<'de> for At<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(element) = seq.next_element::<Box<RawValue>>()? {
            if let Err(error) = (self.take)(element.get()) {
                *self.failure = Some(error);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { path, take, failure } = self;
        while let Some(key) = map.next_key::<String>()? {
            match path.split_first() {
                Some((first, rest)) if *first == key => {
                    map.next_value_seed(At { path: rest, take: &mut *take, failure: &mut *failure })?
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(text: &str, path: Option<&str>) -> anyhow::Result<Vec<String>> {
        let mut objects = Vec::new();
        let mut keep = |object: &str| {
            objects.push(object.split_whitespace().collect());
            Ok(())
        };
        for_each_object(&mut text.as_bytes(), path, &mut keep)?;
        Ok(objects)
    }

    #[test]
    fn records_are_found_in_arrays_in_objects_and_one_after_the_other() {
        let expected = [r#"{"a":1.10}"#, r#"{"a":2}"#];
        assert_eq!(objects("[\n {\"a\": 1.10},\n {\"a\": 2}\n]\n", None).unwrap(), expected);
        assert_eq!(objects("{\n \"a\": 1.10\n}\n{\"a\": 2}", None).unwrap(), expected);
        let nested = r#"{"site": {"n": 1, "data": [{"a": 1.10}, {"a": 2}]}}"#;
        assert_eq!(objects(nested, Some("site.data")).unwrap(), expected);
        assert_eq!(arrays(&serde_json::from_str(nested).unwrap()), ["site.data"]);
    }

    #[test]
    fn a_document_that_is_cut_off_is_an_error_with_its_line() {
        let error = objects("[\n {\"a\": 1},\n {\"a\":", None).unwrap_err();
        assert!(error.to_string().contains("line 3"), "{error}");
    }
}
