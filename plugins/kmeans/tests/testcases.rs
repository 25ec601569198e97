//! Runs `testcases/`; a new case needs no Rust.

#[test]
fn testcases() {
    wattdog_plugin_testkit::detector::<wattdog_kmeans::Plug>(concat!(env!("CARGO_MANIFEST_DIR"), "/testcases"));
}
