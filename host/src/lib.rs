//! wattdog: a watchdog for watts.
//!
//! Modules stand in the order in which a reading flows through them; `ARCHITECTURE.md` walks the same way.

pub mod clock;
pub mod config;
pub mod domain;
pub mod metrics;
mod tls;

pub mod archive;
pub mod counter;
pub mod decode;
pub mod detect;
pub mod enrich;
pub mod kafka;
pub mod pipeline;
pub mod registry;
pub mod results;
pub mod service;
pub mod sink;
pub mod state;
pub mod web;

pub mod cli;
pub mod comparison;
pub mod doctor;
pub mod generate;
pub mod kit;
mod output;
pub mod readings_file;
pub mod replay;
pub mod train;
pub mod wasm;
pub mod window;
mod wording;
