//! Runs `testcases/`; a new case needs no Rust.

use day_night_tariff::DayNightTariff;

#[test]
fn testcases() {
    wattdog_plugin_testkit::enricher::<DayNightTariff>(concat!(env!("CARGO_MANIFEST_DIR"), "/testcases"));
}
