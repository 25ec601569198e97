//! Attacks by records.

use super::Siege;
use crate::feeder::Feeder;
use crate::servers::{World, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn long_names_are_set_aside_and_remembered_nowhere() {
    const RECORDS: u64 = 20_000;
    let siege = Siege::begin(World::new("long_names")).await;
    let feeder = Feeder::new(&siege.world, "zstd");
    let long = "x".repeat(30_000);
    for number in 0..RECORDS {
        let (building, meter) = if number % 2 == 0 { (&*long, "1") } else { ("Hall", &*long) };
        let reading = format!(
            "{{\"timestamp\":\"2025-12-04T16:02:00Z\",\"building\":\"{building}{number}\",\"floor\":\"{meter}{number}\",\"electricity\":1.0,\
             \"water\":2.0}}"
        );
        feeder.send("gateway", Some(reading.as_bytes()));
    }
    feeder.finish();
    let line = format!("wattdog_rejects_total{{reason=\"name\"}} {RECORDS}");
    eventually("all are rejected", async || siege.world.metrics().lines().any(|told| told == line).then_some(())).await;
    siege.end("2", "20,000 buildings and meters with names of 30 kB", 600.0).await;
}
