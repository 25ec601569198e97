//! The building of a message, for those who need no more of it.

use super::fields::{Fields, Value};
use super::{json, plain, write_name};
use crate::config::Input;
use crate::domain::Message;

/// Finds the building that a message names.
#[derive(Debug)]
pub struct BuildingFinder {
    fields: Fields,
    max_message_bytes: usize,
    shape: plain::Shape,
    building: String,
}

impl BuildingFinder {
    /// For messages of this form.
    #[must_use]
    pub fn new(input: &Input) -> Self {
        Self {
            fields: Fields::new(input),
            max_message_bytes: usize::try_from(input.max_message.as_u64()).unwrap_or(usize::MAX),
            shape: plain::Shape::default(),
            building: String::new(),
        }
    }

    /// The building; none where the message names none, or will be no reading.
    pub fn find(&mut self, message: &Message<'_>) -> Option<&str> {
        let payload = message.payload.filter(|payload| payload.len() <= self.max_message_bytes)?;
        let text = std::str::from_utf8(payload).ok()?;
        let mut values = self.fields.empty_row();
        if !plain::read(text, &self.fields, &mut self.shape, &mut values) {
            values.fill(Value::Absent);
            json::read(text, &self.fields, &mut values).ok()?;
        }
        let value = &values[self.fields.building];
        self.building.clear();
        write_name(value, self.fields.name(self.fields.building), &mut self.building).ok()?;
        (!value.is_nameless()).then_some(&self.building)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_names_a_building_is_known_by_it_and_any_other_by_none() {
        let mut finder = BuildingFinder::new(&Input::default());
        let mut find = |payload: Option<&[u8]>| {
            finder.find(&Message { offset: 0, timestamp_ms: 0, key: None, payload }).map(ToOwned::to_owned)
        };
        assert_eq!(find(Some(br#"{"building":"Tower","electricity":1}"#)).as_deref(), Some("Tower"));
        assert_eq!(find(Some(br#"{"more":[1],"building":7}"#)).as_deref(), Some("7"));
        for nameless in [&br#"{"building":""}"#[..], br#"{"building":[1]}"#, b"{}", b"no JSON", b"\xff", &[b' '; 70_000]] {
            assert_eq!(find(Some(nameless)), None);
        }
        assert_eq!(find(None), None);
    }
}
