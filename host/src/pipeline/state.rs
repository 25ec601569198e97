//! Everything a lane knows, as one value: what a later life of the lane would need.

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::domain::MeterTable;
use crate::window::Windows;

/// Consistent with the input up to `next_offset`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LaneState {
    /// The first offset that is not in it; none before the first message.
    pub next_offset: Option<i64>,
    /// Meters seen.
    pub meters: MeterTable,
    /// Windows open and correctable, and watermarks.
    pub windows: Windows,
}

impl LaneState {
    /// Of a lane that has seen nothing.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let window = &config.window;
        let windows = Windows::new(window.size.micros(), window.allowed_lateness.micros(), config.input.measures.len());
        Self { next_offset: None, meters: MeterTable::default(), windows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::EventTime;

    #[test]
    fn a_lane_that_was_stored_goes_on_as_it_was() {
        let mut state = LaneState::new(&Config::default());
        let meter = state.meters.intern("A/1", "A", Some("1"));
        let building = state.meters.meter(meter).building;
        state.windows.place(building, EventTime(5), |_| 1.0, |_, _| {});
        state.next_offset = Some(1);
        let mut again: LaneState = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
        assert_eq!(again, state);
        assert_eq!(again.meters.intern("A/1", "A", Some("1")), meter);
    }
}
