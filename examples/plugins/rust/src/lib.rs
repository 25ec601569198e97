//! A detector to copy: reports meters that repeat the same value for too long.
//!
//! A building never takes exactly the same amount for hours, so a value that stays is a meter or a gateway that hangs. Zero is
//! no exception: a meter that counts nothing at all is worth a look.

use serde::{Deserialize, Serialize};
use wattdog_plugin::{Description, MeterDetector, ParamSpec, ParamType, Row, Severity, Verdict, export_meter_detector, quantity};

const ELECTRICITY: usize = 0;
const US_PER_HOUR: f64 = 3.6e9;

/// What is kept about one meter: the value that it shows, and since when.
#[derive(Default, Serialize, Deserialize)]
pub struct StuckMeter {
    shown: Option<Shown>,
}

#[derive(Serialize, Deserialize)]
struct Shown {
    value: f64,
    since_us: i64,
}

/// The parameters, by the names that `describe` gives them.
#[derive(Deserialize)]
pub struct Settings {
    hours: f64,
}

impl MeterDetector for StuckMeter {
    type Settings = Settings;

    fn describe() -> Description {
        Description::new("stuck-meter", env!("CARGO_PKG_VERSION"), "Reports meters that repeat the same value for too long.")
            .input("electricity", "kWh")
            .param(
                ParamSpec::new("hours", ParamType::Float, "A value may stay the same for so long.")
                    .unit("h")
                    .default_value(3.0)
                    .at_least(0.01),
            )
            .number("stuck_hours", "h", "How long the value has stayed the same.")
    }

    fn score(&mut self, settings: &Settings, row: &Row<'_>, verdict: &mut Verdict<'_>) {
        let (value, now_us) = (row.float(ELECTRICITY), row.event_time_us());
        if value.is_nan() {
            // A missing reading says nothing about the meter, so nothing is said of it.
            return;
        }
        let shown = self.shown.get_or_insert(Shown { value, since_us: now_us });
        if now_us < shown.since_us {
            // A reading that comes late, from before the meter showed this value.
            return;
        }
        if shown.value != value {
            *shown = Shown { value, since_us: now_us };
        }
        let hours = (now_us - shown.since_us) as f64 / US_PER_HOUR;
        verdict.score(hours / settings.hours);
        if hours > settings.hours {
            let mut reason = "electricity has stayed at ".to_owned();
            quantity::push_with_unit(&mut reason, value, "kWh");
            reason.push_str(" for ");
            quantity::push_with_unit(&mut reason, hours, "h");
            verdict.report(Severity::Anomaly).number(0, hours).blame(&[1.0]).reason(reason);
        }
    }
}

export_meter_detector!(StuckMeter);
