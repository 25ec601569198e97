//! A program in Python that is told things, and says each as a line of JSON; the first line is where it listens.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::servers::{variable, workspace};

pub(crate) struct Told {
    process: Child,
    /// Its first line.
    pub(crate) address: Value,
    lines: Arc<Mutex<Vec<Value>>>,
}

impl Told {
    /// `script`: its path under `host/tests`.
    pub(crate) fn start(script: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(variable("WATTDOG_TEST_PYTHON"));
        command.arg(workspace().join("host/tests").join(script)).args(arguments);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut lines = lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap());
        let address = lines.next().unwrap_or_else(|| panic!("{script} does not start"));
        let told = Arc::new(Mutex::new(Vec::new()));
        let more = Arc::clone(&told);
        std::thread::spawn(move || lines.for_each(|line| more.lock().unwrap().push(line)));
        Self { process, address, lines: told }
    }

    /// What it was told so far, where `field` is `value`.
    pub(crate) fn of(&self, field: &str, value: &str) -> Vec<Value> {
        self.lines.lock().unwrap().iter().filter(|line| line[field] == value).cloned().collect()
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
