//! Models of readings that are not as they should be: glitches, totals, meters that stand, broken lines. No servers.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::servers::workspace;

struct Trained {
    folder: tempfile::TempDir,
    code: i32,
    said: String,
}

/// Runs the program with the default levels; its exit code, and all that it says.
fn wattdog(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_wattdog")).args(arguments).env_remove("WATTDOG_LOG").output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.code().unwrap(), said)
}

fn case(file: &str) -> PathBuf {
    workspace().join("host/tests/reality").join(file)
}

impl Trained {
    fn on(readings: &Path, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("model.json");
        let files = [readings.to_str().unwrap(), "--output", model.to_str().unwrap()];
        let (code, said) = wattdog(&[&["train"], &files[..], arguments].concat());
        Self { folder, code, said }
    }

    /// Of rows of CSV, with their header.
    fn on_text(text: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let readings = folder.path().join("readings.csv");
        std::fs::write(&readings, text).unwrap();
        Self::on(&readings, arguments)
    }

    fn model(&self) -> Value {
        serde_json::from_str(&std::fs::read_to_string(self.folder.path().join("model.json")).unwrap()).unwrap()
    }

    /// Electricity or water of the readings with which something is found, and how grave it is.
    fn findings(&self, readings: &Path, measure: &str) -> Vec<(f64, String)> {
        let (model, found) = (self.folder.path().join("model.json"), self.folder.path().join("found.jsonl"));
        let plugin = workspace().join("plugins/kmeans.wasm");
        let [plugin, model, found, readings] = [&plugin, &model, &found, readings].map(|path| path.to_str().unwrap());
        let (code, said) = wattdog(&["score", "--plugin", plugin, "--model", model, "--input", readings, "--output", found]);
        assert_eq!(code, 0, "{said}");
        let found = std::fs::read_to_string(found).unwrap();
        let rows = found.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        rows.map(|row| (row[measure].as_f64().unwrap(), row["severity"].as_str().unwrap().to_owned())).collect()
    }
}

#[test]
fn a_glitch_is_left_out_and_said_and_a_model_with_it_finds_what_one_without_it_finds() {
    let folder = case("19-one-glitch-in-training");
    let test = folder.join("test.jsonl");
    for (file, rows) in [("clean.csv", 1_000), ("glitch.csv", 1_000)] {
        let trained = Trained::on(&folder.join(file), &[]);
        assert_eq!((trained.code, &trained.model()["rows"]), (0, &rows.into()), "{}", trained.said);
        let found: Vec<f64> = trained.findings(&test, "electricity").into_iter().map(|(value, _)| value).collect();
        assert_eq!(found, [1_500.0, 1e7], "{file}");
    }
    let trained = Trained::on(&folder.join("glitch.csv"), &[]);
    assert!(trained.said.contains("left out: 1 glitch of electricity: 10000000 kWh in line 502\n"), "{}", trained.said);
    let made = &trained.model()["made"];
    assert_eq!((&made["skipped_rows"], &made["left_out"][0]["lines"][0]), (&1.into(), &"502".into()), "{made}");
}

#[test]
fn a_total_is_no_level_of_consumption() {
    let folder = case("12-total-row-and-preamble");
    let trained = Trained::on(&folder.join("total.csv"), &[]);
    assert_eq!(trained.code, 0, "{}", trained.said);
    let found = trained.findings(&folder.join("test.jsonl"), "electricity");
    assert_eq!(found, [(1_500.0, "critical".to_owned())], "{}", trained.said);
    for centre in trained.model()["centroids"].as_array().unwrap() {
        assert!((100.0..200.0).contains(&centre[0].as_f64().unwrap()), "{centre}");
    }
}

