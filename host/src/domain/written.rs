//! Times as they are written: the date and time that a clock showed, and whose clock it was.

use jiff::civil::{DateTime, Time};
use jiff::fmt::temporal::Pieces;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan as _};

/// Longest text that is searched for an hour 24.
const MAX_TEXT: usize = 64;

/// What a text says of a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// What the clock showed.
    pub at: DateTime,
    /// Whose clock it was.
    pub clock: Clock,
}

/// The clock of a written time.
#[derive(Clone, Debug, PartialEq)]
pub enum Clock {
    /// Ahead of UTC by this much.
    Offset(Offset),
    /// Of this zone.
    Zone(TimeZone),
    /// The text does not say.
    Unnamed,
}

impl Written {
    /// Reads ISO 8601 as RFC 3339 and its relatives write it: `T` or a space, with or without seconds, a fraction after a dot or a comma,
    /// an offset with or without colon or `UTC`, a zone in brackets; or a date alone. 24:00 is the end of its day.
    #[must_use]
    pub fn iso(text: &str) -> Option<Self> {
        let text = text.trim();
        read_iso(text).or_else(|| Self::at_24(text, read_iso))
    }

    /// Reads a text whose hour is 24, the end of its day, by a reader that takes hours up to 23.
    ///
    /// For every part of a time but the hour, 00 is right only where 24 is. So a text that is wrong, and right with 00 for one of its
    /// 24, had it for the hour.
    pub fn at_24(text: &str, read: impl Fn(&str) -> Option<Self>) -> Option<Self> {
        if text.len() > MAX_TEXT {
            return None;
        }
        text.match_indices("24").find_map(|(at, _)| {
            let mut midnight = text.to_owned();
            midnight.replace_range(at..at + 2, "00");
            let Self { at, clock } = read(&midnight)?;
            // 24:15 is no time.
            let end_of_day = (at.time() == Time::midnight()).then(|| at.checked_add(1.day()).ok()).flatten()?;
            Some(Self { at: end_of_day, clock })
        })
    }

    /// The instant, taking an unnamed clock as UTC.
    #[must_use]
    pub fn in_utc(self) -> Option<Timestamp> {
        match self.clock {
            Clock::Offset(offset) => offset.to_timestamp(self.at).ok(),
            Clock::Zone(zone) => zone.to_timestamp(self.at).ok(),
            Clock::Unnamed => Offset::UTC.to_timestamp(self.at).ok(),
        }
    }
}

fn read_iso(text: &str) -> Option<Written> {
    if let Ok(pieces) = Pieces::parse(text) {
        let at = DateTime::from_parts(pieces.date(), pieces.time().unwrap_or(Time::midnight()));
        let clock = match (pieces.to_numeric_offset(), pieces.time_zone_annotation()) {
            (Some(offset), _) => Clock::Offset(offset),
            (None, Some(zone)) => Clock::Zone(zone.to_time_zone().ok()?),
            (None, None) => Clock::Unnamed,
        };
        return Some(Written { at, clock });
    }
    // "… UTC", "… GMT", "… +01:00", "… +0100"
    let (time, offset) = text.rsplit_once(' ')?;
    match offset {
        "UTC" | "GMT" | "Z" => {
            let written = read_iso(time).filter(|written| written.clock == Clock::Unnamed)?;
            Some(Written { clock: Clock::Offset(Offset::UTC), ..written })
        }
        _ if offset.starts_with(['+', '-']) => read_iso(&format!("{time}{offset}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> Option<String> {
        Some(Written::iso(text)?.in_utc()?.to_string())
    }

    #[test]
    fn one_instant_in_many_forms() {
        for text in [
            "2025-12-04T16:02:00Z",
            "2025-12-04t16:02:00z",
            "2025-12-04 16:02",
            "2025-12-04T16:02Z",
            " 2025-12-04T16:02:00.000 ",
            "2025-12-04T16:02:00,000Z",
            "2025-12-04T17:02:00+01:00",
            "2025-12-04T17:02:00+0100",
            "2025-12-04T17:02:00+01",
            "2025-12-04 17:02:00 +01:00",
            "2025-12-04 17:02:00 +0100",
            "2025-12-04 16:02:00 UTC",
            "2025-12-04 16:02:00 GMT",
            "20251204T160200Z",
            "2025-12-04T17:02:00[Europe/Berlin]",
            "2025-12-04T17:02:00+01:00[Europe/Berlin]",
        ] {
            assert_eq!(utc(text).as_deref(), Some("2025-12-04T16:02:00Z"), "{text}");
        }
        for text in
            ["", "yesterday", "2025-12-04 16:02:00 CET", "2025-12-04T16:02:00[Europe/Nowhere]", "2025-13-04T16:02", "16:02"]
        {
            assert_eq!(utc(text), None, "{text}");
        }
    }

    #[test]
    fn the_end_of_a_day_is_midnight_of_the_next() {
        for (text, instant) in [
            ("2025-12-31T24:00:00Z", "2026-01-01T00:00:00Z"),
            ("2025-12-31 24:00", "2026-01-01T00:00:00Z"),
            ("2024-12-24T24:00:00.000Z", "2024-12-25T00:00:00Z"),
            ("2024-02-28T24:00+02:00", "2024-02-28T22:00:00Z"),
            ("20241224T2400Z", "2024-12-25T00:00:00Z"),
        ] {
            assert_eq!(utc(text).as_deref(), Some(instant), "{text}");
        }
        for text in ["2024-12-24T24:24Z", "2024-12-24T24:00:01Z", "2024-12-24T25:00Z", "2024-12-32T24:00Z", "2024-24-01T24:00Z"] {
            assert_eq!(utc(text), None, "{text}");
        }
    }
}
