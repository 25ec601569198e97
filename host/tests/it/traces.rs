//! Traces reach a collector: of a batch with its stages, of a transaction, of a store, of a request.

use crate::servers::{World, eventually};
use crate::told::Told;

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_the_way_of_a_batch() {
    let mut world = World::new("traces");
    let collector = Told::start("traces/collector.py", &[]);
    world.configure(&format!("[telemetry]\notlp = \"http://127.0.0.1:{}\"\nsample = 1.0\n", collector.address["port"]));
    world.replay(&world.readings(300));
    let running = world.start();
    let _postgres = world.postgres().await;
    for (name, is_root) in
        [("batch", true), ("decode", false), ("detect", false), ("commit", true), ("store", true), ("restore", true)]
    {
        let span = eventually(name, async || collector.of("name", name).pop()).await;
        assert_eq!((span["service"].as_str(), span["is_root"].as_bool()), (Some("wattdog"), Some(is_root)), "{span}");
    }
    eventually("every reading is in a batch", async || {
        let messages = |span: &serde_json::Value| span["attributes"]["messages"].as_str()?.parse::<i64>().ok();
        (collector.of("name", "batch").iter().filter_map(messages).sum::<i64>() >= 300).then_some(())
    })
    .await;
    world.metrics();
    eventually("the request", async || collector.of("name", "request").pop()).await;
    running.stop();
    assert!(!world.log().contains("batch{"), "no line of the log has a span: {}", world.log());
}
