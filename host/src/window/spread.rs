//! Growth of a gap, spread over the windows of the gap.
//!
//! A meter that was not read for at least one whole window has grown in all of them. Each window after that of the reading before,
//! up to the reading's own, gets a share by its length, as if the meter had been read once in each. A share is no reading: it counts
//! in the window's sum alone. Windows that are past correcting get none; their shares are that of the reading's own window.

use super::{Bounds, Reading, Window, Windows, building, list};
use crate::domain::{BuildingId, EventTime};

/// Windows that one gap is spread over at most, the latest ones: most of a day of half minutes.
const MOST_WINDOWS: i64 = 2_880;

/// How the growth of a gap is spread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Where the first window begins that gets a share, microseconds since the epoch.
    start_us: i64,
    /// The window of the reading.
    own: Bounds,
    /// Length of all windows of the gap, those that get no share among them.
    whole_us: i64,
}

impl Plan {
    /// What is left for the reading's own window.
    #[must_use]
    pub fn own(&self, growth: f64) -> f64 {
        growth - self.share(growth, self.own.start_us - self.start_us)
    }

    fn share(&self, growth: f64, length_us: i64) -> f64 {
        growth * (length_us as f64 / self.whole_us as f64)
    }
}

impl Windows {
    /// How growth since a time is spread when this reading is accepted; none: the reading's own window has all of it.
    pub fn plan(&mut self, reading: &Reading, since_us: i64) -> Option<Plan> {
        let own = self.rules.tumbling.bounds(reading.time);
        let first_us = self.rules.tumbling.bounds(EventTime(since_us)).end_us;
        if first_us >= own.start_us {
            return None;
        }
        let mut time = self.buildings.get(reading.building.0 as usize).map(|building| building.time).unwrap_or_default();
        if time.watermark_us.is_none_or(|watermark_us| reading.time.0 > watermark_us) {
            time.advance(reading.time.0, &self.rules);
        }
        let longest_us = own.start_us.saturating_sub((own.end_us - own.start_us).saturating_mul(MOST_WINDOWS));
        let earliest_us = first_us.max(longest_us).max(time.horizon_us.unwrap_or(i64::MIN));
        let start_us = self.rules.tumbling.bounds(EventTime(earliest_us.min(own.start_us))).start_us;
        Some(Plan { start_us, own, whole_us: own.end_us.saturating_sub(first_us) })
    }

    /// Gives the windows of a plan their shares. [`Windows::publish_corrected`] publishes them.
    pub fn spread(&mut self, id: BuildingId, measure: usize, plan: &Plan, growth: f64) {
        let mut start_us = plan.start_us;
        while start_us < plan.own.start_us {
            let bounds = self.rules.tumbling.bounds(EventTime(start_us));
            let window = building(&mut self.buildings, id).window_or_new(bounds, self.rules.measures);
            window.share(measure, plan.share(growth, bounds.end_us - bounds.start_us));
            self.corrected.push((id, bounds.start_us));
            start_us = bounds.end_us;
        }
        list(&mut self.changed, id, building(&mut self.buildings, id));
    }

    /// Gives each window that has had shares since this was last asked to `publish`, once.
    pub fn publish_corrected(&mut self, mut publish: impl FnMut(BuildingId, &Window)) {
        for (id, start_us) in std::mem::take(&mut self.corrected) {
            let window = building(&mut self.buildings, id).window(start_us);
            if let Some(window) = window.filter(|window| window.corrected) {
                window.corrected = false;
                publish(id, window);
            }
        }
    }
}
