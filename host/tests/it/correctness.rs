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

#[tokio::test(flavor = "multi_thread")]
async fn reading_everything_again_changes_no_row() {
    let world = World::new("again");
    let file = world.readings(3_000);
    world.replay(&file);
    let running = world.start();
    oracle::stores_have_all(&world, running, &oracle::expected(&file)).await;

    // Each building ends with a finding, which its topics hold after all that is written again.
    let more = world.folder.path().join("more.jsonl");
    let last = ["A", "B", "C"].map(|building| {
        format!(r#"{{"timestamp":"2025-12-04T12:00:00Z","building":"Building {building}","floor":1,"electricity":0,"water":0}}"#)
    });
    std::fs::write(&more, last.join("\n")).unwrap();
    world.replay(&more);
    let all = std::fs::read_to_string(&file).unwrap() + &last.join("\n");
    std::fs::write(&file, all).unwrap();
    let running = world.start_as(&format!("{}_again", world.name));
    oracle::stores_have_all(&world, running, &oracle::expected(&file)).await;
    assert!(!world.log().contains("refuses"), "{}", world.log());
}
