//! What the pipeline is about: no I/O, no async, no wire format.

mod batch;
mod event_time;
mod fingerprint;
mod message;
mod meter;
mod passes;
mod printable;
mod reject;
mod written;

pub use batch::{Batch, Column};
pub use event_time::EventTime;
pub use fingerprint::Fingerprint;
pub use message::{Headers, Message, Redriven};
pub use meter::{BuildingId, Meter, MeterId, MeterTable, Moved, escape_part, split_part};
pub use passes::{Order, Passes};
pub use printable::printable;
pub use reject::{Reason, Reject};
pub use written::{Clock, Written};
