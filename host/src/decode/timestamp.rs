//! Event times as gateways write them.

use super::fields::Value;
use super::{reject, wrong_type};
use crate::domain::{EventTime, Reason, Reject};

/// 0001-01-01 and the end of 9999, in microseconds: every store and RFC 3339 can say what lies between.
const FIRST_US: i64 = -62_135_596_800_000_000;
const LAST_US: i64 = 253_402_300_799_999_999;

/// Below it a number is seconds, from it on milliseconds: as seconds it is the year 5138, as milliseconds 1973.
const FIRST_MILLISECONDS: f64 = 1e11;

/// The text read last and its time: meters that are read together say the same.
#[derive(Debug, Default)]
pub(super) struct LastText {
    text: String,
    time: Option<EventTime>,
}

impl LastText {
    fn parse(&mut self, text: &str) -> Option<EventTime> {
        if self.time.is_none() || self.text != text {
            self.time = EventTime::parse(text);
            self.text.clear();
            self.text.push_str(text);
        }
        self.time
    }
}

pub(super) fn read(value: &Value<'_>, field: &str, last: &mut LastText) -> Result<EventTime, Reject> {
    let time = match value {
        Value::Text(text) => last.parse(text).ok_or_else(|| unreadable(field, text))?,
        Value::Integer(number) => from_number(*number as f64),
        Value::Float(number) => from_number(*number),
        Value::Absent => return Err(reject(Reason::MissingField, format!("field `{field}` is missing"))),
        other => return Err(wrong_type(field, other, "a timestamp")),
    };
    if (FIRST_US..=LAST_US).contains(&time.0) {
        Ok(time)
    } else {
        Err(reject(Reason::Timestamp, format!("`{field}` lies outside the years 1 to 9999")))
    }
}

fn unreadable(field: &str, text: &str) -> Reject {
    let shown: String = text.chars().take(40).collect();
    let message =
        format!("`{field}` \"{shown}\" is not RFC 3339, `YYYY-MM-DD HH:MM:SS`, or epoch seconds or milliseconds as a number");
    reject(Reason::Timestamp, message)
}

/// Rounded to the microsecond; out of range for a float that is (the caller checks).
pub(crate) fn from_number(number: f64) -> EventTime {
    let micros = if number.abs() < FIRST_MILLISECONDS { number * 1e6 } else { number * 1e3 };
    EventTime(micros.round() as i64)
}
