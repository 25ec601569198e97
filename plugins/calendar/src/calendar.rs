//! What a calendar on the wall says of an instant.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};

const HOUR_US: i64 = 3_600_000_000;

/// Why a calendar cannot be made.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum CalendarError {
    /// No such time zone.
    #[error("time_zone \"{0}\" is not known; use an IANA name such as \"Europe/Berlin\"")]
    TimeZone(String),
    /// Something that should be a date is none.
    #[error("{at}: \"{text}\" is not a date; write it as \"2026-12-24\"")]
    Date {
        /// The parameter.
        at: String,
        /// What stands there.
        text: String,
    },
    /// A term that ends before it begins.
    #[error("terms.{0}: ends before it begins")]
    Backwards(String),
}

/// A time zone, its holidays and its terms.
pub struct Calendar {
    zone: TimeZone,
    holidays: BTreeMap<Date, String>,
    terms: Vec<(Date, Date)>,
}

/// A stretch of time in which the calendar says the same: at most a local hour, less where the clocks are changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Stretch<'a> {
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub instants_us: Range<i64>,
    /// 0 to 23.
    pub local_hour: i8,
    /// Monday is 1, Sunday 7.
    pub day_of_week: i8,
    /// The holiday's name, which may be empty.
    pub holiday: Option<&'a str>,
    /// Whether it is term; none where no terms are known.
    pub in_term: Option<bool>,
}

impl Calendar {
    /// A calendar from dates as texts; `terms` are first and last day.
    ///
    /// # Errors
    /// The time zone or a date is wrong; the error names it.
    pub fn new(
        time_zone: &str,
        holidays: &BTreeMap<String, String>,
        terms: &BTreeMap<String, (String, String)>,
    ) -> Result<Self, CalendarError> {
        let unknown = |_| CalendarError::TimeZone(time_zone.into());
        let zone = TimeZoneDatabase::bundled().get(time_zone).map_err(unknown)?;
        let holidays = holidays.iter().map(|(day, name)| Ok((date("holidays", day)?, name.clone()))).collect::<Result<_, _>>()?;
        let term = |(name, (from, to)): (&String, &(String, String))| {
            let (from, to) = (date(&format!("terms.{name}.from"), from)?, date(&format!("terms.{name}.to"), to)?);
            if from <= to { Ok((from, to)) } else { Err(CalendarError::Backwards(name.clone())) }
        };
        let terms = terms.iter().map(term).collect::<Result<_, _>>()?;
        Ok(Self { zone, holidays, terms })
    }

    /// What the calendar says at an instant, and how long it says so; none beyond the years -9999 to 9999.
    pub fn at(&self, instant_us: i64) -> Option<Stretch<'_>> {
        let instant = Timestamp::from_microsecond(instant_us).ok()?;
        let local = self.zone.to_datetime(instant);
        let into_hour_us = (i64::from(local.minute()) * 60 + i64::from(local.second())) * 1_000_000
            + i64::from(local.subsec_nanosecond()) / 1_000;
        let hour_start_us = instant_us - into_hour_us;
        let date = local.date();
        Some(Stretch {
            instants_us: self.between_changes(instant, hour_start_us..hour_start_us + HOUR_US),
            local_hour: local.hour(),
            day_of_week: local.weekday().to_monday_one_offset(),
            holiday: self.holidays.get(&date).map(String::as_str),
            in_term: (!self.terms.is_empty()).then(|| self.terms.iter().any(|(from, to)| (from..=to).contains(&&date))),
        })
    }

    /// The part of a range around an instant in which the clocks are not changed.
    fn between_changes(&self, instant: Timestamp, range: Range<i64>) -> Range<i64> {
        let next = self.zone.following(instant).next().map_or(i64::MAX, |change| change.timestamp().as_microsecond());
        // `preceding` looks strictly before, and a change at the instant itself counts as before it.
        let just_after = Timestamp::from_microsecond(instant.as_microsecond() + 1).unwrap_or(instant);
        let last = self.zone.preceding(just_after).next().map_or(i64::MIN, |change| change.timestamp().as_microsecond());
        range.start.max(last)..range.end.min(next)
    }
}

