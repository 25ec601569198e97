//! What the host keeps beside an instance: its memory's high-water mark, its log, its random numbers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wasmtime::ResourceLimiter;

use crate::contract::v1_bindings::wattdog::plugin::host::{Host, Level};
use crate::deadline::Deadline;
use crate::limits::Limits;
use crate::log_lines::LogLines;
use crate::text::{MAX_TEXT_BYTES, one_line};

/// Takes a plugin's log lines.
pub type LogSink = Arc<dyn Fn(Level, &str) + Send + Sync>;

/// Each reserves 4 GiB of address space.
const MAX_MEMORIES: usize = 8;

pub(crate) struct Guest {
    pub(crate) deadline: Deadline,
    memory_limit: usize,
    pub(crate) memory_bytes: usize,
    table_limit: usize,
    table_entries: usize,
    instance_limit: usize,
    /// A growth was denied during this call.
    pub(crate) memory_denied: bool,
    log: LogSink,
    /// Of all instances of the plugin together: one that traps is followed by another.
    lines: Arc<Mutex<LogLines>>,
    pub(crate) last_error: Option<String>,
    /// Printed to the standard output or error without an end of line so far.
    unfinished_line: Option<(Level, Vec<u8>)>,
    random_state: u64,
}

impl Guest {
    pub(crate) fn new(limits: &Limits, log: LogSink, lines: Arc<Mutex<LogLines>>) -> Self {
        Self {
            deadline: Deadline::new(),
            memory_limit: limits.memory,
            memory_bytes: 0,
            table_limit: limits.tables,
            table_entries: 0,
            instance_limit: limits.instances,
            memory_denied: false,
            log,
            lines,
            last_error: None,
            unfinished_line: None,
            random_state: 0,
        }
    }

    pub(crate) fn begin_call(&mut self) {
        self.memory_denied = false;
        self.last_error = None;
    }

    /// Says how much of the log was dropped.
    pub(crate) fn end_call(&mut self) {
        self.finish_line();
        let dropped = self.lines().take_dropped();
        if let Some(dropped) = dropped {
            (self.log)(Level::Warn, &format!("{dropped} more log lines are dropped; raise `limits.log_lines` to see them"));
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

    fn lines(&self) -> MutexGuard<'_, LogLines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
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
        let allowed = self.lines().take_one();
        if allowed {
            (self.log)(level, &message);
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
        let entries = self.table_entries.saturating_add(desired.saturating_sub(current));
        let allowed = entries <= self.table_limit;
        if allowed {
            self.table_entries = entries;
        }
        Ok(allowed)
    }

    fn instances(&self) -> usize {
        self.instance_limit
    }

    fn tables(&self) -> usize {
        self.instance_limit
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES
    }
}
