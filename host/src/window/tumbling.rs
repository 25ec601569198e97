//! Where tumbling windows begin and end.
//!
//! In UTC they are aligned to the epoch. In another time zone, whole days begin at local midnight and shorter windows when the
//! local clock shows a multiple of their size, so that "from 8 to 9" is from 8 to 9 in summer and in winter.

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::config::Span;
use crate::domain::EventTime;

const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 24 * HOUR_US;
/// No time zone is so far from UTC.
const BEYOND_OFFSETS_US: i64 = 26 * HOUR_US;
/// 1970-01-05 in days since the epoch: windows of seven days begin on Mondays.
const FIRST_MONDAY: i64 = 4;

/// Beginning and end of one window, microseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Inclusive.
    pub start_us: i64,
    /// Exclusive.
    pub end_us: i64,
}

/// Windows of one size; each instant lies in one of them.
#[derive(Clone, Debug)]
pub struct Tumbling {
    size_us: i64,
    alignment: Alignment,
    /// Of the instant that was asked for last: nearly every reading belongs to the window of the one before.
    last: Bounds,
}

#[derive(Clone, Debug)]
enum Alignment {
    Epoch,
    /// Every so many local days.
    Days(i64, Zone),
    /// At multiples of the size on the local clock.
    Clock(Zone),
}

impl Tumbling {
    /// Windows of this size in the time zone of this IANA name.
    ///
    /// # Errors
    /// When there is no such zone, or the size does not go with it; the message names the key of the configuration.
    pub fn new(size: Span, time_zone: &str) -> Result<Self, String> {
        let size_us = size.micros();
        if size_us <= 0 {
            return Err("`window.size` must be longer than nothing".into());
        }
        let alignment = if time_zone == "UTC" {
            Alignment::Epoch
        } else if size_us % DAY_US == 0 {
            Alignment::Days(size_us / DAY_US, Zone::new(time_zone)?)
        } else if DAY_US % size_us == 0 {
            Alignment::Clock(Zone::new(time_zone)?)
        } else {
            return Err(format!(
                "`window.size` {size} is neither whole days nor does it divide a day, as `window.time_zone` {time_zone} needs: \
                 take 30s, 15m, 1h, 1d or 7d, or the time zone UTC"
            ));
        };
        Ok(Self { size_us, alignment, last: Bounds { start_us: 0, end_us: 0 } })
    }

    /// The window that holds this instant.
    pub fn bounds(&mut self, time: EventTime) -> Bounds {
        if time.0 < self.last.start_us || self.last.end_us <= time.0 {
            self.last = match &mut self.alignment {
                Alignment::Epoch => {
                    let start_us = floor(time.0, self.size_us);
                    Bounds { start_us, end_us: start_us.saturating_add(self.size_us) }
                }
                Alignment::Days(days, zone) => zone.days_around(time.0, *days),
                Alignment::Clock(zone) => zone.multiples_around(time.0, self.size_us),
            };
        }
        self.last
    }
}

fn floor(time_us: i64, size_us: i64) -> i64 {
    time_us.div_euclid(size_us) * size_us
}

#[derive(Clone, Debug)]
struct Zone {
    zone: TimeZone,
    /// Where the instant that was asked for last lies.
    segment: Segment,
}

/// A time without a change of the offset.
#[derive(Clone, Copy, Debug)]
struct Segment {
    /// Inclusive.
    from_us: i64,
    /// Exclusive.
    until_us: i64,
    /// What the local clock is ahead of UTC.
    offset_us: i64,
}

impl Zone {
    fn new(name: &str) -> Result<Self, String> {
        // That of the program, not the machine's: two hosts must cut the same windows.
        let database = TimeZoneDatabase::bundled();
        let zone = database.get(name).map_err(|_| {
            let similar = |zone: &String| strsim::jaro_winkler(name, zone);
            let nearest = database.available().map(|zone| zone.to_string()).max_by(|a, b| similar(a).total_cmp(&similar(b)));
            let nearest = nearest.unwrap_or_else(|| "UTC".into());
            format!("`window.time_zone` \"{name}\" is no IANA time zone: did you mean `{nearest}`?")
        })?;
        Ok(Self { zone, segment: Segment { from_us: 0, until_us: 0, offset_us: 0 } })
    }

