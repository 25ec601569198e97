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
    /// Lines of log of one instance for each call; what is more is dropped and counted.
    pub log_lines: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_time: Duration::from_millis(50),
            start_time: Duration::from_secs(2),
            memory: 64 << 20,
            output: 1 << 20,
            log_lines: 20,
        }
    }
}
