//! What the host keeps beside an instance: its memory's high-water mark, its log.

use std::sync::Arc;

use wasmtime::ResourceLimiter;

use crate::bindings::v1::wattdog::plugin::host::{Host, Level};
use crate::limits::Limits;

/// Takes a plugin's log lines.
pub type LogSink = Arc<dyn Fn(Level, &str) + Send + Sync>;

/// Longest log line in bytes; a panic with its place fits.
const MAX_LOG_BYTES: usize = 2_048;

pub(crate) struct Guest {
    memory_limit: usize,
    pub(crate) memory_bytes: usize,
    /// A growth was denied during this call.
    pub(crate) memory_denied: bool,
    log: LogSink,
    lines_left: u32,
    pub(crate) last_error: Option<String>,
}

impl Guest {
    pub(crate) fn new(limits: &Limits, log: LogSink) -> Self {
        Self { memory_limit: limits.memory, memory_bytes: 0, memory_denied: false, log, lines_left: 0, last_error: None }
    }

    pub(crate) fn begin_call(&mut self, limits: &Limits) {
        self.memory_denied = false;
        self.lines_left = limits.log_lines;
        self.last_error = None;
    }
}

impl Host for Guest {
    fn log(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        if self.lines_left == 0 {
            return Ok(());
        }
        self.lines_left -= 1;
        let end = message.floor_char_boundary(MAX_LOG_BYTES);
        // A plugin's text must not look like lines of ours.
        let message = message[..end].replace(|c: char| c.is_control(), " ");
        (self.log)(level, &message);
        if self.lines_left == 0 {
            (self.log)(Level::Warn, "too many log lines in one call; the rest is dropped");
        }
        if level == Level::Error {
            self.last_error = Some(message);
        }
        Ok(())
    }
}

impl ResourceLimiter for Guest {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.memory_bytes + desired.saturating_sub(current);
        let allowed = total <= self.memory_limit;
        if allowed {
            self.memory_bytes = total;
        } else {
            self.memory_denied = true;
        }
        Ok(allowed)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        // A table entry is a function pointer; no compiler needs a million.
        Ok(desired <= 1_000_000)
    }
}
