//! Event times as gateways write them.

use jiff::fmt::strtime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{Timestamp, ToSpan as _};

use super::fields::Value;
use super::repeated_hours::RepeatedHours;
use super::{epoch, reject, wrong_type};
use crate::config::{Input, StampOf, TimestampUnit};
use crate::domain::{Clock, EventTime, MeterId, Passes, Reason, Reject, Written};

/// 0001-01-01 and the end of 9999, in microseconds: every store and RFC 3339 can say what lies between.
const FIRST_US: i64 = -62_135_596_800_000_000;
const LAST_US: i64 = 253_402_300_799_999_999;

const DAY_US: i64 = 86_400_000_000;

/// Characters of a time that a message shows.
const SHOWN: usize = 40;

/// The instants that a written time may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stamp {
    Once(EventTime),
    /// The clock showed it twice, since it was put back.
    Twice {
        first: EventTime,
        second: EventTime,
    },
}

impl Stamp {
    /// By the order of its meter's readings, where the meter is known.
    #[inline]
    pub(super) fn resolve(self, passes: &Passes, meter: Option<MeterId>) -> EventTime {
        match self {
            Self::Once(time) => time,
            Self::Twice { first, second } => passes.resolve(meter, first, second),
        }
    }
}

/// Why a text gives no time.
enum Unread {
    /// It has another form.
    Form,
    /// The clock of the zone was put forward past it: by the offsets before and after.
    Skipped(Offset),
}

/// Reads times as the configuration says that they are written.
#[derive(Debug)]
pub(super) struct Times {
    format: Option<String>,
    unit: TimestampUnit,
    zone: TimeZone,
    zone_name: String,
    repeated_hours: RepeatedHours,
    /// From the stamp back to the event time, microseconds.
    interval_us: i64,
    /// The text read last and its time: meters that are read together say the same.
    last: (String, Option<Stamp>),
}

impl Times {
    /// # Errors
    /// Naming the key that cannot be used.
    pub(super) fn new(input: &Input) -> Result<Self, String> {
        let zone = TimeZone::get(&input.time_zone).map_err(|_| {
            format!("`input.time_zone` {:?} is no time zone; write an IANA name such as Europe/Berlin", input.time_zone)
        })?;
        if let Some(format) = &input.timestamp_format {
            if input.timestamp_unit != TimestampUnit::Auto {
                return Err("`input.timestamp_unit` says nothing beside `input.timestamp_format`: leave one of them out".into());
            }
            // What a format writes, it reads; one that says too little for a time does not.
            let sample = Timestamp::UNIX_EPOCH.to_zoned_datetime(zone.clone());
            let read = strtime::format(format, &sample).ok().and_then(|text| by_format(format, &text));
            if read.is_none() {
                return Err(format!("`input.timestamp_format` {format:?} gives no time; write it as \"%d.%m.%Y %H:%M:%S\""));
            }
        }
        let interval_us = match (input.stamp, input.interval) {
            (StampOf::Begin, None) => 0,
            (StampOf::Begin, Some(_)) => {
                return Err("`input.interval` says nothing without `input.stamp = \"end\"`: add that, or leave it out".into());
            }
            (StampOf::End, Some(interval)) if interval.micros() > 0 => interval.micros(),
            (StampOf::End, _) => {
                return Err(
                    "`input.stamp = \"end\"` needs `input.interval`, the time that a reading is of, such as \"30m\"".into()
                );
            }
        };
        Ok(Self {
            interval_us,
            repeated_hours: RepeatedHours::new(zone.clone()),
            format: input.timestamp_format.clone(),
            unit: input.timestamp_unit,
            zone,
            zone_name: input.time_zone.clone(),
            last: (String::new(), None),
        })
    }

    #[inline]
    pub(super) fn read(&mut self, value: &Value<'_>, field: &str) -> Result<Stamp, Reject> {
        let text = match value {
            Value::Text(text) => text.as_ref(),
            Value::Number(number) => number.text,
            Value::Absent => return Err(reject(Reason::MissingField, format!("field `{field}` is missing"))),
            other => return Err(wrong_type(field, other, "a timestamp")),
        };
        if let Some(stamp) = self.last.1
            && self.last.0 == text
        {
            return Ok(stamp);
        }
        let stamp = match &self.format {
            None if epoch::is_number(text) => Stamp::Once(self.epoch(text, field)?),
            _ => self.written(text).map_err(|unread| self.unread(&unread, field, text))?,
        };
        let (Stamp::Once(time) | Stamp::Twice { first: time, .. }) = stamp;
        if !(FIRST_US..=LAST_US).contains(&time.0) {
            let shown = shown(text);
            return Err(reject(Reason::Timestamp, format!("`{field}` \"{shown}\" lies outside the years 1 to 9999")));
        }
        self.last.0.clear();
        self.last.0.push_str(text);
        self.last.1 = Some(stamp);
        Ok(stamp)
    }

