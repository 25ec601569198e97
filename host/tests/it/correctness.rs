//! Every window and every finding, each once in both stores.

use crate::oracle;
use crate::servers::World;

#[tokio::test(flavor = "multi_thread")]
async fn every_window_and_every_finding_is_in_both_stores_once() {
    let world = World::new("correctness");
    let file = world.readings(30_000);
    world.replay(&file);
    let expected = oracle::expected(&file);
    assert!(expected.anomalies.len() > 100, "the readings hold anomalies");
    let running = world.start();
    oracle::stores_have_all(&world, running, &expected).await;
}
