//! From a message's bytes to rows of values: one for a message, or one for each of its readings.

use std::ops::Range;

use super::fields::{Fields, Readings, Row, Value};
use super::{framing, json, plain, reject, wrong_type};
use crate::config::{Framing, Input};
use crate::domain::{Message, Reason, Reject};

/// Most readings of one message: a batch of 4,096 messages stays within memory.
const MOST_ELEMENTS: usize = 10_000;

/// Reads messages of one form.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) fields: Fields,
    framing: Framing,
    max_message_bytes: usize,
    shape: plain::Shape,
}

/// A message with several readings.
#[derive(Debug)]
pub(super) struct Opened<'m> {
    /// Values that all of them share, and the readings themselves in the last place.
    around: Row<'m>,
    /// Each reading as it is written.
    pub(super) elements: Vec<&'m str>,
    /// Where they stand in the message; none where one stands alone.
    pub(super) array: Option<Range<usize>>,
}

impl Reader {
    /// # Errors
    /// Naming the key that cannot be used.
    pub(super) fn new(input: &Input) -> Result<Self, String> {
        Ok(Self {
            fields: Fields::new(input)?,
            framing: input.framing,
            max_message_bytes: usize::try_from(input.max_message.as_u64()).unwrap_or(usize::MAX),
            shape: plain::Shape::default(),
        })
    }

    /// The values of a message that is one reading.
    #[inline]
    pub(super) fn read<'m>(&mut self, message: &Message<'m>, values: &mut Row<'m>) -> Result<(), Reject> {
        let text = self.text(message)?;
        if !plain::read(text, &self.fields.paths, &mut self.shape, values) {
            values.fill(Value::Absent);
            json::read(without_mark(text), &self.fields.paths, values).map_err(|wrong| self.explained(wrong, message))?;
        }
        self.beside(message, values)
    }

    /// Finds the readings of a message that has several.
    pub(super) fn open<'m>(&self, message: &Message<'m>, readings: &Readings) -> Result<Opened<'m>, Reject> {
        let text = without_mark(self.text(message)?).trim_ascii();
        let explained = |wrong| self.explained(wrong, message);
        let mut around = self.fields.empty_row_around();
        if text.starts_with('{') || *readings != Readings::Message {
            json::read(text, &self.fields.around, &mut around).map_err(explained)?;
        }
        let raw = match (readings, around.last()) {
            (Readings::Message, _) => text,
            (Readings::At(_), Some(Value::Array(raw) | Value::Object(raw))) => raw,
            (Readings::At(path), None | Some(Value::Absent)) => {
                return Err(reject(
                    Reason::MissingField,
                    format!("field `{path}`, where `input.readings` has the readings, is missing"),
                ));
            }
            (Readings::At(path), Some(other)) => return Err(wrong_type(path, other, "an array of readings")),
        };
        let elements: Vec<&str> = if raw.starts_with('{') {
            vec![raw]
        } else {
            json::elements(raw).map_err(explained)?.into_iter().map(serde_json::value::RawValue::get).collect()
        };
        if elements.is_empty() {
            return Err(reject(Reason::Empty, "the array of readings is empty"));
        }
        if elements.len() > MOST_ELEMENTS {
            let message = format!("{} readings; a message may have {MOST_ELEMENTS}", elements.len());
            return Err(reject(Reason::Oversize, message));
        }
        let start = message.payload.map_or(0, |payload| raw.as_ptr() as usize - payload.as_ptr() as usize);
        let array = raw.starts_with('[').then(|| start..start + raw.len());
        self.beside(message, &mut around)?;
        Ok(Opened { around, elements, array })
    }

    /// The values of one reading of several.
    pub(super) fn element<'m>(&mut self, opened: &Opened<'m>, index: usize, values: &mut Row<'m>) -> Result<(), Reject> {
        let text = opened.elements[index];
        values.clone_from(&opened.around);
        if !plain::read(text, &self.fields.paths, &mut self.shape, values) {
            values.clone_from(&opened.around);
            json::read(text, &self.fields.paths, values)?;
        }
        Ok(())
    }

    #[inline]
    fn text<'m>(&self, message: &Message<'m>) -> Result<&'m str, Reject> {
        let payload = message.payload.ok_or_else(|| reject(Reason::Empty, "the record has no value"))?;
        if payload.len() > self.max_message_bytes {
            let message = format!("{} bytes; a reading may have {} (`input.max_message`)", payload.len(), self.max_message_bytes);
            return Err(reject(Reason::Oversize, message));
        }
        std::str::from_utf8(framing::inner(payload, self.framing)).map_err(|error| {
            let at = error.valid_up_to();
            match framing::describe(payload, self.framing) {
                Some(what) => reject(Reason::NotUtf8, format!("byte {at} is not UTF-8: {what}")),
                None => reject(Reason::NotUtf8, format!("byte {at} is not UTF-8")),
            }
        })
    }

    /// What comes from the record's key and headers.
    #[inline]
    fn beside<'m>(&self, message: &Message<'m>, values: &mut Row<'m>) -> Result<(), Reject> {
        for (place, source) in &self.fields.beside {
            values[*place] = source.value(message, self.fields.name(*place))?;
        }
        Ok(())
    }

    /// Says of a message that is no JSON object what it is instead.
    fn explained(&self, wrong: Reject, message: &Message<'_>) -> Reject {
        let payload = message.payload.unwrap_or_default();
        if wrong.reason != Reason::NotJson {
            return wrong;
        }
        let is_array = payload.trim_ascii_start().starts_with(b"[") && self.fields.readings.is_none();
        let what = match framing::describe(payload, self.framing) {
            None if is_array => "if its elements are readings, set `input.readings = \"[]\"`".to_owned(),
            None => return wrong,
            Some(what) => what,
        };
        reject(Reason::NotJson, format!("{}: {what}", wrong.message))
    }
}

/// A text without a byte order mark.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}
