//! When a reading was taken.

use std::fmt;

use super::Written;

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

    /// Reads the forms of [`Written::iso`], a time without an offset taken as UTC.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_plain(text.as_bytes()).or_else(|| Some(Self(Written::iso(text)?.in_utc()?.as_microsecond())))
    }

    /// The form of nearly every reading, `YYYY-MM-DDTHH:MM:SSZ`; none for any other, right or wrong.
    pub(crate) fn parse_plain(text: &[u8]) -> Option<Self> {
        let text: &[u8; 20] = text.try_into().ok()?;
        for (at, mark) in [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'Z')] {
            if text[at] != mark {
                return None;
            }
        }
        let digit = |at: usize| Some(i64::from(text[at].wrapping_sub(b'0'))).filter(|&digit| digit < 10);
        let two = |at: usize| Some(digit(at)? * 10 + digit(at + 1)?);
        let (year, month, day) = (two(0)? * 100 + two(2)?, two(5)?, two(8)?);
        let (hour, minute, second) = (two(11)?, two(14)?, two(17)?);
        // The 29th and later depend on the month, and a leap second has its own rules.
        if year == 0 || !(1..=12).contains(&month) || !(1..=28).contains(&day) || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        Some(Self(((days_from_civil(year, month, day) * 24 + hour) * 3_600 + minute * 60 + second) * 1_000_000))
    }

    /// As people read it: `2025-12-04 16:02:00`, in UTC.
    #[must_use]
    pub fn civil(self) -> String {
        self.to_string().replace('T', " ").trim_end_matches('Z').to_owned()
    }

    /// The form that [`Self::parse_plain`] reads; none for a time with a fraction or beyond its four digits of a year.
    fn plain(self) -> Option<[u8; 20]> {
        let (seconds, fraction) = (self.0.div_euclid(1_000_000), self.0.rem_euclid(1_000_000));
        let (year, month, day) = civil_from_days(seconds.div_euclid(86_400));
        if fraction != 0 || !(1..=9999).contains(&year) {
            return None;
        }
        let second = seconds.rem_euclid(86_400);
        let mut text = *b"0000-00-00T00:00:00Z";
        let two = [(0, year / 100), (2, year % 100), (5, month), (8, day), (11, second / 3_600), (14, second / 60 % 60)];
        for (at, value) in two.into_iter().chain([(17, second % 60)]) {
            text[at] += (value / 10) as u8;
            text[at + 1] += (value % 10) as u8;
        }
        Some(text)
    }
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar, year 1 or later.
///
/// H. Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The date of a day since 1970-01-01, as year, month, day, the way back of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

impl fmt::Display for EventTime {
    /// RFC 3339 in UTC, with a fraction only where there is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = self.plain() {
            return f.write_str(std::str::from_utf8(&text).expect("digits and marks are ASCII"));
        }
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

    proptest::proptest! {
        #[test]
        fn the_plain_form_reads_as_every_other_does(seconds in -62_135_596_800i64..253_402_300_800) {
            let time = EventTime(seconds * 1_000_000);
            let text = time.to_string();
            proptest::prop_assert_eq!(&text, &jiff::Timestamp::from_second(seconds).unwrap().to_string());
            let by_the_library = text.parse::<jiff::Timestamp>().unwrap().as_microsecond();
            proptest::prop_assert_eq!(EventTime::parse(&text), Some(EventTime(by_the_library)));
            proptest::prop_assert_eq!(EventTime(by_the_library), time);
        }

        #[test]
        fn what_looks_like_the_plain_form_is_read_only_if_it_is_one(text in "[0-9]{3}[0-9:]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]Z") {
            let by_the_library = text.parse::<jiff::Timestamp>().ok().map(|instant| EventTime(instant.as_microsecond()));
            proptest::prop_assert_eq!(EventTime::parse(&text), by_the_library);
        }
    }
}
