//! Tumbling windows of event time, for each building, under a watermark of its own.
//!
//! A building's watermark is the latest event time among its readings. A window is final when the watermark reaches its end, or when
//! the lane's input has gone on without the building; until `allowed_lateness` after its end a reading corrects it. When the
//! watermark jumps by more than that, the building was silent, and what it has not said yet is not late ([`BuildingTime`]). Pure: no
//! clock, no I/O.

mod accumulator;
mod building;
mod idle;
mod rules;
mod seen;
mod spread;
mod time;
mod tumbling;

use serde::{Deserialize, Serialize};

pub use accumulator::Accumulator;
pub use rules::Rules;
pub use spread::Plan;
pub use time::{BuildingTime, Silence};
pub use tumbling::{Bounds, Tumbling};

use crate::domain::{BuildingId, EventTime, Fingerprint};
use building::Building;
use idle::Idle;
use seen::Seen;

/// One window of one building.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Inclusive, microseconds since the epoch.
    pub start_us: i64,
    /// Exclusive, likewise.
    pub end_us: i64,
    /// Readings so far.
    pub count: u64,
    /// 0, then one more with each correction after it was final.
    pub revision: u32,
    /// No longer open.
    pub is_final: bool,
    /// Has readings that no published row has.
    pub unpublished: bool,
    /// One for each measure.
    pub measures: smallvec::SmallVec<[Accumulator; 2]>,
    /// Its readings, where repeats are dropped.
    seen: Seen,
    /// Has shares of a gap's growth that no published row has.
    #[serde(skip)]
    corrected: bool,
    /// Differs from what [`Windows::take_changes`] last gave.
    #[serde(skip)]
    changed: bool,
    /// Was given by it, so that its end has to be told too.
    #[serde(skip)]
    given: bool,
}

impl Window {
    /// One more reading; `has_ended`: the watermark is not before the window's end.
    fn count(&mut self, value: impl Fn(usize) -> f64, has_ended: bool) {
        for (measure, accumulator) in self.measures.iter_mut().enumerate() {
            accumulator.add(value(measure));
        }
        self.count += 1;
        self.changed = true;
        self.revision += u32::from(self.is_final);
        self.is_final |= has_ended;
        self.unpublished = !self.is_final;
        self.corrected = false;
    }

    /// A share of growth, which is no reading. The window has ended.
    fn share(&mut self, measure: usize, share: f64) {
        self.measures[measure].add_share(share);
        self.changed = true;
        self.corrected = true;
        self.revision += u32::from(self.is_final);
        self.is_final = true;
        self.unpublished = false;
    }
}

/// A difference to what was known before.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// A building's time.
    Time(BuildingId, &'a BuildingTime),
    /// A window is new or another.
    Window(BuildingId, &'a Window),
    /// The window of that start, microseconds since the epoch, is past correcting.
    Forgotten(BuildingId, i64),
}

/// A reading beside its values.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Whose windows it belongs to.
    pub building: BuildingId,
    /// Of its meter's name and all that it says.
    pub said: Fingerprint,
    /// When it was taken.
    pub time: EventTime,
    /// Of its Kafka record, milliseconds since the epoch; negative: not known.
    pub record_time_ms: i64,
}

/// What became of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// In its window.
    Accepted,
    /// Its window is past correcting: dead letter `late`.
    TooLate {
        /// When the window ended.
        window_end: EventTime,
        /// The building's watermark.
        watermark: EventTime,
    },
    /// Its window has it already: dead letter `repeat`.
    Repeat,
}

/// The windows of a lane's buildings.
#[derive(Clone, Debug)]
pub struct Windows {
    rules: Rules,
    idle: Idle,
    buildings: Vec<Building>,
    /// Those that have something to tell.
    changed: Vec<BuildingId>,
    /// Windows that have had shares, by building and start.
    corrected: Vec<(BuildingId, i64)>,
}

/// What is known; not what of it was told.
impl PartialEq for Windows {
    fn eq(&self, other: &Self) -> bool {
        self.buildings == other.buildings
    }
}

