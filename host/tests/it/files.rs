//! Files of readings through `replay`: checked before anything is sent, sorted, in the form that the service reads.

use std::path::{Path, PathBuf};
use std::process::Output;

use crate::log_admin::LogAdmin;
use crate::servers::World;

fn reality(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reality").join(name)
}

fn replay(world: &World, files: &[PathBuf]) -> Output {
    let to = ["replay", "--bootstrap", &world.kafka, "--topic", &world.name];
    world.wattdog().args(to).args(files).output().unwrap()
}

/// What the newest records of the topic are understood as.
fn init(world: &World, output: &str) -> Output {
    let output = world.folder.path().join(output);
    let from = ["init", "--bootstrap", &world.kafka, "--topic", &world.name, "--output", output.to_str().unwrap()];
    world.wattdog().args(from).output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_understood_sends_nothing_and_makes_no_topic() {
    let world = World::new("refused_files");
    for (name, words) in [
        ("24-tables-as-they-are-exported/narrow.csv", "input.file.narrow"),
        ("24-tables-as-they-are-exported/wide.csv", "input.file.wide"),
        ("22-files-that-are-no-lines/open-quote.csv", "line 102"),
        ("there-is-none.csv", "cannot read"),
    ] {
        // A good one before it is not sent either.
        let output = replay(&world, &[reality("22-files-that-are-no-lines/METER.CSV"), reality(name)]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{name}: {said}");
        assert!(said.contains(words), "{name}: {said}");
    }
    assert!(!LogAdmin::of(&world.kafka).exists(&world.name), "no topic is made for what cannot be sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_sent_in_the_order_of_time_and_in_the_default_form() {
    let mut world = World::new("sorted_files");
    world.log_levels = Some("info");
    let meters = ["meter-2.csv", "meter-1.csv", "newest-first.csv"]
        .map(|name| reality("13-newest-first-and-meter-after-meter").join(name));
    let output = replay(&world, &meters[..2]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("not in the order of their time"), "{said}");
    let admin = LogAdmin::of(&world.kafka);
    assert_eq!(admin.counts(&world.name, 3).iter().sum::<i64>(), 96);
    let output = init(&world, "sorted.toml");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let written = std::fs::read_to_string(world.folder.path().join("sorted.toml")).unwrap();
    assert!(written.contains("96 readings of 1 building and 2 meters"), "{written}");
    assert!(!init(&world, "sorted.toml").status.success(), "a configuration is never overwritten");

    let mut world = World::new("local_files");
    world.log_levels = Some("info");
    let output = replay(&world, &[reality("24-tables-as-they-are-exported/semicolon.csv")]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("decimal comma"), "{said}");
    assert!(init(&world, "local.toml").status.success());
    let written = std::fs::read_to_string(world.folder.path().join("local.toml")).unwrap();
    assert!(written.contains("96 readings of 1 building"), "{written}");
}
