//! `wattdog demo`, as a newcomer starts it. No servers.
#![allow(clippy::disallowed_methods, reason = "a test waits with a deadline")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use wattdog::web::client::get;

/// A newcomer's patience, and a slow machine's.
const PATIENCE: Duration = Duration::from_secs(60);

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn wattdog() -> Command {
    let mut wattdog = Command::new(env!("CARGO_BIN_EXE_wattdog"));
    wattdog.current_dir(workspace()).env("WATTDOG_LOG", "off");
    wattdog
}

struct Demo {
    process: Child,
    address: String,
    log: std::sync::Arc<tempfile::NamedTempFile>,
}

impl Demo {
    fn start(arguments: &[&str]) -> Self {
        let mut demo = wattdog();
        let log = tempfile::NamedTempFile::new().unwrap();
        demo.args(["demo", "--no-open", "--port", "0"]).args(arguments).stdout(Stdio::piped());
        demo.env_remove("WATTDOG_LOG").stderr(log.reopen().unwrap());
        let mut process = demo.spawn().unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
        let line = said.find(|line| line.starts_with("wattdog demo: page ")).expect("the demo says where its page is");
        let address = line.split("http://").nth(1).unwrap().split(',').next().unwrap().to_owned();
        // What it says later goes on finding a reader.
        std::thread::spawn(move || said.for_each(drop));
        Self { process, address, log: log.into() }
    }

    fn eventually<T>(&self, what: &str, look: impl Fn(&str) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(found) = look(&self.address) {
                return found;
            }
            assert!(started.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap()
    }

    /// Asks it to end as Ctrl-C does; its exit code.
    fn stop(&mut self) -> Option<i32> {
        assert!(Command::new("kill").arg("-INT").arg(self.process.id().to_string()).status().unwrap().success());
        let started = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.code();
            }
            assert!(started.elapsed() < PATIENCE, "the demo does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The share of so many readings, or some more, with which something was found.
    fn share_of_findings(&self, readings: f64) -> f64 {
        self.eventually("readings", |address| {
            let metrics = get(address, "/metrics", None).ok()?;
            let sum = |name: &str| -> f64 {
                let of = |line: &str| line.strip_prefix(name)?.rsplit_once(' ')?.1.parse::<f64>().ok();
                metrics.lines().filter_map(of).sum()
            };
            let read = sum("wattdog_readings_total");
            (read >= readings).then(|| sum("wattdog_findings_total") / read)
        })
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn three_kinds_of_anomaly_show_within_the_first_minute() {
    let demo = Demo::start(&[]);
    demo.eventually("three kinds of anomaly", |address| {
        let found: Vec<Value> = serde_json::from_str(&get(address, "/api/v1/anomalies?limit=500", None).ok()?).ok()?;
        let kind = |row: &Value| {
            let reason = row["reason"].as_str()?;
            Some((reason.split(' ').next()?.to_owned(), reason.contains(" above ")))
        };
        let kinds: BTreeSet<_> = found.iter().filter_map(kind).collect();
        (kinds.len() >= 3).then_some(())
    });
}

/// A month of generated readings, hour by hour, each written as `write` says.
fn month(folder: &Path, write: impl Fn(Value) -> Value) -> String {
    let (generated, file) = (folder.join("generated.jsonl"), folder.join("month.jsonl"));
    let mut generate = wattdog();
    generate.args(["generate", "readings", "--interval", "3600", "--count", "10800", "--start", "2026-01-01T00:00:00Z"]);
    assert!(generate.arg("--output").arg(&generated).status().unwrap().success());
    let mut lines = String::new();
    for line in std::fs::read_to_string(&generated).unwrap().lines() {
        writeln!(lines, "{}", write(serde_json::from_str(line).unwrap())).unwrap();
    }
    std::fs::write(&file, lines).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn readings_of_ones_own_are_judged_by_a_model_of_their_past() {
    let folder = tempfile::tempdir().unwrap();
    // Ten times as large as where the project's own model comes from.
    let data = month(folder.path(), |mut reading| {
        for measure in ["electricity", "water"] {
            reading[measure] = (reading[measure].as_f64().unwrap() * 10.0).into();
        }
        reading
    });
    let arguments = ["--data", &data, "--window", "1h", "--history", "25d"];
    let own = Demo::start(&arguments).share_of_findings(9_000.0);
    let foreign = Demo::start(&[&arguments[..], &["--plugins", "plugins"]].concat()).share_of_findings(9_000.0);
    assert!(own < 0.2 && foreign > 0.8, "found with {own} of the readings, with the project's own model {foreign}");
}

#[test]
fn every_reading_of_a_file_is_played_and_the_end_is_quiet() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read_to_string(month(folder.path(), |reading| reading)).unwrap();
    for readings in [1, 40, 700] {
        let file = folder.path().join(format!("{readings}.jsonl"));
        std::fs::write(&file, whole.lines().take(readings).map(|line| format!("{line}\n")).collect::<String>()).unwrap();
        let mut demo = Demo::start(&["--data", file.to_str().unwrap(), "--window", "1h", "--speed", "3600"]);
        let played = format!("all readings are played; the page stays until Ctrl-C readings={readings}");
        demo.eventually("all readings are played", |_| demo.log().contains(&played).then_some(()));
        demo.eventually("all readings are read", |address| {
            let metrics = get(address, "/metrics", None).ok()?;
            metrics.contains(&format!("\nwattdog_readings_total {readings}\n")).then_some(())
        });
        assert_eq!(demo.stop(), Some(0), "{}", demo.log());
        assert!(!demo.log().contains("ERROR"), "{}", demo.log());
    }
}

#[test]
fn readings_in_a_form_of_ones_own_are_read_by_a_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let data = month(folder.path(), |reading| {
        let watt_hours = reading["electricity"].as_f64().unwrap() * 1e3;
        serde_json::json!({ "at": reading["timestamp"], "site": { "name": reading["building"] }, "meter": reading["floor"], "used": watt_hours })
    });
    let config = folder.path().join("wattdog.toml");
    let input = "[input]\ntimestamp = \"at\"\nbuilding = \"site.name\"\nfloor = \"meter\"\n\
                 [input.measures.electricity]\nfield = \"used\"\nunit = \"kWh\"\nsent_in = \"Wh\"\n";
    std::fs::write(&config, input).unwrap();
    let demo = Demo::start(&["--data", &data, "--config", config.to_str().unwrap(), "--window", "1h", "--history", "25d"]);
    let share = demo.share_of_findings(9_000.0);
    assert!(share > 0.0 && share < 0.2, "found with {share} of the readings");
    let average = demo.eventually("windows", |address| {
        let rows: Value = serde_json::from_str(&get(address, "/api/v1/aggregations?limit=1", None).ok()?).ok()?;
        rows[0]["avg_electricity"].as_f64()
    });
    assert!((50.0..400.0).contains(&average), "{average} kWh");
}