    /// The event time of a stamp: itself, or where the interval begins that it ends.
    #[inline]
    pub(super) fn begin_of(&self, stamp: EventTime) -> EventTime {
        if self.interval_us == 0 { stamp } else { self.begin_of_interval(stamp) }
    }

    /// Whole days are those of the zone's calendar, be they of 23 or 25 hours.
    fn begin_of_interval(&self, stamp: EventTime) -> EventTime {
        let (days, rest) = (self.interval_us / DAY_US, self.interval_us % DAY_US);
        let days_before = || {
            let local = Timestamp::from_microsecond(stamp.0).ok()?.to_zoned_datetime(self.zone.clone());
            Some(time(local.checked_sub(days.days()).ok()?.timestamp()))
        };
        let begin = if days == 0 { stamp } else { days_before().unwrap_or(EventTime(stamp.0 - days * DAY_US)) };
        EventTime(begin.0 - rest)
    }

    #[inline]
    pub(super) fn is_near_repeated_hour(&mut self, stamp: EventTime) -> bool {
        self.repeated_hours.is_near(stamp.0)
    }

    fn epoch(&self, number: &str, field: &str) -> Result<EventTime, Reject> {
        epoch::micros(number, self.unit).map(EventTime).ok_or_else(|| {
            let shown = shown(number);
            let message = match self.unit {
                TimestampUnit::Auto => format!(
                    "`{field}` {shown} is no time between 1990 and 2040 in seconds, milliseconds, microseconds or nanoseconds since 1970: {}",
                    epoch::remedy(number)
                ),
                unit => format!("`{field}` {shown} lies outside the years 1 to 9999 in `input.timestamp_unit` \"{unit}\""),
            };
            reject(Reason::Timestamp, message)
        })
    }

    fn written(&self, text: &str) -> Result<Stamp, Unread> {
        let written = match &self.format {
            Some(format) => by_format(format, text)
                .or_else(|| by_format(format, whole(text)?))
                .or_else(|| Written::at_24(text, |text| by_format(format, text)))
                // With an offset it can mean nothing else.
                .or_else(|| Written::iso(text).filter(|written| written.clock != Clock::Unnamed)),
            None => match EventTime::parse_plain(text.as_bytes()) {
                Some(time) => return Ok(Stamp::Once(time)),
                None => Written::iso(text),
            },
        };
        self.place(written.ok_or(Unread::Form)?)
    }

    /// The instant that a clock showed a time.
    fn place(&self, written: Written) -> Result<Stamp, Unread> {
        let Written { at, clock } = written;
        let instant = |offset: Offset| offset.to_timestamp(at).map(time).map_err(|_| Unread::Form);
        let zone = match &clock {
            Clock::Offset(offset) => return Ok(Stamp::Once(instant(*offset)?)),
            Clock::Zone(zone) => zone,
            Clock::Unnamed => &self.zone,
        };
        match zone.to_ambiguous_timestamp(at).offset() {
            AmbiguousOffset::Unambiguous { offset } => Ok(Stamp::Once(instant(offset)?)),
            AmbiguousOffset::Fold { before, after } => Ok(Stamp::Twice { first: instant(before)?, second: instant(after)? }),
            AmbiguousOffset::Gap { before, .. } => Err(Unread::Skipped(before)),
        }
    }

    fn unread(&self, unread: &Unread, field: &str, text: &str) -> Reject {
        let shown = shown(text);
        let message = match (unread, &self.format) {
            (Unread::Skipped(before), _) => format!(
                "`{field}` \"{shown}\" was skipped by clocks of {}, which were put forward then: the meter seems not to follow daylight \
                 saving time; {}",
                self.zone_name,
                remedy_of_a_fixed_clock(*before)
            ),
            (Unread::Form, Some(format)) => {
                format!("`{field}` \"{shown}\" is not of the form {format:?} (`input.timestamp_format`)")
            }
            (Unread::Form, None) => format!(
                "`{field}` \"{shown}\" is neither RFC 3339 nor `YYYY-MM-DD HH:MM:SS` nor a number of seconds, milliseconds, microseconds or \
                 nanoseconds since 1970; describe it by `input.timestamp_format`"
            ),
        };
        reject(Reason::Timestamp, message)
    }
}