#[test]
fn a_meter_that_mostly_stands_gives_no_threshold_by_which_standing_is_a_finding() {
    for number in 0..3 {
        let drips = case(&format!("18-mostly-zero/drips-{number}.csv"));
        let refused = Trained::on(&drips, &["--features", "water"]);
        assert_eq!(refused.code, 1, "{}", refused.said);
        assert!(refused.said.contains("of 2,000 rows are the same (water 0)"), "{}", refused.said);
        let advised = refused.said.split("give --threshold-quantile ").nth(1).unwrap().split(',').next().unwrap();
        for quantile in [advised, "0.99"].into_iter().take(if number == 0 { 2 } else { 1 }) {
            let trained = Trained::on(&drips, &["--features", "water", "--threshold-quantile", quantile]);
            assert_eq!(trained.code, 0, "{}", trained.said);
            assert!(trained.said.contains("water is 0 in 1,9"), "{}", trained.said);
            let found = trained.findings(&drips, "water");
            assert!(found.iter().all(|(litres, _)| *litres > 0.0), "{quantile}: {found:?}");
        }
    }
}

/// A header and rows of a day's course.
fn course(rows: usize) -> String {
    let mut text = String::from("electricity,water\n");
    for row in 0..rows {
        writeln!(text, "{}.{},{}", 100 + row * 37 % 97, row % 10, 200 + row * 53 % 199).unwrap();
    }
    text
}

#[test]
fn a_cluster_too_small_to_be_a_level_is_named() {
    // Nine times what is usual: far, and not too far for a real load.
    let trained = Trained::on_text(&(course(2_000) + "1400,300\n1401,301\n"), &[]);
    assert_eq!(trained.code, 0, "{}", trained.said);
    let named = "cluster 2 has 2 of 2,002 rows, too small to be a level of consumption: readings near electricity 1400.5 kWh";
    assert!(trained.said.contains(named), "{}", trained.said);
    assert_eq!(trained.model()["made"]["small_clusters"], serde_json::json!([2]));
    assert!(!Trained::on_text(&course(2_000), &[]).said.contains("too small"));
}

#[test]
fn what_cannot_be_used_is_counted_by_reason_with_its_first_lines() {
    let rows = course(200) + "n/a,1\n,2\n110,\n";
    let trained = Trained::on_text(&rows, &[]);
    assert_eq!(trained.code, 0, "{}", trained.said);
    assert!(trained.said.starts_with("200 rows of 203 records\n"), "{}", trained.said);
    assert!(trained.said.contains("left out: 2 records: no number in `electricity`, lines 202, 203\n"), "{}", trained.said);
    assert!(trained.said.contains("left out: 1 record: no number in `water`, line 204\n"), "{}", trained.said);

    let mostly_broken = Trained::on_text(&(course(40) + &"n/a,1\n".repeat(41)), &[]);
    assert_eq!(mostly_broken.code, 1, "{}", mostly_broken.said);
    let said = "41 of 81 records cannot be used, more than half: 41 records: no number in `electricity`, lines 42, 43, 44, …";
    assert!(mostly_broken.said.contains(said), "{}", mostly_broken.said);

    let constant = "electricity,water\n".to_owned() + &"150,7\n".repeat(300) + "10000000,7\n";
    let constant = Trained::on_text(&constant, &["--features", "electricity"]);
    assert_eq!(constant.code, 1, "{}", constant.said);
    assert!(
        constant.said.contains("`electricity` is constant") && constant.said.contains("1 glitch of electricity"),
        "{}",
        constant.said
    );
}

#[test]
fn score_says_what_is_broken_and_fails_where_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let readings = folder.path().join("readings.jsonl");
    let plugin = workspace().join("plugins/kmeans.wasm");
    let score = |text: &str| {
        std::fs::write(&readings, text).unwrap();
        wattdog(&["score", "--plugin", plugin.to_str().unwrap(), "--input", readings.to_str().unwrap(), "--output", "-"])
    };
    let good = r#"{"timestamp":"2026-01-15T00:00:00Z","building":"Hall","electricity":150,"water":300}"#;
    let (code, said) = score(&format!("{good}\n\n{{\"timestamp\":\"2026-01-15T00:00:00Z\"}}\nhello\n{good}\nhello\n"));
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("not scored: 2 records: not-json, lines 4, 6; the first: "), "{said}");
    assert!(said.contains("not scored: 1 record: missing-field, line 3: field `building` is missing"), "{said}");
    assert!(said.contains("scored readings=2 broken=3"), "{said}");
    let (code, said) = score(&"hello\n".repeat(404));
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("neither JSON nor a table"), "{said}");
    assert_eq!(score("").0, 1);
}
