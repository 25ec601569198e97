//! What a plugin may take. Every limit is finite by default.

use std::time::Duration;

/// Limits of one plugin; the names are those of the sidecar's `[limits]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// One call with a batch: a thousand times what K-Means needs.
    pub batch_time: Duration,
    /// Instantiate, describe and configure: a Python guest needs a second.
    pub start_time: Duration,
    /// Linear memory of one instance, in bytes.
    pub memory: usize,
    /// What one call may return, in bytes, beyond the dense column of 8 bytes for each row and output.
    pub output: usize,
    /// Lines of log a second of one instance, and as many at once; what is more is dropped and counted.
    pub log_lines: u32,
    /// State of one meter, in bytes.
    pub state: usize,
    /// Entries of all tables of one instance.
    pub tables: usize,
    /// Modules within one instance: a guest of Python's, of several linked ones, has dozens.
    pub instances: usize,
    /// The component's file, in bytes: a Python guest has 18 MB.
    pub component: usize,
    /// Processor time that compiling may take: a Python guest needs 25 seconds.
    pub compile_time: Duration,
    /// Address space of the process that compiles, in bytes.
    pub compile_memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_time: Duration::from_millis(50),
            start_time: Duration::from_secs(2),
            memory: 64 << 20,
            output: 1 << 20,
            log_lines: 20,
            state: 64 << 10,
            tables: 100_000,
            instances: 256,
            component: 64 << 20,
            compile_time: Duration::from_secs(90),
            compile_memory: 4 << 30,
        }
    }
}
