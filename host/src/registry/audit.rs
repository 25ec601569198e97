//! The record of what happened to plugins: one JSON object a line, never rewritten.

use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use wattdog_files::read_text;

use super::last_run::LastRun;
use super::{Loaded, Versions};
use crate::clock;

/// Of a record that is read; some millions of lines.
const MOST_BYTES: u64 = 1 << 30;

/// Lines that the page can show.
const KEPT: usize = 500;

/// One event.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditLine {
    /// RFC 3339, by the machine's clock.
    pub time: String,
    /// `loaded`, `swapped`, `refused`, `promoted`, `warming`, `rolled-back`, `quarantined`, `released`, `removed`, `off`, `gone`
    pub event: String,
    /// The file, without `.wasm`.
    pub file: String,
    /// The plugin's own name, where it has said it.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the component, in hex.
    pub digest: String,
    /// Why, in words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The digest that was there before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced: Option<String>,
    /// Of a swap: the lane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<i32>,
    /// Of a swap: the first offset that the new one takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<i64>,
    /// Of a swap: meters whose state came along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meters: Option<usize>,
    /// Of a swap: the longest time that the lane did nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause_us: Option<u64>,
    /// Of a swap: the processor time of that step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub busy_us: Option<u64>,
}

/// Writes the record and remembers its end.
#[derive(Debug)]
pub struct Audit {
    file: PathBuf,
    versions: Versions,
    last: Last,
    /// It could not be written; said once.
    failed: bool,
}

impl Audit {
    pub(super) fn new(file: PathBuf) -> Self {
        Self { versions: Versions::beside(&file), file, last: Last::default(), failed: false }
    }

    /// The end of the record, as it grows.
    pub(super) fn last(&self) -> Last {
        self.last.clone()
    }

    /// Keeps a component for a way back.
    pub(super) fn keep(&mut self, digest: &str, bytes: &[u8]) {
        if let Err(error) = self.versions.keep(digest, bytes) {
            self.failed_to_write(&error);
        }
    }

    /// Keeps what runs for another life of the host.
    pub(super) fn keep_last_run(&mut self, loaded: &Loaded, instead_of: Option<[u8; 32]>) {
        let kept = self
            .versions
            .read(&loaded.digest)
            .and_then(|component| self.versions.keep_last_run(&loaded.file_stem, &LastRun::new(loaded, component, instead_of)));
        if let Err(error) = kept {
            self.failed_to_write(&error);
        }
    }

    pub(super) fn versions(&self) -> &Versions {
        &self.versions
    }

    pub(super) fn write(&mut self, mut line: AuditLine) {
        line.time = clock::now().to_string();
        if let Err(error) = append(&self.file, &line) {
            self.failed_to_write(&error);
        }
        self.last.push(line);
    }

    fn failed_to_write(&mut self, error: &std::io::Error) {
        if !std::mem::replace(&mut self.failed, true) {
            tracing::warn!(file = %self.file.display(), %error, "cannot write the audit record of plugins; set `plugins.audit`");
        }
    }

    /// All lines of a record; those that cannot be read are left out.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(file: &Path) -> std::io::Result<Vec<AuditLine>> {
        let text = read_text(file, MOST_BYTES)?;
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }
}

/// The last lines. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub(super) struct Last(Arc<Mutex<VecDeque<AuditLine>>>);

impl Last {
    fn push(&self, line: AuditLine) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// The newest last.
    pub(super) fn lines(&self) -> Vec<AuditLine> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

fn append(file: &Path, line: &AuditLine) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    OpenOptions::new().create(true).append(true).open(file)?.write_all(&text)
}
