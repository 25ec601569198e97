//! What the configuration says about windows.

use super::Tumbling;
use crate::config::{Config, Repeats};

/// How readings become windows.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Where windows begin and end.
    pub tumbling: Tumbling,
    /// How long after its end a window is corrected, microseconds.
    pub allowed_lateness_us: i64,
    /// How far back from the reading that ends a silence windows are taken, microseconds; 0: silence makes no difference.
    pub resend_us: i64,
    /// How long a building with an open window may be silent, milliseconds of record time; none: for ever.
    pub idle_after_ms: Option<i64>,
    /// Whether a reading that was there already is set aside.
    pub drop_repeats: bool,
    /// How many measures a reading has.
    pub measures: usize,
}

impl Rules {
    /// As configured.
    ///
    /// # Errors
    /// When sizes or zones do not go together, naming the key.
    pub fn new(config: &Config) -> Result<Self, String> {
        let window = &config.window;
        let idle_after_us = window.idle_after.micros();
        Ok(Self {
            tumbling: Tumbling::new(window.size, &window.time_zone)?,
            allowed_lateness_us: window.allowed_lateness.micros(),
            resend_us: window.resend.micros(),
            // A millisecond more rather than less: that is what record times are counted in.
            idle_after_ms: (idle_after_us > 0).then(|| (idle_after_us - 1) / 1_000 + 1),
            drop_repeats: config.input.repeats == Repeats::Drop,
            measures: config.input.measures.len(),
        })
    }
}
