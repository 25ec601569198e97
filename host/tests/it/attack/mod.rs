//! Attacks on a host that has readings to take meanwhile: by those who can write files, send records, ask the page, answer or own the
//! store. `cargo xtask attack` prints for each how much memory the host took at most, and that every reading came through.

mod files;
mod receivers;
mod senders;
mod siege;
mod stores;

use siege::Siege;
