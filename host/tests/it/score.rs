//! A model of recorded readings and a detector over them, without any server.

use std::process::{Command, Output};

use crate::formats;
use crate::servers::workspace;

fn wattdog(arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_wattdog")).args(arguments).env("WATTDOG_LOG", "info").output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

#[test]
fn a_recorded_reading_needs_only_what_the_detector_reads() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = folder.path().join("stuck-meter.wasm");
    let case = workspace().join("examples/plugins/rust/testcases/one_of_two_hangs");
    std::fs::copy(workspace().join("target/guests/stuck-meter.wasm"), &plugin).unwrap();
    std::fs::copy(case.join("plugin.toml"), folder.path().join("stuck-meter.toml")).unwrap();

    let readings = case.join("readings.jsonl");
    assert!(!std::fs::read_to_string(&readings).unwrap().contains("water"), "the case has no water");
    let (plugin, readings) = (plugin.to_str().unwrap(), readings.to_str().unwrap());
    let scored = wattdog(&["score", "--plugin", plugin, "--input", readings, "--output", "-"]);

    let findings = String::from_utf8(scored.stdout).unwrap();
    let rows: Vec<_> = findings.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()).collect();
    let expected = std::fs::read_to_string(case.join("expected.jsonl")).unwrap();
    assert_eq!(rows.len(), expected.lines().filter(|line| line.contains("reason")).count(), "{findings}");
    assert!(rows.iter().all(|row| row["detector"] == "stuck-meter" && row["water"].is_null()), "{findings}");
}

#[test]
fn counters_within_objects_are_trained_on_and_scored_as_the_service_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (config, readings, model, found) =
        (file("wattdog.toml"), file("readings.jsonl"), file("model.json"), file("found.jsonl"));
    std::fs::write(&config, formats::CONFIG).unwrap();
    // About a quarter, a half or one kilowatt-hour a minute; the last minute five.
    let steps = (0..58).map(|minute| [250.0, 500.0, 1_000.0][minute % 3] + (minute * 5 % 11) as f64).chain([5_000.0]);
    let totals = steps.scan(7_000.0, |total, step| {
        *total += step;
        Some(*total)
    });
    let lines = totals.enumerate().map(|(minute, total)| formats::reading(minute as u32, 1, total) + "\n");
    std::fs::write(&readings, lines.collect::<String>()).unwrap();

    let features = ["--features", "electricity", "--config", &config];
    let summary =
        wattdog(&[&["train", &readings, "--until", "2025-12-04T11:58:00Z", "--output", &model][..], &features].concat());
    // Of 58, the first does not say how much it has grown by.
    let summary = String::from_utf8(summary.stdout).unwrap();
    assert!(
        summary.starts_with("57 rows of 59 records\nleft out: 1 record: no number in `electricity`, line 1\n")
            && summary.contains("electricity 0.5 kWh"),
        "{summary}"
    );
    let plugin = workspace().join("plugins/kmeans.wasm");
    wattdog(&[
        "score",
        "--plugin",
        plugin.to_str().unwrap(),
        "--model",
        &model,
        "--input",
        &readings,
        "--output",
        &found,
        "--config",
        &config,
    ]);
    let found = std::fs::read_to_string(found).unwrap();
    let rows = found.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let rows: Vec<_> = rows.filter(|row| row["severity"] == "critical").collect();
    assert!(rows.len() == 1 && rows[0]["electricity"] == 5.0 && rows[0]["building"] == "Turm", "{found}");
}
