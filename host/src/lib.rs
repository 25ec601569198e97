//! wattdog: a watchdog for watts.
//!
//! Modules stand in the order in which a reading flows through them; `ARCHITECTURE.md` walks the same way.

pub mod clock;
pub mod config;
pub mod decode;
pub mod domain;
pub mod kafka;
pub mod results;
pub mod sink;
pub mod window;
