//! The commands for authors of plugins, on components that `cargo xtask plugins` builds. No servers.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn plugin(arguments: &[&str]) -> Output {
    let mut wattdog = Command::new(env!("CARGO_BIN_EXE_wattdog"));
    wattdog.current_dir(workspace()).arg("plugin").args(arguments).env("WATTDOG_LOG", "off").output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn json(arguments: &[&str]) -> Value {
    let output = plugin(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A folder with a component of the tests and a sidecar of its own.
fn guest(name: &str, sidecar: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name).with_extension("wasm");
    std::fs::copy(workspace().join("target/guests").join(file.file_name().unwrap()), &file).unwrap();
    std::fs::write(file.with_extension("toml"), sidecar).unwrap();
    (folder, file.to_str().unwrap().to_owned())
}

/// Names of the checks that failed.
fn failed_checks(file: &str) -> Vec<String> {
    let output = plugin(&["check", file, "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    let checks = report["checks"].as_array().unwrap();
    let failed: Vec<_> = checks.iter().filter(|check| check["passed"] == false).collect();
    assert_eq!(output.status.code(), Some(i32::from(!failed.is_empty())), "{report:#}");
    assert_eq!(report["passed"], failed.is_empty());
    failed.iter().map(|check| check["name"].as_str().unwrap().to_owned()).collect()
}

const COMPONENTS: [&str; 4] =
    ["plugins/kmeans.wasm", "plugins/calendar.wasm", "target/guests/stuck-meter.wasm", "target/guests/day-night-tariff.wasm"];

#[test]
fn a_component_is_described() {
    let [kmeans, calendar, ..] = COMPONENTS.map(|file| json(&["inspect", file, "--json"]));
    assert_eq!((&kmeans["kind"], &kmeans["name"], &kmeans["needs_model"]), (&"detector".into(), &"kmeans".into(), &true.into()));
    assert_eq!((&kmeans["contract"], &kmeans["inputs"][1]["unit"]), (&"1.0.0".into(), &"L".into()));
    assert_eq!(kmeans["imports"].as_array().map(Vec::len), Some(1), "{kmeans:#}");
    assert_eq!((&calendar["kind"], &calendar["params"][0]["default"]), (&"enricher".into(), &"UTC".into()));

    let text = said(&plugin(&["inspect", "plugins/kmeans.wasm"]));
    assert!(text.starts_with("kmeans ") && text.contains("anomaly_distance, float, default 2.5, at least 0"), "{text}");
    let unreadable = plugin(&["inspect", "README.md"]);
    assert!(
        !unreadable.status.success() && said(&unreadable).contains("README.md: not a WebAssembly component"),
        "{}",
        said(&unreadable)
    );
}

#[test]
fn good_plugins_pass_all_checks() {
    for file in COMPONENTS {
        assert_eq!(failed_checks(file), [""; 0], "{file}");
    }
    let recorded = plugin(&["check", COMPONENTS[2], "--readings", "examples/readings.jsonl"]);
    assert!(recorded.status.success(), "{}", said(&recorded));
}

#[test]
fn each_misdeed_fails_the_check_that_is_made_for_it() {
    for (misdeed, place, checks) in [
        ("none", "score", [].as_slice()),
        ("loop", "configure", &["start"]),
        ("refuse", "score", &["canary"]),
        ("score by the place in the batch", "score", &["batch cuts", "interleaving", "state moves", "state per meter"]),
    ] {
        let (_folder, file) = guest("misdeeds", &format!("params.misdeed = {misdeed:?}\nparams.place = {place:?}"));
        assert_eq!(failed_checks(&file), checks, "{misdeed}");
    }
    let (_folder, file) = guest("misdeeds", "params.misdead = 1");
    assert_eq!(failed_checks(&file), ["sidecar"]);
    // It panics at what is below zero.
    assert_eq!(failed_checks("target/guests/tally-1.wasm"), ["odd values"]);
}

#[test]
fn cases_are_run_and_can_be_updated() {
    let (folder, file) = guest("stuck-meter", "");
    let none = plugin(&["test", &file]);
    assert!(said(&none).contains("no testcases/ beside"), "{}", said(&none));

    let case = folder.path().join("testcases/one_of_two_hangs");
    std::fs::create_dir_all(&case).unwrap();
    let example = workspace().join("examples/plugins/rust/testcases/one_of_two_hangs");
    for file in ["plugin.toml", "readings.jsonl", "expected.jsonl"] {
        std::fs::copy(example.join(file), case.join(file)).unwrap();
    }
    assert_eq!(said(&plugin(&["test", &file])), "pass  one_of_two_hangs, 14 readings\n");

    let expected = std::fs::read_to_string(case.join("expected.jsonl")).unwrap();
    std::fs::write(case.join("expected.jsonl"), expected.replacen("0.0", "0.25", 1)).unwrap();
    let differs = plugin(&["test", &file]);
    assert_eq!(differs.status.code(), Some(1));
    assert!(said(&differs).contains("1 of 14 lines differ"), "{}", said(&differs));
    assert!(said(&differs).contains("- {\"score\":0.25}") && said(&differs).contains("+ {\"score\":0.0}"), "{}", said(&differs));

    assert_eq!(said(&plugin(&["test", &file, "--update"])), "wrote one_of_two_hangs, 1 line changed\n");
    assert_eq!(said(&plugin(&["test", &file])), "pass  one_of_two_hangs, 14 readings\n");
}

#[test]
fn first_party_plugins_pass_their_cases_as_components() {
    for file in ["plugins/kmeans.wasm", "plugins/calendar.wasm", "plugins/site.wasm"] {
        let outcomes = json(&["test", file, "--json"]);
        assert!(outcomes.as_array().unwrap().iter().all(|case| case["outcome"]["result"] == "passed"), "{outcomes:#}");
    }
}

#[test]
fn a_component_is_timed() {
    for file in [COMPONENTS[0], COMPONENTS[3]] {
        let report = json(&["bench", file, "--rows", "64", "--json"]);
        assert!(report["ns_per_reading"].as_f64().unwrap() > 0.0 && report["noise_ratio"].as_f64().unwrap() > 0.0, "{report:#}");
        assert_eq!(report["rows"], 64);
        let again = json(&["bench", file, "--rows", "64", "--json"]);
        assert!(report["fuel_per_reading"].as_f64().unwrap() > 1.0 && report["fuel_per_reading"] == again["fuel_per_reading"]);
    }
    let stuck = json(&["bench", COMPONENTS[2], "--rows", "64", "--json"]);
    assert!(stuck["state_bytes_per_meter"].as_u64().unwrap() > 0, "{stuck:#}");
}

#[test]
fn a_new_plugin_has_its_name_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    for (lang, kind) in ["rust", "python", "javascript"].iter().flat_map(|lang| [(lang, "detector"), (lang, "enricher")]) {
        let name = format!("{lang}-{kind}");
        let made = plugin(&["new", &name, "--lang", lang, "--kind", kind, "--path", path]);
        assert!(made.status.success(), "{}", said(&made));
        let made = folder.path().join(&name);
        for file in ["README.md", "build.sh", &format!("{name}.toml"), "testcases"] {
            assert!(made.join(file).exists(), "{name}/{file}");
        }
        let again = plugin(&["new", &name, "--lang", lang, "--path", path]);
        assert!(again.status.code() == Some(1) && said(&again).contains("is there already"), "{}", said(&again));
    }
    let wrong = plugin(&["new", "My_Rule", "--lang", "rust", "--path", path]);
    assert!(wrong.status.code() == Some(2) && said(&wrong).contains("try `my-rule`"), "{}", said(&wrong));
}

/// Natively and in a folder that stays, so that crates from the registry are built once.
#[test]
fn a_new_plugin_in_rust_passes_its_test() {
    let folder = workspace().join("target/scaffolds");
    for kind in ["detector", "enricher"] {
        let name = format!("new-{kind}");
        let _ = std::fs::remove_dir_all(folder.join(&name));
        let made = plugin(&["new", &name, "--lang", "rust", "--kind", kind, "--path", folder.to_str().unwrap()]);
        assert!(made.status.success(), "{}", said(&made));
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(folder.join(&name)).args(["test", "--quiet", "--target", "host-tuple"]);
        let tested = cargo.env("CARGO_TARGET_DIR", folder.join("target")).output().unwrap();
        assert!(tested.status.success() && said(&tested).contains("1 passed"), "{}", said(&tested));
    }
}
