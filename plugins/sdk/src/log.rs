//! Lines for the host's log, under the plugin's name. Too many or too long ones are dropped by the host, and counted.
//!
//! Outside WebAssembly they go nowhere.

use crate::bindings::lifecycle::wattdog::plugin::host::{self, Level};

/// What helps to find a fault.
pub fn debug(message: &str) {
    log(Level::Debug, message);
}

/// What is worth knowing once.
pub fn info(message: &str) {
    log(Level::Info, message);
}

/// What an operator should look at.
pub fn warn(message: &str) {
    log(Level::Warn, message);
}

/// What went wrong.
pub fn error(message: &str) {
    log(Level::Error, message);
}

fn log(level: Level, message: &str) {
    if cfg!(target_family = "wasm") {
        host::log(level, message);
    }
}