    fn segment_at(&mut self, time_us: i64) -> Segment {
        if time_us < self.segment.from_us || self.segment.until_us <= time_us {
            // At the ends of the calendar nothing changes any more.
            let end = if time_us < 0 { Timestamp::MIN } else { Timestamp::MAX };
            let time = Timestamp::from_microsecond(time_us).unwrap_or(end);
            let after = Timestamp::from_microsecond(time_us.saturating_add(1)).unwrap_or(end);
            let micros = |transition: jiff::tz::TimeZoneTransition<'_>| transition.timestamp().as_microsecond();
            self.segment = Segment {
                from_us: self.zone.preceding(after).next().map_or(i64::MIN, micros),
                until_us: self.zone.following(time).next().map_or(i64::MAX, micros),
                offset_us: i64::from(self.zone.to_offset(time).seconds()) * 1_000_000,
            };
        }
        self.segment
    }

    /// Whole days. A day lasts until the clock first shows the next one, and does not begin again when the clock is set back.
    fn days_around(&mut self, time_us: i64, days: i64) -> Bounds {
        let local_us = time_us + self.segment_at(time_us).offset_us;
        let mut block = (local_us.div_euclid(DAY_US) - FIRST_MONDAY).div_euclid(days);
        let mut begin = |block: i64| self.first_instant((block * days).saturating_add(FIRST_MONDAY).saturating_mul(DAY_US));
        let mut bounds = Bounds { start_us: begin(block), end_us: begin(block + 1) };
        while bounds.end_us <= time_us {
            block += 1;
            bounds = Bounds { start_us: bounds.end_us, end_us: begin(block + 1) };
        }
        bounds
    }

    /// When the local clock first showed this time or a later one; `local_us` is that time as if it were UTC.
    fn first_instant(&mut self, local_us: i64) -> i64 {
        let mut segment = self.segment_at(local_us.saturating_sub(BEYOND_OFFSETS_US));
        loop {
            let instant_us = local_us.saturating_sub(segment.offset_us).max(segment.from_us);
            if instant_us < segment.until_us || segment.until_us == i64::MAX {
                return instant_us;
            }
            segment = self.segment_at(segment.until_us);
        }
    }

