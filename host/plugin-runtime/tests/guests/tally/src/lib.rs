//! Counts each meter's readings, and keeps an average that depends on their order. Every sixteenth is reported with both.
//!
//! The features `second` and `third` are other versions, which read each other's state; `fourth` is one that cannot.

use serde::{Deserialize, Serialize};
use wattdog_plugin::{Description, MeterDetector, ParamSpec, ParamType, Row, Severity, Verdict, export_meter_detector};

const VERSION: &str = if cfg!(feature = "fourth") {
    "4.0.0"
} else if cfg!(feature = "third") {
    "3.0.0"
} else if cfg!(feature = "second") {
    "2.0.0"
} else {
    "1.0.0"
};

const STATE_VERSION: u32 = if cfg!(feature = "fourth") { 2 } else { 1 };

/// Of one meter.
#[derive(Default, Serialize, Deserialize)]
pub struct Tally {
    seen: u64,
    average: f64,
}

/// What all meters share.
#[derive(Deserialize)]
pub struct Settings {
    report_every: u64,
    /// Fails on these values.
    unbearable: f64,
}

impl MeterDetector for Tally {
    type Settings = Settings;

    fn describe() -> Description {
        Description::new("tally", VERSION, "Counts readings.")
            .input("electricity", "kWh")
            .param(ParamSpec::new("report_every", ParamType::Integer, "Reports one reading of so many.").default_value(16))
            .param(ParamSpec::new("unbearable", ParamType::Float, "Panics on this value.").default_value(-1.0))
            .number("seen", "", "Readings of this meter so far.")
            .number("average", "kWh", "Moving average of its electricity.")
            .state(STATE_VERSION, STATE_VERSION)
    }

    fn score(&mut self, settings: &Settings, row: &Row<'_>, verdict: &mut Verdict<'_>) {
        let value = row.float(0);
        self.seen += 1;
        assert!(value != settings.unbearable, "{value} kWh is more than I can bear");
        self.average += (value - self.average) / 8.0;
        verdict.score(0.0);
        if self.seen.is_multiple_of(settings.report_every) {
            verdict.report(Severity::Minor).number(0, self.seen as f64).number(1, self.average);
        }
    }
}

export_meter_detector!(Tally);
