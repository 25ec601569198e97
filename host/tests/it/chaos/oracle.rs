//! Every row and every dead letter that follows from the input topic, told by code that shares nothing with the host's: the Python
//! of `host/xtask/verify/delivery.py`.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::load::UNBEARABLE;
use super::recorder::named_lost;
use crate::faults::service;
use crate::servers::{World, variable, workspace};

/// What Python says of a server of MongoDB's protocol that does not answer.
const NO_ANSWER: [&str; 2] = ["pymongo.errors.NetworkTimeout", "pymongo.errors.ServerSelectionTimeoutError"];

/// What there should be, and what is not as it should be.
#[derive(Deserialize)]
pub(crate) struct Comparison {
    pub(crate) expected: String,
    pub(crate) lost: Vec<String>,
    pub(crate) doubled: Vec<String>,
    pub(crate) wrong: Vec<String>,
}

impl Comparison {
    /// What is doubled first: the comparison ends with it, before late rows have come.
    pub(crate) fn differences(&self) -> Vec<&String> {
        self.doubled.iter().chain(&self.wrong).chain(&self.lost).collect()
    }
}

/// Compares until all is as it should be, or patience ends. `keyed`: the topic that lanes read instead of the input.
pub(crate) async fn compare(world: &World, input: &str, keyed: Option<&str>, patience: Duration) -> Comparison {
    compare_with(world, input, keyed, None, patience).await
}

/// Copies of topics whose records were deleted. What hosts have named as lost of them need not be in any result.
pub(super) struct Named<'a> {
    pub(super) input: &'a Path,
    pub(super) rows: &'a Path,
}

/// With what was deleted on the way.
pub(super) async fn compare_with(
    world: &World,
    input: &str,
    keyed: Option<&str>,
    named: Option<&Named<'_>>,
    patience: Duration,
) -> Comparison {
    let began = Instant::now();
    loop {
        let is_last = began.elapsed() > patience;
        let output = compare_now(world, input, keyed, named);
        if output.status.success() {
            let comparison: Comparison = serde_json::from_slice(&output.stdout).expect("the oracle prints one object");
            // What is doubled stays so.
            if comparison.differences().is_empty() || !comparison.doubled.is_empty() || is_last {
                return comparison;
            }
        }
        // A store that was just started may not answer yet.
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() || !is_last, "the oracle: {} {said}", output.status);
        if NO_ANSWER.iter().any(|error| said.contains(error)) {
            wake_mongodb();
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

/// FerretDB 1 was seen to lock itself up for good when its own database went away and many clients came back at once; nothing but
/// a restart helps, for which its operator would see.
fn wake_mongodb() {
    service("stop", "ferretdb");
    service("start", "ferretdb");
}

fn compare_now(world: &World, input: &str, keyed: Option<&str>, named: Option<&Named<'_>>) -> Output {
    let mut oracle = Command::new(variable("WATTDOG_TEST_PYTHON"));
    oracle.arg(workspace().join("host/xtask/verify/delivery.py"));
    // The scripts stand in the source tree, which stays as it is.
    oracle.env("PYTHONDONTWRITEBYTECODE", "1");
    oracle.args(["--kafka", &world.kafka, "--input", input]).args(keyed.map(|topic| format!("--keyed={topic}")));
    oracle.arg("--anomalies").arg(format!("{}.anomalies", world.name));
    oracle.arg("--dead-letters").arg(format!("{}.dead-letters", world.name));
    oracle.args(["--postgres", &world.postgres, "--mongodb", &world.mongodb, "--database", &world.name]);
    oracle.arg("--models").arg(workspace().join("models")).arg("--unbearable").arg(UNBEARABLE.to_string());
    if let Some(Named { input, rows }) = named {
        let lost = world.folder.path().join("lost.json");
        std::fs::write(&lost, serde_json::to_vec(&named_lost(&world.log())).unwrap()).unwrap();
        oracle.arg("--recorded-input").arg(input).arg("--recorded-rows").arg(rows).arg("--lost").arg(lost);
    }
    oracle.output().expect("Python runs")
}
