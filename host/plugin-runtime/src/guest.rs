//! What the host keeps beside an instance: its memory's high-water mark, its log, its random numbers.

use std::sync::Arc;

use wasmtime::ResourceLimiter;

use crate::bindings::v1::wattdog::plugin::host::{Host, Level};
use crate::limits::Limits;
use crate::text::{MAX_TEXT_BYTES, one_line};

/// Takes a plugin's log lines.
pub type LogSink = Arc<dyn Fn(Level, &str) + Send + Sync>;

/// What an entry of a function table costs the host.
const TABLE_ENTRY_BYTES: usize = 16;
/// A guest of several linked modules, such as Python's, has dozens of instances and tables and one memory.
const MAX_INSTANCES: usize = 256;
/// Each reserves 4 GiB of address space.
const MAX_MEMORIES: usize = 8;

pub(crate) struct Guest {
    memory_limit: usize,
    pub(crate) memory_bytes: usize,
    /// A growth was denied during this call.
    pub(crate) memory_denied: bool,
    log: LogSink,
    lines_left: u32,
    lines_dropped: u64,
    pub(crate) last_error: Option<String>,
    /// Printed to the standard output or error without an end of line so far.
    unfinished_line: Option<(Level, Vec<u8>)>,
    random_state: u64,
}

impl Guest {
    pub(crate) fn new(limits: &Limits, log: LogSink) -> Self {
        Self {
            memory_limit: limits.memory,
            memory_bytes: 0,
            memory_denied: false,
            log,
            lines_left: 0,
            lines_dropped: 0,
            last_error: None,
            unfinished_line: None,
            random_state: 0,
        }
    }

    pub(crate) fn begin_call(&mut self, limits: &Limits) {
        self.memory_denied = false;
        self.lines_left = limits.log_lines;
        self.lines_dropped = 0;
        self.last_error = None;
    }

    /// Says how much of the log was dropped.
    pub(crate) fn end_call(&mut self) {
        self.finish_line();
        if self.lines_dropped > 0 {
            (self.log)(Level::Warn, &format!("{} more log lines of this call are dropped", self.lines_dropped));
        }
    }

    /// Takes what a guest prints; each line becomes one of the log.
    pub(crate) fn print(&mut self, level: Level, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            if self.unfinished_line.as_ref().is_some_and(|(other, line)| *other != level || line.len() >= MAX_TEXT_BYTES) {
                self.finish_line();
            }
            let (_, line) = self.unfinished_line.get_or_insert_with(|| (level, Vec::new()));
            line.extend(piece);
            if line.pop_if(|last| *last == b'\n').is_some() {
                self.finish_line();
            }
        }
    }

    fn finish_line(&mut self) {
        if let Some((level, line)) = self.unfinished_line.take()
            && !line.is_empty()
        {
            self.write(level, String::from_utf8_lossy(&line).into_owned());
        }
    }

    fn write(&mut self, level: Level, message: String) {
        let message = one_line(message);
        if self.lines_left > 0 {
            self.lines_left -= 1;
            (self.log)(level, &message);
        } else {
            self.lines_dropped += 1;
        }
        if level == Level::Error {
            self.last_error = Some(message);
        }
    }

    /// SplitMix64 from a fixed seed: the same numbers for each instance, so that a replay repeats what happened.
    pub(crate) fn next_random(&mut self) -> u64 {
        self.random_state = self.random_state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random_state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn grow(&mut self, bytes: usize) -> bool {
        let total = self.memory_bytes.saturating_add(bytes);
        let allowed = total <= self.memory_limit;
        if allowed {
            self.memory_bytes = total;
        } else {
            self.memory_denied = true;
        }
        allowed
    }
}

impl Host for Guest {
    fn log(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        self.write(level, message);
        Ok(())
    }
}

impl ResourceLimiter for Guest {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(desired.saturating_sub(current)))
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(desired.saturating_sub(current).saturating_mul(TABLE_ENTRY_BYTES)))
    }

    fn instances(&self) -> usize {
        MAX_INSTANCES
    }

    fn tables(&self) -> usize {
        MAX_INSTANCES
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES
    }
}
