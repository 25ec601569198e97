//! Messages with a part of the readings of another, as it is written.

use std::ops::Range;

use super::reader::Reader;
use crate::config::Input;
use crate::domain::Message;

/// The message with these readings in place of its array.
pub(super) fn with_readings(payload: &[u8], array: &Range<usize>, readings: &[&str]) -> Vec<u8> {
    [&payload[..array.start], b"[", readings.join(",").as_bytes(), b"]", &payload[array.end..]].concat()
}

/// Gives each reading of a message with several as a message of its own, so that dead letters of many of them are together no larger
/// than a few times the message.
#[derive(Debug)]
pub(crate) struct Parts {
    reader: Reader,
    at_hand: Option<Divided>,
    part: Vec<u8>,
}

/// Where the array of a message is, and each reading in it.
#[derive(Debug)]
struct Divided {
    /// The message, by its offset and the address of its value.
    of: (i64, usize),
    array: Range<usize>,
    readings: Vec<Range<usize>>,
}

impl Parts {
    /// None where each message is one reading.
    pub(crate) fn of(input: &Input) -> Option<Self> {
        let reader = Reader::new(input).expect("a configuration is checked before it is used");
        reader.fields.readings.is_some().then(|| Self { reader, at_hand: None, part: Vec::new() })
    }

    /// The value of the message with one of its readings alone; all of it where it has one reading, or cannot be divided.
    pub(crate) fn alone<'a>(&'a mut self, message: &Message<'a>) -> Option<&'a [u8]> {
        let (Some(payload), Some(element)) = (message.payload, message.element) else { return message.payload };
        let of = (message.offset, payload.as_ptr() as usize);
        if self.at_hand.as_ref().is_none_or(|divided| divided.of != of) {
            self.at_hand = self.divide(message);
        }
        let Some(Divided { array, readings, .. }) = self.at_hand.as_ref().filter(|divided| divided.readings.len() > 1) else {
            return Some(payload);
        };
        let Some(reading) = readings.get(element as usize) else { return Some(payload) };
        self.part.clear();
        for part in [&payload[..array.start], b"[", &payload[reading.clone()], b"]", &payload[array.end..]] {
            self.part.extend_from_slice(part);
        }
        Some(&self.part)
    }

    fn divide(&self, message: &Message<'_>) -> Option<Divided> {
        let opened = self.reader.open(message, self.reader.fields.readings.as_ref()?).ok()?;
        let begin = message.payload?.as_ptr() as usize;
        let place = |reading: &&str| {
            let start = reading.as_ptr() as usize - begin;
            start..start + reading.len()
        };
        let readings = opened.elements.iter().map(place).collect();
        Some(Divided { of: (message.offset, begin), array: opened.array?, readings })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load_text;

    #[test]
    fn a_reading_alone_keeps_what_is_around_it() {
        let config = load_text("[input]\nreadings = \"data[]\"", "test", []).unwrap();
        let mut parts = Parts::of(&config.input).unwrap();
        let text = "\u{feff}{\"site\":\"Hall\",\"data\": [ {\"v\":1}, {\"v\":2} ],\"x\":3}";
        let mut alone = |text: &str, element| {
            let message = Message { element, ..Message::of(text.as_bytes()) };
            String::from_utf8(parts.alone(&message).unwrap().to_vec()).unwrap()
        };
        for _ in 0..2 {
            assert_eq!(alone(text, Some(0)), "\u{feff}{\"site\":\"Hall\",\"data\": [{\"v\":1}],\"x\":3}");
            assert_eq!(alone(text, Some(1)), "\u{feff}{\"site\":\"Hall\",\"data\": [{\"v\":2}],\"x\":3}");
        }
        for whole in [r#"{"data": [{"v":1} ]}"#, r#"{"data":{"v":1}}"#, "no JSON"] {
            assert_eq!(alone(whole, Some(0)), whole);
        }
        assert_eq!(alone(text, None), text);
        assert_eq!(alone(text, Some(7)), text);
        assert!(Parts::of(&Input::default()).is_none());
    }
}
