//! Lanes, and what joins the stages: the only room that knows them all.

mod following;
mod lane;
mod lanes;
mod results;
mod stage_cpu;
mod stages;
mod state;
mod warm_up;
mod wiring;

pub use lanes::{LaneInfo, Lanes};
pub use state::LaneState;
pub use wiring::{Host, HostError, Status};
