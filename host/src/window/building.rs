//! One building: its time, and the windows that can still change.

use std::collections::VecDeque;

use super::seen::Seen;
use super::{Accumulator, Bounds, BuildingTime, Change, Placed, Rules, Window};
use crate::domain::{BuildingId, EventTime};

#[derive(Clone, Debug, Default)]
pub(super) struct Building {
    pub(super) time: BuildingTime,
    /// Ascending by start. None but the newest is open, since it alone can hold the watermark.
    windows: VecDeque<Window>,
    pub(super) time_changed: bool,
    /// Starts of windows that were given as a change and are past correcting.
    forgotten: Vec<i64>,
    /// Is among the lane's changed buildings.
    pub(super) listed: bool,
    /// Has a deadline of [`super::idle::Idle`].
    pub(super) awaited: bool,
}

/// What is known; not what of it was told.
impl PartialEq for Building {
    fn eq(&self, other: &Self) -> bool {
        self.time == other.time && self.windows == other.windows
    }
}

impl Building {
    pub(super) fn len(&self) -> usize {
        self.windows.len()
    }

    pub(super) fn is_open(&self) -> bool {
        self.windows.back().is_some_and(|window| !window.is_final)
    }

    /// The open window, if there is one and it has unpublished readings; they count as published.
    pub(super) fn publish_open(&mut self) -> Option<&Window> {
        let window = self.windows.back_mut().filter(|window| !window.is_final && window.unpublished)?;
        window.unpublished = false;
        Some(window)
    }

    /// Makes the open window final, if there is one.
    pub(super) fn close(&mut self) -> Option<&Window> {
        let window = self.windows.back_mut().filter(|window| !window.is_final)?;
        window.is_final = true;
        window.unpublished = false;
        window.changed = true;
        window.seen.settle();
        Some(window)
    }

    /// A reading later than all before: gives the window that ends with it, and forgets what is past correcting.
    pub(super) fn advance(&mut self, time_us: i64, rules: &Rules, mut publish: impl FnMut(&Window)) {
        self.time.advance(time_us, rules);
        if self.windows.back().is_some_and(|window| window.end_us <= time_us)
            && let Some(window) = self.close()
        {
            publish(window);
        }
        while self.windows.front().is_some_and(|window| self.time.is_past(window.end_us)) {
            let forgotten = self.windows.pop_front();
            forgotten.iter().filter(|window| window.corrected).for_each(&mut publish);
            let forgotten = forgotten.filter(|window| window.given);
            self.forgotten.extend(forgotten.map(|window| window.start_us));
        }
    }

    fn find(&self, start_us: i64) -> Result<usize, usize> {
        match self.windows.back() {
            // Nearly every reading belongs to the newest window.
            Some(newest) if newest.start_us == start_us => Ok(self.windows.len() - 1),
            _ => self.windows.binary_search_by_key(&start_us, |window| window.start_us),
        }
    }

    /// The answer to a reading of a window that is past correcting.
    pub(super) fn too_late(&self, bounds: Bounds) -> Option<Placed> {
        let watermark_us = self.time.watermark_us.filter(|_| self.time.is_past(bounds.end_us))?;
        Some(Placed::TooLate { window_end: EventTime(bounds.end_us), watermark: EventTime(watermark_us) })
    }

    pub(super) fn known(&self, start_us: i64) -> Option<&Window> {
        self.find(start_us).ok().map(|at| &self.windows[at])
    }

    pub(super) fn window(&mut self, start_us: i64) -> Option<&mut Window> {
        self.find(start_us).ok().map(|at| &mut self.windows[at])
    }

    /// The window of these bounds, known or new.
    pub(super) fn window_or_new(&mut self, bounds: Bounds, measures: usize) -> &mut Window {
        let at = self.find(bounds.start_us).unwrap_or_else(|at| {
            let is_newest = at == self.windows.len();
            let before = self.windows.back().filter(|_| is_newest);
            let new = Window {
                start_us: bounds.start_us,
                end_us: bounds.end_us,
                measures: smallvec::smallvec![Accumulator::default(); measures],
                // As many as in the last one will come.
                seen: before.map(|before| Seen::with_room_of(&before.seen)).unwrap_or_default(),
                ..Window::default()
            };
            self.windows.insert(at, new);
            at
        });
        &mut self.windows[at]
    }

    /// Puts a window where it belongs, in place of one of the same start.
    pub(super) fn restore(&mut self, window: Window) {
        match self.find(window.start_us) {
            Ok(at) => self.windows[at] = window,
            Err(at) => self.windows.insert(at, window),
        }
    }

    pub(super) fn take_changes(&mut self, id: BuildingId, take: &mut impl FnMut(Change<'_>)) {
        if std::mem::take(&mut self.time_changed) {
            take(Change::Time(id, &self.time));
        }
        self.forgotten.drain(..).for_each(|start_us| take(Change::Forgotten(id, start_us)));
        for window in self.windows.iter_mut().filter(|window| window.changed) {
            (window.changed, window.given) = (false, true);
            take(Change::Window(id, window));
        }
    }
}
