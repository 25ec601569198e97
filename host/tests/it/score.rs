//! A detector over recorded readings, without any server.

use std::process::Command;

use crate::servers::workspace;

#[test]
fn a_recorded_reading_needs_only_what_the_detector_reads() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = folder.path().join("stuck-meter.wasm");
    let case = workspace().join("examples/plugins/rust/testcases/one_of_two_hangs");
    std::fs::copy(workspace().join("target/guests/stuck-meter.wasm"), &plugin).unwrap();
    std::fs::copy(case.join("plugin.toml"), folder.path().join("stuck-meter.toml")).unwrap();

    let readings = case.join("readings.jsonl");
    assert!(!std::fs::read_to_string(&readings).unwrap().contains("water"), "the case has no water");
    let mut wattdog = Command::new(env!("CARGO_BIN_EXE_wattdog"));
    let scored = wattdog.arg("score").arg("--plugin").arg(&plugin).arg("--input").arg(&readings).args(["--output", "-"]).output();
    let scored = scored.unwrap();
    assert!(scored.status.success(), "{}", String::from_utf8_lossy(&scored.stderr));

    let findings = String::from_utf8(scored.stdout).unwrap();
    let rows: Vec<_> = findings.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()).collect();
    let expected = std::fs::read_to_string(case.join("expected.jsonl")).unwrap();
    assert_eq!(rows.len(), expected.lines().filter(|line| line.contains("reason")).count(), "{findings}");
    assert!(rows.iter().all(|row| row["detector"] == "stuck-meter" && row["water"].is_null()), "{findings}");
}
