//! A model's files.

use serde::de::DeserializeOwned;

use crate::bindings::lifecycle::wattdog::plugin::types::ModelPart;
use crate::{Error, Result};

/// The files of a model: the main one, and parts beside it (`x.threshold.json` is the part `threshold` of `x.json`).
#[derive(Clone, Copy, Default)]
pub struct Model<'a> {
    parts: &'a [ModelPart],
}

impl<'a> Model<'a> {
    /// A model made of these files.
    pub fn new(parts: &'a [ModelPart]) -> Self {
        Self { parts }
    }

    /// The bytes of a part; the main file is the part `""`.
    pub fn part(&self, name: &str) -> Option<&'a [u8]> {
        self.parts.iter().find(|part| part.part == name).map(|part| part.bytes.as_slice())
    }

    /// A part as JSON, or none where there is no such file.
    ///
    /// # Errors
    /// The file is not JSON, or not of that shape.
    pub fn json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let parse = |bytes| {
            serde_json::from_slice(bytes).map_err(|error| Error::InvalidConfig(format!("model {}: {error}", title(name))))
        };
        self.part(name).map(parse).transpose()
    }
}

fn title(part: &str) -> String {
    if part.is_empty() { "file".into() } else { format!("part `{part}`") }
}