fn date(at: &str, text: &str) -> Result<Date, CalendarError> {
    text.parse().map_err(|_| CalendarError::Date { at: at.into(), text: text.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn us(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    fn calendar(time_zone: &str) -> Calendar {
        let holidays = BTreeMap::from([("2026-12-25".into(), "Christmas Day".into()), ("2027-01-01".into(), String::new())]);
        let terms = BTreeMap::from([("Michaelmas".into(), ("2026-10-06".into(), "2026-12-04".into()))]);
        Calendar::new(time_zone, &holidays, &terms).unwrap()
    }

    #[test]
    fn clocks_go_forward() {
        let berlin = calendar("Europe/Berlin");
        let before = berlin.at(us("2026-03-29T00:59:59.999999Z")).unwrap();
        let after = berlin.at(us("2026-03-29T01:00:00Z")).unwrap();
        assert_eq!((before.local_hour, after.local_hour), (1, 3));
        assert_eq!(before.instants_us, us("2026-03-29T00:00:00Z")..us("2026-03-29T01:00:00Z"));
        assert_eq!(after.instants_us, us("2026-03-29T01:00:00Z")..us("2026-03-29T02:00:00Z"));
    }

    #[test]
    fn clocks_go_back_and_an_hour_comes_twice() {
        let berlin = calendar("Europe/Berlin");
        let hours = ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"];
        assert_eq!(hours.map(|hour| berlin.at(us(hour)).unwrap().local_hour), [2, 2, 3]);
    }

    #[test]
    fn a_change_by_half_an_hour_cuts_the_stretch() {
        // Lord Howe Island goes from +10:30 to +11 at 02:00.
        let island = calendar("Australia/Lord_Howe");
        let after = island.at(us("2026-10-03T15:30:00Z")).unwrap();
        assert_eq!(after.local_hour, 2);
        assert_eq!(after.instants_us, us("2026-10-03T15:30:00Z")..us("2026-10-03T16:00:00Z"));
        assert_eq!(island.at(us("2026-10-03T15:29:59Z")).unwrap().local_hour, 1);
    }

    #[test]
    fn every_instant_of_a_stretch_says_the_same() {
        // Monrovia was 44 minutes and 30 seconds behind until 1972; Kathmandu is a quarter off; Apia skipped a day.
        for (zone, from) in [
            ("Africa/Monrovia", "1972-01-06T20:00:00Z"),
            ("Asia/Kathmandu", "2026-01-01T00:00:00Z"),
            ("Pacific/Apia", "2011-12-30T06:00:00Z"),
            ("America/New_York", "2026-11-01T00:00:00Z"),
        ] {
            let calendar = calendar(zone);
            for step in 0..400 {
                let instant = us(from) + step * 7 * 60_000_000;
                let said = calendar.at(instant).unwrap();
                assert!(said.instants_us.contains(&instant), "{zone} {instant}");
                let Range { start, end } = said.instants_us;
                for other in [start, start.midpoint(end), end - 1] {
                    assert_eq!(calendar.at(other).unwrap(), said, "{zone} {instant} {other}");
                }
            }
        }
    }

    #[test]
    fn days_are_local_days() {
        let auckland = calendar("Pacific/Auckland");
        let said = auckland.at(us("2026-12-24T11:00:00Z")).unwrap();
        assert_eq!((said.local_hour, said.day_of_week, said.holiday), (0, 5, Some("Christmas Day")));
        assert_eq!(auckland.at(us("2026-12-24T10:59:59Z")).unwrap().holiday, None);
        assert_eq!(auckland.at(us("2026-12-31T12:00:00Z")).unwrap().holiday, Some(""));
    }

    #[test]
    fn first_and_last_day_are_term() {
        let utc = calendar("UTC");
        let days = ["2026-10-05", "2026-10-06", "2026-12-04", "2026-12-05"];
        let in_term = days.map(|day| utc.at(us(&format!("{day}T12:00:00Z"))).unwrap().in_term);
        assert_eq!(in_term, [Some(false), Some(true), Some(true), Some(false)]);
        let none = Calendar::new("UTC", &BTreeMap::new(), &BTreeMap::new()).unwrap();
        assert_eq!(none.at(0).unwrap().in_term, None);
    }

    #[test]
    fn times_before_1970_and_beyond_all_years_are_cases() {
        let utc = calendar("UTC");
        let said = utc.at(-1).unwrap();
        assert_eq!((said.local_hour, said.day_of_week, said.instants_us), (23, 3, -HOUR_US..0));
        assert_eq!(utc.at(i64::MAX), None);
        assert_eq!(utc.at(i64::MIN), None);
    }

    #[test]
    fn wrong_parameters_are_named() {
        let none = BTreeMap::new();
        let message = |result: Result<Calendar, CalendarError>| result.err().unwrap().to_string();
        assert_eq!(
            message(Calendar::new("Berlin", &none, &BTreeMap::new())),
            "time_zone \"Berlin\" is not known; use an IANA name such as \"Europe/Berlin\""
        );
        let holidays = BTreeMap::from([("24.12.2026".into(), String::new())]);
        assert_eq!(
            message(Calendar::new("UTC", &holidays, &BTreeMap::new())),
            "holidays: \"24.12.2026\" is not a date; write it as \"2026-12-24\""
        );
        let terms = BTreeMap::from([("Lent".into(), ("2026-03-20".into(), "2026-01-20".into()))]);
        assert_eq!(message(Calendar::new("UTC", &none, &terms)), "terms.Lent: ends before it begins");
    }
}
