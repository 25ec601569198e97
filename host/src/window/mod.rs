//! Tumbling windows of event time, for each building, under a watermark of its own.
//!
//! A building's watermark is the latest event time among its readings. A window is final when the watermark reaches its end;
//! until `allowed_lateness` later a reading that belongs to it corrects it. Pure: no clock, no I/O.

mod accumulator;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

pub use accumulator::Accumulator;

use crate::domain::{BuildingId, EventTime};

/// One window of one building.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Inclusive, microseconds since the epoch.
    pub start_us: i64,
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
    /// Differs from what [`Windows::take_changes`] last gave.
    #[serde(skip)]
    changed: bool,
    /// Was given by it, so that its end has to be told too.
    #[serde(skip)]
    given: bool,
}

/// What is known of a building beside its windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BuildingTime {
    /// The latest event time among its readings, microseconds since the epoch.
    pub watermark_us: Option<i64>,
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

/// What became of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// In its window.
    Accepted,
    /// Its window is past correcting: dead letter `late`.
    TooLate {
        /// The building's watermark.
        watermark: EventTime,
    },
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Building {
    time: BuildingTime,
    /// Ascending by start; a handful open or correctable.
    windows: VecDeque<Window>,
    changed: bool,
    /// Starts of windows that were given as a change and are past correcting.
    forgotten: Vec<i64>,
}

/// The windows of a lane's buildings.
#[derive(Clone, Debug, PartialEq)]
pub struct Windows {
    size_us: i64,
    allowed_lateness_us: i64,
    measures: usize,
    buildings: Vec<Building>,
}

impl Windows {
    /// Windows of `size_us`, corrected until `allowed_lateness_us` after their end, over `measures` measures.
    #[must_use]
    pub fn new(size_us: i64, allowed_lateness_us: i64, measures: usize) -> Self {
        Self { size_us, allowed_lateness_us, measures, buildings: Vec::new() }
    }

    /// Length of a window in microseconds.
    #[must_use]
    pub fn size_us(&self) -> i64 {
        self.size_us
    }

    /// Puts a reading into its window; `publish` gets each window that became final or was corrected by it.
    pub fn place(
        &mut self,
        building: BuildingId,
        time: EventTime,
        value: impl Fn(usize) -> f64,
        mut publish: impl FnMut(BuildingId, &Window),
    ) -> Placed {
        let index = building.0 as usize;
        if index >= self.buildings.len() {
            self.buildings.resize_with(index + 1, Building::default);
        }
        let state = &mut self.buildings[index];
        let start_us = time.window_start(self.size_us).0;
        let end_us = start_us + self.size_us;
        if let Some(watermark_us) = state.time.watermark_us
            && end_us + self.allowed_lateness_us <= watermark_us
        {
            return Placed::TooLate { watermark: EventTime(watermark_us) };
        }
        if state.time.watermark_us.is_none_or(|watermark_us| time.0 > watermark_us) {
            state.time.watermark_us = Some(time.0);
            state.changed = true;
            advance(state, time.0, self.size_us, self.allowed_lateness_us, |window| publish(building, window));
        }
        let watermark_us = state.time.watermark_us.expect("set just above for a first reading");
        let window = find_or_insert(&mut state.windows, start_us, self.measures);
        for (measure, accumulator) in window.measures.iter_mut().enumerate() {
            accumulator.add(value(measure));
        }
        window.count += 1;
        window.unpublished = true;
        window.changed = true;
        if end_us <= watermark_us {
            if window.is_final {
                window.revision += 1;
            }
            window.is_final = true;
            window.unpublished = false;
            publish(building, window);
        }
        Placed::Accepted
    }

    /// Gives each open window that has unpublished readings to `publish`.
    pub fn publish_open(&mut self, mut publish: impl FnMut(BuildingId, &Window)) {
        for (index, building) in self.buildings.iter_mut().enumerate() {
            // Newest first: what is open stands at the end.
            for window in building.windows.iter_mut().rev().take_while(|w| !w.is_final).filter(|w| w.unpublished) {
                window.unpublished = false;
                publish(BuildingId(u32::try_from(index).expect("a building's number is 32 bits")), window);
            }
        }
    }

    /// Gives what differs from what was given before, or restored. A window that was never given is not told to be forgotten.
    pub fn take_changes(&mut self, mut take: impl FnMut(Change<'_>)) {
        for (building, state) in (0..).map(BuildingId).zip(&mut self.buildings) {
            if std::mem::take(&mut state.changed) {
                take(Change::Time(building, &state.time));
            }
            state.forgotten.drain(..).for_each(|start_us| take(Change::Forgotten(building, start_us)));
            for window in state.windows.iter_mut().filter(|window| window.changed) {
                (window.changed, window.given) = (false, true);
                take(Change::Window(building, window));
            }
        }
    }

    /// A building's time, as it was given.
    pub fn restore_time(&mut self, building: BuildingId, time: BuildingTime) {
        self.building(building).time = time;
    }

    /// A window, as it was given; windows come in any order.
    pub fn restore_window(&mut self, building: BuildingId, mut window: Window) {
        window.given = true;
        let windows = &mut self.building(building).windows;
        match windows.binary_search_by_key(&window.start_us, |w| w.start_us) {
            Ok(at) => windows[at] = window,
            Err(at) => windows.insert(at, window),
        }
    }

    fn building(&mut self, building: BuildingId) -> &mut Building {
        let index = building.0 as usize;
        if index >= self.buildings.len() {
            self.buildings.resize_with(index + 1, Building::default);
        }
        &mut self.buildings[index]
    }

    /// The latest of the watermarks of buildings, for the lane's metric.
    #[must_use]
    pub fn watermark(&self) -> Option<EventTime> {
        self.buildings.iter().filter_map(|b| b.time.watermark_us).max().map(EventTime)
    }

    /// Windows held in memory, open and correctable.
    #[must_use]
    pub fn len(&self) -> usize {
        self.buildings.iter().map(|b| b.windows.len()).sum()
    }

    /// True before the first reading.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Closes what ends at or before the watermark and forgets what is past correcting.
fn advance(state: &mut Building, watermark_us: i64, size_us: i64, lateness_us: i64, mut publish: impl FnMut(&Window)) {
    // What is open stands at the end; many more may be correctable.
    let open = state.windows.iter().rev().take_while(|window| !window.is_final).count();
    let first_open = state.windows.len() - open;
    for window in state.windows.range_mut(first_open..).take_while(|window| window.start_us + size_us <= watermark_us) {
        window.is_final = true;
        window.unpublished = false;
        window.changed = true;
        publish(window);
    }
    while state.windows.front().is_some_and(|w| w.start_us + size_us + lateness_us <= watermark_us) {
        let forgotten = state.windows.pop_front().filter(|window| window.given);
        state.forgotten.extend(forgotten.map(|window| window.start_us));
    }
}

fn find_or_insert(windows: &mut VecDeque<Window>, start_us: i64, measures: usize) -> &mut Window {
    // Nearly every reading belongs to the newest window.
    let at = match windows.back() {
        Some(newest) if newest.start_us == start_us => windows.len() - 1,
        _ => match windows.binary_search_by_key(&start_us, |w| w.start_us) {
            Ok(at) => at,
            Err(at) => {
                let measures = smallvec::smallvec![Accumulator::default(); measures];
                let new = Window { start_us, measures, ..Window::default() };
                windows.insert(at, new);
                at
            }
        },
    };
    &mut windows[at]
}

#[cfg(test)]
mod tests;
