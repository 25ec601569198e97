//! Attacks on a host that has readings to take meanwhile: by files, records, answers, and on stores. `cargo xtask attack` prints for each
//! the most memory that the host took, and that every reading came through.

mod files;
mod receivers;
mod senders;
mod siege;
mod stores;

use siege::Siege;