impl Windows {
    /// Without a reading yet.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self { idle: Idle::new(rules.idle_after_ms), rules, buildings: Vec::new(), changed: Vec::new(), corrected: Vec::new() }
    }

    /// Puts a reading into its window; `publish` gets each window that became final or was corrected by it.
    ///
    /// Is it late? Is it a repeat? A reading that is either changes nothing at all. Else its record's time may close windows of
    /// buildings that have been silent, its own among them; then it moves the watermark, and then it is counted.
    pub fn place(
        &mut self,
        reading: Reading,
        value: impl Fn(usize) -> f64,
        mut publish: impl FnMut(BuildingId, &Window),
    ) -> Placed {
        let id = reading.building;
        let bounds = self.rules.tumbling.bounds(reading.time);
        let building = building(&mut self.buildings, id);
        if let Some(too_late) = building.too_late(bounds) {
            return too_late;
        }
        let fingerprint = self.rules.drop_repeats.then_some(reading.said);
        if let Some(fingerprint) = fingerprint
            && let Some(window) = building.window(bounds.start_us)
            && !window.seen.insert(fingerprint)
        {
            return Placed::Repeat;
        }

        if self.idle.hear((reading.record_time_ms >= 0).then_some(reading.record_time_ms)) {
            for id in self.idle.due(&mut self.buildings) {
                let building = &mut self.buildings[id.0 as usize];
                building.close().into_iter().for_each(|window| publish(id, window));
                list(&mut self.changed, id, building);
            }
        }
        let building = &mut self.buildings[id.0 as usize];
        let time = building.time;
        building.time.record_time_ms = self.idle.now_ms();
        if time.watermark_us.is_none_or(|watermark_us| reading.time.0 > watermark_us) {
            building.advance(reading.time.0, &self.rules, |window| publish(id, window));
        }
        building.time_changed |= building.time != time;
        list(&mut self.changed, id, building);

        let watermark_us = building.time.watermark_us;
        let window = building.window_or_new(bounds, self.rules.measures);
        if let Some(fingerprint) = fingerprint
            && window.count == 0
        {
            window.seen.insert(fingerprint);
        }
        window.count(value, Some(bounds.end_us) <= watermark_us);
        if window.is_final {
            publish(id, window);
        }
        if building.is_open() {
            self.idle.wait_for(id, building, None);
        }
        Placed::Accepted
    }

    /// What would become of a reading. No window changes.
    #[must_use]
    pub fn check(&mut self, reading: &Reading) -> Placed {
        let bounds = self.rules.tumbling.bounds(reading.time);
        let Some(building) = self.buildings.get(reading.building.0 as usize) else { return Placed::Accepted };
        if let Some(too_late) = building.too_late(bounds) {
            return too_late;
        }
        match building.known(bounds.start_us).filter(|_| self.rules.drop_repeats) {
            Some(window) if window.seen.contains(reading.said) => Placed::Repeat,
            _ => Placed::Accepted,
        }
    }

    /// Gives each open window that has unpublished readings to `publish`.
    pub fn publish_open(&mut self, mut publish: impl FnMut(BuildingId, &Window)) {
        for (id, building) in (0..).map(BuildingId).zip(&mut self.buildings) {
            building.publish_open().into_iter().for_each(|window| publish(id, window));
        }
    }

    /// Gives what differs from what was given before, or restored. A window that was never given is not told to be forgotten.
    pub fn take_changes(&mut self, mut take: impl FnMut(Change<'_>)) {
        for id in self.changed.drain(..) {
            let building = &mut self.buildings[id.0 as usize];
            building.listed = false;
            building.take_changes(id, &mut take);
        }
    }

    /// A building's time, as it was given.
    pub fn restore_time(&mut self, id: BuildingId, time: BuildingTime) {
        building(&mut self.buildings, id).time = time;
        self.idle.hear(time.record_time_ms);
    }

    /// A window, as it was given; windows come in any order.
    pub fn restore_window(&mut self, id: BuildingId, mut window: Window) {
        window.given = true;
        let building = building(&mut self.buildings, id);
        building.restore(window);
        if building.is_open() {
            // Its building's time may come later: the next reading looks at it.
            self.idle.wait_for(id, building, Some(i64::MIN));
        }
    }

    /// The latest of the watermarks of buildings, for the lane's metric.
    #[must_use]
    pub fn watermark(&self) -> Option<EventTime> {
        self.watermarks().flatten().max()
    }

    /// Of each building, in the order of their numbers, the latest event time.
    pub fn watermarks(&self) -> impl Iterator<Item = Option<EventTime>> {
        self.buildings.iter().map(|building| building.time.watermark_us.map(EventTime))
    }

    /// Windows held in memory, open and correctable.
    #[must_use]
    pub fn len(&self) -> usize {
        self.buildings.iter().map(Building::len).sum()
    }

    /// True before the first reading.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn building(buildings: &mut Vec<Building>, id: BuildingId) -> &mut Building {
    let index = id.0 as usize;
    if index >= buildings.len() {
        buildings.resize_with(index + 1, Building::default);
    }
    &mut buildings[index]
}

fn list(changed: &mut Vec<BuildingId>, id: BuildingId, building: &mut Building) {
    if !std::mem::replace(&mut building.listed, true) {
        changed.push(id);
    }
}

#[cfg(test)]
mod tests;
