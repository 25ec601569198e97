//! What a building's readings say about time.

use serde::{Deserialize, Serialize};

use super::Rules;

/// What is known of a building beside its windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BuildingTime {
    /// The latest event time among its readings, microseconds since the epoch.
    pub watermark_us: Option<i64>,
    /// Windows that end at or before it are past correcting, microseconds since the epoch. It never goes back, since a forgotten
    /// window that began anew would overwrite its row.
    pub horizon_us: Option<i64>,
    /// A silence whose readings are still taken.
    pub silence: Option<Silence>,
    /// The lane's time at its last reading, milliseconds since the epoch; none where no record had one.
    pub record_time_ms: Option<i64>,
}

/// A span of event time of which nothing was seen when it went by.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Silence {
    /// Windows that end later than this are taken, microseconds since the epoch.
    pub since_us: i64,
    /// Until the watermark is there.
    pub until_us: i64,
}

impl BuildingTime {
    /// Whether a window that ends then is past correcting.
    pub(super) fn is_past(&self, end_us: i64) -> bool {
        self.horizon_us.is_some_and(|horizon_us| end_us <= horizon_us)
    }

    /// A reading later than all before.
    pub(super) fn advance(&mut self, time_us: i64, rules: &Rules) {
        let lateness_us = rules.allowed_lateness_us;
        if let Some(watermark_us) = self.watermark_us
            && time_us - watermark_us > lateness_us
        {
            // Another silence before the last one is over goes on with it: what was to be sent again still is.
            let since_us = self.silence.map_or(watermark_us, |silence| silence.since_us);
            self.silence = Some(Silence {
                since_us: since_us.max(time_us.saturating_sub(rules.resend_us)),
                until_us: time_us.saturating_add(lateness_us),
            });
        }
        self.watermark_us = Some(time_us);
        self.silence = self.silence.filter(|silence| time_us < silence.until_us);
        let late_us = time_us.saturating_sub(lateness_us);
        let horizon_us = self.silence.map_or(late_us, |silence| late_us.min(silence.since_us));
        self.horizon_us = self.horizon_us.max(Some(horizon_us));
    }
}
