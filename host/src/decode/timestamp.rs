//! Event times as gateways write them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use super::fields::Value;
use super::{reject, wrong_type};
use crate::config::Input;
use crate::domain::{EventTime, Reason, Reject};

/// 0001-01-01 and the end of 9999, in microseconds: every store and RFC 3339 can say what lies between.
const FIRST_US: i64 = -62_135_596_800_000_000;
const LAST_US: i64 = 253_402_300_799_999_999;

/// Below it a number is seconds, from it on milliseconds: as seconds it is the year 5138, as milliseconds 1973.
const FIRST_MILLISECONDS: f64 = 1e11;

/// Reads times as the configuration says that they are written.
#[derive(Debug)]
pub(crate) struct Times {
    format: Option<String>,
    zone: TimeZone,
    /// The text read last and its time: meters that are read together say the same.
    last: (String, Option<EventTime>),
}

impl Times {
    /// # Errors
    /// Naming the key that cannot be used.
    pub(crate) fn new(input: &Input) -> Result<Self, String> {
        let zone = TimeZone::get(&input.time_zone).map_err(|_| {
            format!("`input.time_zone` {:?} is no time zone; write an IANA name such as Europe/Berlin", input.time_zone)
        })?;
        if let Some(format) = &input.timestamp_format {
            // What a format writes, it reads; one that says too little for a time does not.
            let sample = Timestamp::UNIX_EPOCH.to_zoned_datetime(zone.clone());
            let read = strtime::format(format, &sample).ok().and_then(|text| by_format(format, &zone, &text));
            if read.is_none() {
                return Err(format!("`input.timestamp_format` {format:?} gives no time; write it as \"%d.%m.%Y %H:%M:%S\""));
            }
        }
        Ok(Self { format: input.timestamp_format.clone(), zone, last: (String::new(), None) })
    }

    pub(super) fn read(&mut self, value: &Value<'_>, field: &str) -> Result<EventTime, Reject> {
        let time = match value {
            Value::Text(text) => self.parse(text).ok_or_else(|| self.unreadable(field, text))?,
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

    fn parse(&mut self, text: &str) -> Option<EventTime> {
        if self.last.1.is_none() || self.last.0 != text {
            self.last.1 = match &self.format {
                Some(format) => by_format(format, &self.zone, text),
                None if self.zone == TimeZone::UTC => EventTime::parse(text),
                None => in_zone(&self.zone, text),
            };
            self.last.0.clear();
            self.last.0.push_str(text);
        }
        self.last.1
    }

    fn unreadable(&self, field: &str, text: &str) -> Reject {
        let shown: String = text.chars().take(40).collect();
        let wanted = match &self.format {
            Some(format) => format!("of the form {format:?} (`input.timestamp_format`)"),
            None => "RFC 3339, `YYYY-MM-DD HH:MM:SS`, or epoch seconds or milliseconds as a number".to_owned(),
        };
        reject(Reason::Timestamp, format!("`{field}` \"{shown}\" is not {wanted}"))
    }
}

fn by_format(format: &str, zone: &TimeZone, text: &str) -> Option<EventTime> {
    let parts = strtime::parse(format, text).ok()?;
    let instant = match parts.offset() {
        Some(_) => parts.to_timestamp().ok()?,
        None => zone.to_timestamp(parts.to_datetime().ok()?).ok()?,
    };
    Some(EventTime(instant.as_microsecond()))
}

/// With its own offset, or else of the zone's clock.
fn in_zone(zone: &TimeZone, text: &str) -> Option<EventTime> {
    let instant = text.parse::<Timestamp>().ok().or_else(|| zone.to_timestamp(text.parse::<DateTime>().ok()?).ok())?;
    Some(EventTime(instant.as_microsecond()))
}

/// Rounded to the microsecond; out of range for a float that is (the caller checks).
pub(crate) fn from_number(number: f64) -> EventTime {
    let micros = if number.abs() < FIRST_MILLISECONDS { number * 1e6 } else { number * 1e3 };
    EventTime(micros.round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(format: Option<&str>, zone: &str) -> Result<Times, String> {
        Times::new(&Input { timestamp_format: format.map(str::to_owned), time_zone: zone.to_owned(), ..Input::default() })
    }

    #[test]
    fn a_time_is_read_as_the_configuration_says_and_of_the_clock_that_it_names() {
        let noon = Some(EventTime::parse("2025-12-04T11:00:00Z").unwrap());
        for (format, zone, text) in [
            (Some("%d.%m.%Y %H:%M"), "Europe/Berlin", "04.12.2025 12:00"),
            (Some("%m/%d/%Y %I:%M %p"), "UTC", "12/04/2025 11:00 AM"),
            (Some("%Y%m%dT%H%M%S%z"), "Europe/Berlin", "20251204T060000-0500"),
            (None, "Europe/Berlin", "2025-12-04 12:00:00"),
            (None, "Europe/Berlin", "2025-12-04T11:00:00Z"),
            (None, "UTC", "2025-12-04 11:00:00"),
        ] {
            assert_eq!(times(format, zone).unwrap().parse(text), noon, "{text}");
        }
        let mut berlin = times(None, "Europe/Berlin").unwrap();
        let first_of_two = EventTime::parse("2025-10-26T00:30:00Z");
        assert_eq!(berlin.parse("2025-10-26 02:30:00"), first_of_two, "in summer time still");
        assert_eq!(times(Some("%H:%M"), "UTC").unwrap_err().split('`').nth(1), Some("input.timestamp_format"));
        assert_eq!(times(None, "Europe/Berln").unwrap_err().split('`').nth(1), Some("input.time_zone"));
    }
}
