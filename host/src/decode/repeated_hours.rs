//! When a zone's clocks are put back, and what lies around it.

use std::ops::Range;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

const HOUR_US: i64 = 3_600_000_000;

/// How long before and after an hour that comes twice meters' orders are kept: a day of readings shows a meter's usual step.
const AROUND_US: i64 = 26 * HOUR_US;

/// How far back a look at the zone's transitions begins, so that its answer holds for a while.
const LOOK_BACK_US: i64 = 30 * 24 * HOUR_US;

/// Transitions that are looked at for one answer. Zones have two a year at most, and few without one of them backwards.
const MOST_TRANSITIONS: usize = 16;

/// Answers whether an instant is near an hour that comes twice.
#[derive(Debug)]
pub(super) struct RepeatedHours {
    zone: TimeZone,
    /// The last answer, and for which instants it holds, in microseconds since the epoch.
    last: (Range<i64>, bool),
}

impl RepeatedHours {
    pub(super) fn new(zone: TimeZone) -> Self {
        Self { zone, last: (0..0, false) }
    }

    #[inline]
    pub(super) fn is_near(&mut self, at_us: i64) -> bool {
        if !self.last.0.contains(&at_us) {
            self.last = self.look(at_us);
        }
        self.last.1
    }

    fn look(&self, at_us: i64) -> (Range<i64>, bool) {
        let mut calm_since = at_us - LOOK_BACK_US / 2;
        let Ok(from) = Timestamp::from_microsecond(at_us - LOOK_BACK_US) else { return (at_us..at_us + 1, false) };
        for transition in self.zone.following(from).take(MOST_TRANSITIONS) {
            let at = transition.timestamp();
            let Ok(before) = at.checked_sub(SignedDuration::from_nanos(1)) else { continue };
            let back = self.zone.to_offset(before).seconds() - transition.offset().seconds();
            if back <= 0 {
                continue;
            }
            let around = AROUND_US + i64::from(back) * 1_000_000;
            let near = at.as_microsecond() - around..at.as_microsecond() + around;
            if near.contains(&at_us) {
                return (near, true);
            }
            if at_us < near.start {
                return (calm_since..near.start, false);
            }
            calm_since = calm_since.max(near.end);
        }
        (calm_since..i64::MAX, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(zone: &str, at: &str) -> bool {
        let mut hours = RepeatedHours::new(TimeZone::get(zone).unwrap());
        let at = at.parse::<Timestamp>().unwrap().as_microsecond();
        let answer = hours.is_near(at);
        let (range, _) = hours.last.clone();
        assert!(range.contains(&at));
        // The answer holds at both ends, and another one begins after it.
        for (other, expected) in [(range.start, answer), (range.end.saturating_sub(1), answer)] {
            assert_eq!(RepeatedHours::new(TimeZone::get(zone).unwrap()).look(other).1, expected, "{zone} {other}");
        }
        answer
    }

    #[test]
    fn a_day_around_each_hour_that_comes_twice_is_near() {
        for at in ["2025-10-25T00:00:00Z", "2025-10-26T00:30:00Z", "2025-10-26T01:30:00Z", "2025-10-27T03:00:00Z"] {
            assert!(near("Europe/Berlin", at), "{at}");
        }
        for at in [
            "2025-10-24T20:00:00Z",
            "2025-10-27T06:00:00Z",
            "2026-03-29T01:00:00Z",
            "2026-01-15T12:00:00Z",
            "0001-01-01T00:00:00Z",
        ] {
            assert!(!near("Europe/Berlin", at), "{at}");
        }
        assert!(near("Australia/Lord_Howe", "2026-04-04T15:15:00Z"));
        assert!(!near("UTC", "2025-10-26T00:30:00Z"));
        assert!(!near("Asia/Tokyo", "2025-10-26T00:30:00Z"));
    }
}
