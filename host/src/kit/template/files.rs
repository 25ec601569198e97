//! Files of this repository that are in the binary, so that a plugin can be begun anywhere.
//!
//! They are listed by name: a list takes nothing along that a build left in those folders, and a test says what it lacks.

/// A file and its path within its folder.
#[derive(Clone, Copy)]
pub(super) struct Embedded {
    pub(super) path: &'static str,
    pub(super) text: &'static str,
}

macro_rules! embed {
    ($folder:literal: $($path:literal)+) => {
        &[$(Embedded { path: $path, text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../", $folder, "/", $path)) }),+]
    };
}

/// The workspace's manifest, from which vendored crates inherit, and the toolchain that it is built with.
pub(super) const WORKSPACE: &[Embedded] = embed!(".": "Cargo.toml" "rust-toolchain.toml");

pub(super) const CONTRACT: &[Embedded] = embed!("wit/v1": "detector.wit" "enricher.wit" "types.wit" "worlds.wit");

pub(super) const SDK: &[Embedded] = embed!("plugins/sdk":
    "Cargo.toml" "src/batch.rs" "src/bindings.rs" "src/columns.rs" "src/description.rs" "src/enriched.rs" "src/export.rs"
    "src/findings.rs" "src/lib.rs" "src/log.rs" "src/meter.rs" "src/model.rs" "src/plugin.rs" "src/quantity.rs" "src/shell.rs");

pub(super) const TESTKIT: &[Embedded] =
    embed!("plugins/testkit": "Cargo.toml" "src/case.rs" "src/compare.rs" "src/driver.rs" "src/lib.rs");

pub(super) const RUST: &[Embedded] = embed!("examples/plugins/rust":
    ".cargo/config.toml" ".gitignore" "Cargo.toml" "build.sh" "src/lib.rs" "stuck-meter.toml" "tests/testcases.rs"
    "testcases/one_of_two_hangs/expected.jsonl" "testcases/one_of_two_hangs/plugin.toml"
    "testcases/one_of_two_hangs/readings.jsonl");

pub(super) const RUST_ENRICHER: &[Embedded] = embed!("examples/plugins/rust-enricher":
    ".cargo/config.toml" ".gitignore" "Cargo.toml" "build.sh" "src/lib.rs" "day-night-tariff.toml" "tests/testcases.rs"
    "testcases/a_day_and_a_gap/expected.jsonl" "testcases/a_day_and_a_gap/plugin.toml"
    "testcases/a_day_and_a_gap/readings.jsonl");

pub(super) const PYTHON: &[Embedded] =
    embed!("examples/plugins/python": ".gitignore" "build.sh" "requirements.txt" "test_plugin.py" "wattdog_plugin.py");

pub(super) const PYTHON_DETECTOR: &[Embedded] = embed!("examples/plugins/python":
    "detector.py" "hour-of-week.toml" "testcases/a_spike_and_a_new_level/expected.jsonl"
    "testcases/a_spike_and_a_new_level/plugin.toml" "testcases/a_spike_and_a_new_level/readings.jsonl");

pub(super) const PYTHON_ENRICHER: &[Embedded] = embed!("examples/plugins/python":
    "enricher.py" "working-hours.toml" "testcases/working_hours/expected.jsonl" "testcases/working_hours/plugin.toml"
    "testcases/working_hours/readings.jsonl");

pub(super) const JAVASCRIPT: &[Embedded] = embed!("examples/plugins/javascript":
    ".gitignore" ".npmrc" "build.js" "build.sh" "package.json" "plugin.test.js" "wattdog-plugin.js");

pub(super) const JAVASCRIPT_DETECTOR: &[Embedded] = embed!("examples/plugins/javascript":
    "detector.js" "night-waste.toml" "testcases/lights_left_on/expected.jsonl" "testcases/lights_left_on/plugin.toml"
    "testcases/lights_left_on/readings.jsonl");

pub(super) const JAVASCRIPT_ENRICHER: &[Embedded] = embed!("examples/plugins/javascript":
    "enricher.js" "heating-season.toml" "testcases/months/expected.jsonl" "testcases/months/plugin.toml"
    "testcases/months/readings.jsonl");

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// What tools leave behind, and the example's own README: a new plugin gets another.
    const NOT_EMBEDDED: [&str; 8] =
        ["target", "node_modules", ".venv", "__pycache__", "Cargo.lock", "bindings.rs", ".component.js", "README.md"];

    fn files_under(folder: &Path, prefix: &str, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            let is_sdk_bindings = prefix == "src/" && folder.ends_with("sdk/src");
            if (NOT_EMBEDDED.contains(&name.as_str()) && !is_sdk_bindings) || name.ends_with(".wasm") {
                continue;
            }
            if entry.path().is_dir() {
                files_under(&entry.path(), &format!("{prefix}{name}/"), found);
            } else {
                found.push(format!("{prefix}{name}"));
            }
        }
    }

    #[test]
    fn each_folder_is_embedded_whole() {
        let folders: [(&str, &[&[Embedded]]); 7] = [
            ("wit/v1", &[CONTRACT]),
            ("plugins/sdk", &[SDK]),
            ("plugins/testkit", &[TESTKIT]),
            ("examples/plugins/rust", &[RUST]),
            ("examples/plugins/rust-enricher", &[RUST_ENRICHER]),
            ("examples/plugins/python", &[PYTHON, PYTHON_DETECTOR, PYTHON_ENRICHER]),
            ("examples/plugins/javascript", &[JAVASCRIPT, JAVASCRIPT_DETECTOR, JAVASCRIPT_ENRICHER]),
        ];
        for (folder, lists) in folders {
            let mut there = Vec::new();
            files_under(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder), "", &mut there);
            let mut listed: Vec<_> = lists.iter().flat_map(|list| list.iter()).map(|file| file.path.to_owned()).collect();
            there.sort();
            listed.sort();
            assert_eq!(listed, there, "{folder}: list its files in this file's constants");
        }
    }
}