/// What to set for a meter whose clock is always this far ahead of UTC.
fn remedy_of_a_fixed_clock(offset: Offset) -> String {
    let seconds = offset.seconds();
    if seconds % 3_600 == 0 {
        // In these names a plus sign means behind UTC.
        let hours = -seconds / 3_600;
        let zone = if hours == 0 { "UTC".to_owned() } else { format!("Etc/GMT{hours:+}") };
        format!("if so, set `input.time_zone = \"{zone}\"`")
    } else {
        "if so, have it send times with an offset".to_owned()
    }
}

fn time(instant: Timestamp) -> EventTime {
    EventTime(instant.as_microsecond())
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).flat_map(char::escape_debug).collect()
}

/// The whole number of a text such as `202601151200.0`, as columns of numbers with gaps are exported.
fn whole(text: &str) -> Option<&str> {
    text.split_once('.').filter(|(_, fraction)| fraction.bytes().all(|digit| digit == b'0')).map(|(whole, _)| whole)
}

fn by_format(format: &str, text: &str) -> Option<Written> {
    let parts = strtime::parse(format, text).ok()?;
    if let Some(instant) = parts.timestamp() {
        let fraction = jiff::SignedDuration::from_nanos(parts.subsec_nanosecond().unwrap_or(0).into());
        let at = Offset::UTC.to_datetime(instant.checked_add(fraction).ok()?);
        return Some(Written { at, clock: Clock::Offset(Offset::UTC) });
    }
    let clock = match (parts.offset(), parts.iana_time_zone()) {
        (Some(offset), _) => Clock::Offset(offset),
        (None, Some(zone)) => Clock::Zone(TimeZone::get(zone).ok()?),
        (None, None) => Clock::Unnamed,
    };
    Some(Written { at: parts.to_datetime().ok()?, clock })
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::decode::fields::Number;

    fn times(format: Option<&str>, zone: &str) -> Result<Times, String> {
        Times::new(&Input { timestamp_format: format.map(str::to_owned), time_zone: zone.to_owned(), ..Input::default() })
    }

    fn text(text: &str) -> Value<'_> {
        Value::Text(Cow::Borrowed(text))
    }

    fn number(text: &str) -> Value<'_> {
        Value::Number(Number { text, value: text.parse().unwrap() })
    }

    fn once(times: &mut Times, value: &Value<'_>) -> Result<String, String> {
        match times.read(value, "timestamp") {
            Ok(Stamp::Once(time)) => Ok(time.to_string()),
            Ok(Stamp::Twice { first, second }) => Err(format!("{first} or {second}")),
            Err(Reject { reason, message }) => {
                assert_eq!(reason, Reason::Timestamp, "{message}");
                Err(message)
            }
        }
    }

    #[test]
    fn a_time_is_read_as_the_configuration_says_and_of_the_clock_that_it_names() {
        for (format, zone, written) in [
            (Some("%d.%m.%Y %H:%M"), "Europe/Berlin", "04.12.2025 12:00"),
            (Some("%d.%m.%Y %H:%M"), "Europe/Berlin", "2025-12-04T11:00:00Z"),
            (Some("%m/%d/%Y %I:%M %p"), "UTC", "12/04/2025 11:00 AM"),
            (Some("%Y%m%dT%H%M%S%z"), "Europe/Berlin", "20251204T060000-0500"),
            (Some("%s"), "Europe/Berlin", "1764846000"),
            (None, "Europe/Berlin", "2025-12-04 12:00:00"),
            (None, "Europe/Berlin", "2025-12-04T11:00:00Z"),
            (None, "UTC", "2025-12-04 11:00:00"),
            (None, "Europe/Berlin", "1764846000"),
        ] {
            let read = once(&mut times(format, zone).unwrap(), &text(written));
            assert_eq!(read.as_deref(), Ok("2025-12-04T11:00:00Z"), "{written}");
        }
        assert_eq!(times(Some("%H:%M"), "UTC").unwrap_err().split('`').nth(1), Some("input.timestamp_format"));
        assert_eq!(times(None, "Europe/Berln").unwrap_err().split('`').nth(1), Some("input.time_zone"));
        let both = Input { timestamp_format: Some("%s".into()), timestamp_unit: TimestampUnit::Ms, ..Input::default() };
        assert!(Times::new(&both).unwrap_err().contains("leave one of them out"));
    }

    #[test]
    fn a_format_is_obeyed_for_numbers_too() {
        for (format, zone, written, instant) in [
            ("%Y%m%d%H%M", "Europe/Berlin", "202601151200", "2026-01-15T11:00:00Z"),
            ("%Y%m%d%H%M", "Europe/Berlin", "202601151200.0", "2026-01-15T11:00:00Z"),
            ("%Y%m%d%H%M", "UTC", "202601152400", "2026-01-16T00:00:00Z"),
            ("%Y%m%d", "UTC", "20260115", "2026-01-15T00:00:00Z"),
            ("%y%m%d%H%M", "UTC", "2601151200", "2026-01-15T12:00:00Z"),
            ("%s", "UTC", "1768478400", "2026-01-15T12:00:00Z"),
        ] {
            let mut times = times(Some(format), zone).unwrap();
            assert_eq!(once(&mut times, &number(written)).as_deref(), Ok(instant), "{written}");
            assert_eq!(once(&mut times, &text(written)).as_deref(), Ok(instant), "{written}");
        }
        for written in ["46037.5", "20260115", "202601151260", "1768478400"] {
            let message = once(&mut times(Some("%Y%m%d%H%M"), "UTC").unwrap(), &number(written)).unwrap_err();
            assert!(message.contains("`input.timestamp_format`"), "{message}");
        }
    }

    #[test]
    fn the_end_of_a_day_is_midnight_of_the_next_on_the_same_clock() {
        for (format, zone, written, instant) in [
            (Some("%d.%m.%Y %H:%M"), "Europe/Berlin", "31.12.2025 24:00", "2025-12-31T23:00:00Z"),
            (Some("%d.%m.%Y %H:%M"), "Europe/Berlin", "24.12.2024 24:00", "2024-12-24T23:00:00Z"),
            (Some("%d.%m.%Y %T"), "Europe/Berlin", "28.03.2026 24:00:00", "2026-03-28T23:00:00Z"),
            (None, "Europe/Berlin", "2025-10-26 24:00:00", "2025-10-26T23:00:00Z"),
            (None, "UTC", "2025-12-31T24:00:00Z", "2026-01-01T00:00:00Z"),
            (Some("%d.%m.%Y %H:%M"), "Europe/Berlin", "2025-12-31T24:00:00Z", "2026-01-01T00:00:00Z"),
        ] {
            assert_eq!(once(&mut times(format, zone).unwrap(), &text(written)).as_deref(), Ok(instant), "{written}");
        }
        once(&mut times(Some("%d.%m.%Y %H:%M"), "UTC").unwrap(), &text("31.12.2025 24:15")).unwrap_err();
    }

    #[test]
    fn a_local_time_that_was_skipped_names_the_zone_of_a_meter_without_daylight_saving() {
        for (zone, written, remedy) in [
            ("Europe/Berlin", "2026-03-29 02:30:00", "\"Etc/GMT-1\""),
            ("America/New_York", "2026-03-08 02:30:00", "\"Etc/GMT+5\""),
            ("Europe/London", "2026-03-29 01:30:00", "\"UTC\""),
            ("Australia/Lord_Howe", "2026-10-04 02:15:00", "with an offset"),
        ] {
            let message = once(&mut times(None, zone).unwrap(), &text(written)).unwrap_err();
            assert!(message.contains("daylight saving") && message.contains(remedy), "{message}");
        }
    }

    #[test]
    fn a_stamp_at_the_end_is_of_the_interval_before_it() {
        for (interval, zone, stamp, begin) in [
            ("30m", "Europe/Paris", "2026-01-16 00:00:00", "2026-01-15T22:30:00Z"),
            ("15m", "Europe/Berlin", "2025-12-31 24:00", "2025-12-31T22:45:00Z"),
            ("1h", "Europe/Berlin", "2025-10-26 03:00:00", "2025-10-26T01:00:00Z"),
            ("1d", "Europe/Berlin", "2025-10-27 00:00:00", "2025-10-25T22:00:00Z"),
            ("1d", "Europe/Berlin", "2026-03-30 00:00:00", "2026-03-28T23:00:00Z"),
        ] {
            let input = Input {
                time_zone: zone.to_owned(),
                stamp: StampOf::End,
                interval: Some(interval.parse().unwrap()),
                ..Input::default()
            };
            let mut times = Times::new(&input).unwrap();
            let Ok(Stamp::Once(at)) = times.read(&text(stamp), "timestamp") else { panic!("{stamp} is no time") };
            assert_eq!(times.begin_of(at).to_string(), begin, "{stamp}");
        }
    }

    #[test]
    fn a_local_time_that_came_twice_has_two_instants() {
        let mut berlin = times(None, "Europe/Berlin").unwrap();
        for _ in 0..2 {
            let both = once(&mut berlin, &text("2025-10-26 02:30:00")).unwrap_err();
            assert_eq!(both, "2025-10-26T00:30:00Z or 2025-10-26T01:30:00Z");
        }
        assert_eq!(once(&mut berlin, &text("2025-10-26T02:30:00+01:00")).as_deref(), Ok("2025-10-26T01:30:00Z"));
    }
}
