//! Runs `testcases/`; a new case needs no Rust.

use stuck_meter::StuckMeter;
use wattdog_plugin::PerMeter;

#[test]
fn testcases() {
    wattdog_plugin_testkit::detector::<PerMeter<StuckMeter>>(concat!(env!("CARGO_MANIFEST_DIR"), "/testcases"));
}
