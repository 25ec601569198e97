//! A pass over a whole file before anything is done with it: what is read, rejected, out of order, doubled and missing.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::tz::TimeZone;

use super::{NAMED_LINES, ReadingsFile, Record, Skipped};
use crate::decode::Decoder;
use crate::domain::{Batch, EventTime, Message, MeterId, MeterTable, Reason, Reject};

/// Readings whose meter and time are remembered, to find those that come twice.
const REMEMBERED: usize = 4_000_000;
/// Different lengths between two readings that are counted.
const STEPS: usize = 10_000;

/// Records of one reason that are no readings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rejected {
    pub(crate) count: u64,
    /// The first of them.
    pub(crate) lines: Vec<u64>,
    pub(crate) first: String,
}

/// What a pass over a file found.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) records: u64,
    pub(crate) readings: u64,
    pub(crate) rejected: BTreeMap<&'static str, Rejected>,
    pub(crate) skipped: Skipped,
    pub(crate) first: Option<EventTime>,
    pub(crate) last: Option<EventTime>,
    /// Readings earlier than one before them.
    pub(crate) out_of_order: u64,
    /// Readings that a window would no longer take: further behind the building's latest than that.
    pub(crate) late: u64,
    /// Readings of a meter and a time that were there before.
    pub(crate) doubled: u64,
    /// The earliest and the latest time of those.
    doubled_within: Option<(EventTime, EventTime)>,
    /// Lengths of time between two readings of a meter, with how often there were.
    steps: HashMap<i64, u64>,
    /// The first record without a building: its line, and why it is none.
    pub(crate) nameless: Option<(u64, Reason)>,
    /// Readings of local hours that the clock goes through twice.
    pub(crate) ambiguous: u64,
    pub(crate) buildings: usize,
    pub(crate) meters: usize,
    /// The file's first and last reading by their place.
    edges: Option<(EventTime, EventTime)>,
}

impl Checked {
    pub(crate) fn rejected_count(&self) -> u64 {
        self.rejected.values().map(|rejected| rejected.count).sum()
    }

    fn reject(&mut self, line: u64, reject: &Reject) {
        let rejected = self.rejected.entry(reject.reason.word()).or_default();
        rejected.count += 1;
        if rejected.lines.len() < NAMED_LINES {
            rejected.lines.push(line);
        }
        if rejected.first.is_empty() {
            rejected.first.clone_from(&reject.message);
        }
    }

    /// The usual time between two readings of a meter, microseconds.
    pub(crate) fn step_us(&self) -> Option<i64> {
        self.steps.iter().filter(|(step, _)| **step > 0).max_by_key(|(step, count)| (**count, -**step)).map(|(step, _)| *step)
    }

    /// Readings that the usual step says are not there.
    pub(crate) fn missing(&self) -> u64 {
        let Some(step) = self.step_us() else { return 0 };
        self.steps.iter().filter(|(gap, _)| **gap > step).map(|(gap, count)| (gap / step - 1).unsigned_abs() * count).sum()
    }

    /// True where all readings that come twice are in an hour in which clocks are set back somewhere: local times that were taken as
    /// UTC.
    pub(crate) fn doubled_where_clocks_go_back(&self) -> bool {
        let Some((first, last)) = self.doubled_within else { return false };
        let civil = |time: EventTime| jiff::Timestamp::from_microsecond(time.0).ok().map(|time| TimeZone::UTC.to_datetime(time));
        let (Some(from), Some(to)) = (civil(first), civil(last)) else { return false };
        from.weekday() == jiff::civil::Weekday::Sunday
            && (from.date(), from.hour()) == (to.date(), to.hour())
            && from.hour() < 4
            && [3, 4, 10, 11].contains(&from.month())
    }

