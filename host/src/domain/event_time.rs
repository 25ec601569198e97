//! When a reading was taken.

use std::fmt;

/// Microseconds since 1970-01-01T00:00:00Z; negative before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventTime(pub i64);

impl EventTime {
    /// Before every reading.
    pub const MIN: Self = Self(i64::MIN);

    /// From whole milliseconds since the epoch, as Kafka's record timestamps are.
    #[must_use]
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// Reads RFC 3339, or `YYYY-MM-DD HH:MM:SS[.fff]` taken as UTC.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(instant) = text.parse::<jiff::Timestamp>() {
            return Some(Self(instant.as_microsecond()));
        }
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        let instant = jiff::tz::Offset::UTC.to_timestamp(civil).ok()?;
        Some(Self(instant.as_microsecond()))
    }

    /// Start of the tumbling window of `size_us` that holds this instant. Windows are aligned to the epoch.
    #[must_use]
    pub fn window_start(self, size_us: i64) -> Self {
        Self(self.0.div_euclid(size_us) * size_us)
    }
}

impl fmt::Display for EventTime {
    /// RFC 3339 in UTC, with a fraction only where there is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(instant) => instant.fmt(f),
            Err(_) => write!(f, "{} µs", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_forms_that_gateways_send() {
        let expected = EventTime(1_764_864_120_000_000);
        for text in ["2025-12-04T16:02:00Z", "2025-12-04T17:02:00+01:00", "2025-12-04 16:02:00", "2025-12-04T16:02:00.000"] {
            assert_eq!(EventTime::parse(text), Some(expected), "{text}");
        }
        assert_eq!(EventTime::parse("yesterday"), None);
        assert_eq!(EventTime::parse("2025-13-04T16:02:00Z"), None);
        assert_eq!(expected.to_string(), "2025-12-04T16:02:00Z");
    }

    #[test]
    fn windows_before_the_epoch_start_below_their_readings() {
        assert_eq!(EventTime(-1).window_start(30_000_000), EventTime(-30_000_000));
        assert_eq!(EventTime(-30_000_000).window_start(30_000_000), EventTime(-30_000_000));
        assert_eq!(EventTime(29_999_999).window_start(30_000_000), EventTime(0));
    }
}