    /// Between two instants at which the local clock shows a multiple. Where it jumps over one, the window goes on to the next.
    fn multiples_around(&mut self, time_us: i64, size_us: i64) -> Bounds {
        let (mut segment, mut at_us) = (self.segment_at(time_us), time_us);
        let start_us = loop {
            let multiple_us = floor(at_us + segment.offset_us, size_us) - segment.offset_us;
            if multiple_us >= segment.from_us {
                break multiple_us;
            }
            at_us = segment.from_us - 1;
            segment = self.segment_at(at_us);
        };
        (segment, at_us) = (self.segment_at(time_us), time_us);
        let end_us = loop {
            let multiple_us = floor(at_us + segment.offset_us, size_us) + size_us - segment.offset_us;
            if multiple_us < segment.until_us {
                break multiple_us;
            }
            // The transition itself may be one.
            segment = self.segment_at(segment.until_us);
            at_us = segment.from_us - 1;
        };
        Bounds { start_us, end_us }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tumbling(size: &str, zone: &str) -> Tumbling {
        Tumbling::new(size.parse().unwrap(), zone).unwrap()
    }

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    /// The windows from the one at `from` on, each as its beginning in UTC and its length in minutes.
    fn windows(size: &str, zone: &str, from: &str, count: usize) -> Vec<(String, i64)> {
        let mut tumbling = tumbling(size, zone);
        let mut time = EventTime(at(from));
        let next = || {
            let bounds = tumbling.bounds(time);
            time = EventTime(bounds.end_us);
            (EventTime(bounds.start_us).to_string(), (bounds.end_us - bounds.start_us) / 60_000_000)
        };
        std::iter::repeat_with(next).take(count).collect()
    }

    fn expected(windows: &[(&str, i64)]) -> Vec<(String, i64)> {
        windows.iter().map(|&(start, minutes)| (start.to_owned(), minutes)).collect()
    }

    #[test]
    fn utc_is_aligned_to_the_epoch_before_it_too() {
        let mut tumbling = tumbling("30s", "UTC");
        for (time, start) in [(-1, -30), (-30_000_000, -30), (-30_000_001, -60), (29_999_999, 0), (30_000_000, 30)] {
            let start_us = start * 1_000_000;
            assert_eq!(tumbling.bounds(EventTime(time)), Bounds { start_us, end_us: start_us + 30_000_000 }, "{time} µs");
        }
        assert_eq!(windows("7d", "UTC", "1969-12-31T00:00:00Z", 1), expected(&[("1969-12-25T00:00:00Z", 7 * 24 * 60)]));
    }

    #[test]
    fn days_in_berlin_have_23_24_and_25_hours() {
        let spring = expected(&[("2025-03-29T23:00:00Z", 23 * 60), ("2025-03-30T22:00:00Z", 24 * 60)]);
        assert_eq!(windows("1d", "Europe/Berlin", "2025-03-30T10:00:00Z", 2), spring);
        let autumn = expected(&[("2025-10-25T22:00:00Z", 25 * 60), ("2025-10-26T23:00:00Z", 24 * 60)]);
        assert_eq!(windows("1d", "Europe/Berlin", "2025-10-26T10:00:00Z", 2), autumn);
        // Mondays; the second has the Sunday of 23 hours.
        let weeks = expected(&[("2025-03-16T23:00:00Z", 168 * 60), ("2025-03-23T23:00:00Z", 167 * 60)]);
        assert_eq!(windows("7d", "Europe/Berlin", "2025-03-20T00:00:00Z", 2), weeks);
        assert_eq!(windows("7d", "Europe/Berlin", "1970-01-01T00:00:00Z", 1), expected(&[("1969-12-28T23:00:00Z", 168 * 60)]));
    }

    #[test]
    fn a_repeated_hour_is_two_and_a_skipped_one_none() {
        let autumn = expected(&[
            ("2025-10-25T23:00:00Z", 60),
            ("2025-10-26T00:00:00Z", 60),
            ("2025-10-26T01:00:00Z", 60),
            ("2025-10-26T02:00:00Z", 60),
        ]);
        assert_eq!(windows("1h", "Europe/Berlin", "2025-10-25T23:59:00Z", 4), autumn);
        let spring = expected(&[("2025-03-30T00:00:00Z", 60), ("2025-03-30T01:00:00Z", 60)]);
        assert_eq!(windows("1h", "Europe/Berlin", "2025-03-30T00:01:00Z", 2), spring);
        // 2 o'clock is skipped, and at 3 a window of two hours does not begin.
        let spring = expected(&[("2025-03-29T23:00:00Z", 3 * 60), ("2025-03-30T02:00:00Z", 120)]);
        assert_eq!(windows("2h", "Europe/Berlin", "2025-03-30T01:30:00Z", 2), spring);
    }

    #[test]
    fn half_an_hour_of_daylight_saving_lengthens_a_window() {
        // Back from 2:00 to 1:30: the clock shows 1:00, 2:00 is not reached, 1:30 is no multiple, then 2:00.
        let autumn = expected(&[("2025-04-05T14:00:00Z", 90), ("2025-04-05T15:30:00Z", 60)]);
        assert_eq!(windows("1h", "Australia/Lord_Howe", "2025-04-05T15:10:00Z", 2), autumn);
        // On from 2:00 to 2:30.
        let spring = expected(&[("2025-10-04T14:30:00Z", 90), ("2025-10-04T16:00:00Z", 60)]);
        assert_eq!(windows("1h", "Australia/Lord_Howe", "2025-10-04T15:30:00Z", 2), spring);
        let halves = expected(&[("2025-04-05T14:30:00Z", 30), ("2025-04-05T15:00:00Z", 30), ("2025-04-05T15:30:00Z", 30)]);
        assert_eq!(windows("30m", "Australia/Lord_Howe", "2025-04-05T14:30:00Z", 3), halves);
        let day = expected(&[("2025-04-05T13:00:00Z", 24 * 60 + 30)]);
        assert_eq!(windows("1d", "Australia/Lord_Howe", "2025-04-05T20:00:00Z", 1), day);
    }

    #[test]
    fn a_day_without_midnight_begins_with_its_first_instant() {
        let day = expected(&[("2018-11-03T03:00:00Z", 24 * 60), ("2018-11-04T03:00:00Z", 23 * 60)]);
        assert_eq!(windows("1d", "America/Sao_Paulo", "2018-11-03T12:00:00Z", 2), day);
        let day = expected(&[("2023-04-26T22:00:00Z", 24 * 60), ("2023-04-27T22:00:00Z", 23 * 60)]);
        assert_eq!(windows("1d", "Africa/Cairo", "2023-04-27T12:00:00Z", 2), day);
        // A shorter window goes on through it: the clock shows 1 o'clock.
        let gap = expected(&[("2018-11-03T15:00:00Z", 23 * 60)]);
        assert_eq!(windows("12h", "America/Sao_Paulo", "2018-11-04T03:30:00Z", 1), gap);
    }

    #[test]
    fn a_day_is_not_begun_again_by_a_clock_that_is_set_back_over_midnight() {
        // Newfoundland, 2006: from 0:01 back to 23:01 of the day before.
        let days = expected(&[("2006-10-28T02:30:00Z", 24 * 60), ("2006-10-29T02:30:00Z", 25 * 60)]);
        assert_eq!(windows("1d", "America/St_Johns", "2006-10-28T12:00:00Z", 2), days);
        // Samoa had no 30th of December 2011.
        let days = expected(&[("2011-12-29T10:00:00Z", 24 * 60), ("2011-12-30T10:00:00Z", 24 * 60)]);
        assert_eq!(windows("1d", "Pacific/Apia", "2011-12-29T12:00:00Z", 2), days);
    }

    #[test]
    fn sizes_and_zones_that_do_not_go_are_refused_by_name() {
        let refused = |size: &str, zone: &str| Tumbling::new(size.parse().unwrap(), zone).unwrap_err();
        assert!(refused("0s", "UTC").contains("`window.size`"));
        assert!(refused("36h", "Europe/Berlin").contains("`window.size` 36h"));
        assert!(refused("7m", "Europe/Berlin").contains("`window.time_zone` Europe/Berlin"));
        let nearest = "`window.time_zone` \"Europe/Berln\" is no IANA time zone: did you mean `Europe/Berlin`?";
        assert_eq!(refused("1h", "Europe/Berln"), nearest);
        tumbling("7m", "UTC");
    }

    const ZONES: [&str; 9] = [
        "UTC",
        "Europe/Berlin",
        "Australia/Lord_Howe",
        "America/Sao_Paulo",
        "America/St_Johns",
        "Pacific/Apia",
        "Africa/Monrovia",
        "Asia/Kathmandu",
        "Etc/GMT+12",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn windows_part_the_line_of_time(
            zone in proptest::sample::select(&ZONES[..]),
            size in proptest::sample::select(&["30s", "15m", "90m", "1h", "6h", "12h", "1d", "3d", "7d", "30d"][..]),
            seconds in prop_oneof![-3_000_000_000i64..4_000_000_000, -62_135_596_800i64..253_402_300_799],
            micros in 0i64..1_000_000,
        ) {
            let time_us = seconds * 1_000_000 + micros;
            let mut tumbling = tumbling(size, zone);
            let bounds = tumbling.bounds(EventTime(time_us));
            prop_assert!(bounds.start_us <= time_us && time_us < bounds.end_us, "{:?}", bounds);
            let fresh = || Tumbling::new(size.parse().unwrap(), zone).unwrap();
            prop_assert_eq!(fresh().bounds(EventTime(bounds.start_us)), bounds);
            prop_assert_eq!(fresh().bounds(EventTime(bounds.end_us - 1)), bounds);
            prop_assert_eq!(fresh().bounds(EventTime(bounds.end_us)).start_us, bounds.end_us);
            prop_assert_eq!(fresh().bounds(EventTime(bounds.start_us - 1)).end_us, bounds.start_us);
            prop_assert_eq!(tumbling.bounds(EventTime(time_us)), bounds);
        }
    }
}
