//! Everything a lane knows, as one value: what a later life of the lane would need.

use crate::config::Config;
use crate::domain::MeterTable;
use crate::window::Windows;

/// Consistent with the input up to `next_offset`.
#[derive(Clone, Debug, PartialEq)]
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
