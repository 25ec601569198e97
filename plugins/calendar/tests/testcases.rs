//! Runs `testcases/`; a new case needs no Rust.

#[test]
fn testcases() {
    wattdog_plugin_testkit::enricher::<wattdog_calendar::Plug>(concat!(env!("CARGO_MANIFEST_DIR"), "/testcases"));
}
