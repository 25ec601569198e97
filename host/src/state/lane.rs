//! Everything a lane knows, as one value: what a later life of the lane would need.

use uuid::Uuid;

use crate::config::Config;
use crate::counter::Counters;
use crate::domain::MeterTable;
use crate::window::{Rules, Windows};

/// Consistent with the input up to `next_offset`.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneState {
    /// The first offset that is not in it; none before the first message.
    pub next_offset: Option<i64>,
    /// The id of the topic that these offsets are of; none where the broker has no ids.
    pub topic_id: Option<Uuid>,
    /// Meters seen.
    pub meters: MeterTable,
    /// Windows open and correctable, and watermarks.
    pub windows: Windows,
    /// What meters showed last.
    pub counters: Counters,
}

impl LaneState {
    /// Of a lane that has seen nothing.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let rules = Rules::new(config).expect("a configuration is checked before it is used");
        Self {
            next_offset: None,
            topic_id: None,
            meters: MeterTable::default(),
            windows: Windows::new(rules),
            counters: Counters::new(config),
        }
    }
}