    /// True where the times look like ends of intervals: the first one a step after midnight, the last one at midnight.
    pub(crate) fn looks_stamped_at_end(&self, time_zone: &str) -> bool {
        let (Some((first, last)), Some(step)) = (self.edges, self.step_us()) else { return false };
        let zone = TimeZone::get(time_zone).unwrap_or(TimeZone::UTC);
        let of_day = |time: EventTime| {
            let civil = zone.to_datetime(jiff::Timestamp::from_microsecond(time.0).ok()?).time();
            Some(civil.duration_since(jiff::civil::Time::midnight()).as_micros() as i64)
        };
        step < 86_400_000_000 && of_day(first) == Some(step) && of_day(last) == Some(0) && last > first
    }
}

/// Reads the whole file. `lateness_us`: how far behind its building's latest reading one is taken.
pub(crate) fn check(file: &ReadingsFile, lateness_us: i64, mut progress: impl FnMut(u64)) -> anyhow::Result<Checked> {
    let mut checked = Checked::default();
    let mut decoder = Decoder::new(&file.input);
    let (mut meters, mut batch) = (MeterTable::default(), Batch::new(file.input.measures.len()));
    let mut times = Times {
        lateness_us,
        zone: TimeZone::get(&file.input.time_zone).ok().filter(|zone| *zone != TimeZone::UTC),
        latest: Vec::new(),
        by_meter: Vec::new(),
        seen: HashSet::new(),
    };
    checked.skipped = file.for_each(|Record { line, json }| {
        checked.records += 1;
        if checked.records.is_multiple_of(10_000) {
            progress(checked.records);
        }
        batch.clear();
        let message = Message::of(json);
        let mut reason = None;
        decoder.decode_each(&message, &mut meters, &mut batch, |_, reject| {
            reason.get_or_insert(reject.reason);
            checked.reject(line, &reject);
        });
        if let Some(reason) = reason.filter(|_| batch.is_empty())
            && decoder.building(&message).is_none()
        {
            checked.nameless.get_or_insert((line, reason));
        }
        for row in 0..batch.len() {
            times.add(&mut checked, &meters, batch.meters[row], batch.event_time(row));
        }
        Ok(())
    })?;
    checked.buildings = meters.buildings().len();
    checked.meters = meters.count();
    Ok(checked)
}

/// What is remembered of the readings so far.
struct Times {
    lateness_us: i64,
    zone: Option<TimeZone>,
    /// The latest time of each building.
    latest: Vec<EventTime>,
    /// The time of each meter's last reading.
    by_meter: Vec<EventTime>,
    seen: HashSet<(u32, i64)>,
}

impl Times {
    fn add(&mut self, checked: &mut Checked, meters: &MeterTable, meter: MeterId, time: EventTime) {
        checked.readings += 1;
        let building = meters.meter(meter).building.0 as usize;
        let meter = meter.0 as usize;
        self.latest.resize(self.latest.len().max(building + 1), EventTime::MIN);
        self.by_meter.resize(self.by_meter.len().max(meter + 1), EventTime::MIN);
        checked.out_of_order += u64::from(checked.last.is_some_and(|last| time < last));
        checked.late += u64::from(time.0 < self.latest[building].0.saturating_sub(self.lateness_us));
        self.latest[building] = self.latest[building].max(time);
        checked.first = Some(checked.first.map_or(time, |first| first.min(time)));
        checked.last = Some(checked.last.map_or(time, |last| last.max(time)));
        checked.edges = Some((checked.edges.map_or(time, |(first, _)| first), time));
        if self.seen.len() < REMEMBERED && !self.seen.insert((meter as u32, time.0)) {
            checked.doubled += 1;
            checked.doubled_within =
                Some(checked.doubled_within.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
        } else if self.by_meter[meter] != EventTime::MIN {
            let step = (time.0 - self.by_meter[meter].0).abs();
            if checked.steps.len() < STEPS || checked.steps.contains_key(&step) {
                *checked.steps.entry(step).or_default() += 1;
            }
        }
        self.by_meter[meter] = time;
        if let Some(zone) = &self.zone
            && let Ok(instant) = jiff::Timestamp::from_microsecond(time.0)
        {
            let civil = zone.to_datetime(instant);
            checked.ambiguous += u64::from(zone.to_ambiguous_timestamp(civil).is_ambiguous());
        }
    }
}
