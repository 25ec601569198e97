//! Lanes, and what joins the stages: the only room that knows them all.

#[cfg(test)]
mod cases;
mod commit;
mod crash_point;
mod following;
mod gauges;
mod homes;
mod lane;
mod lanes;
mod log;
mod pace;
mod progress;
mod recovery;
mod rekeyer;
mod repartition;
mod results;
#[cfg(test)]
mod simulation;
mod stage_cpu;
mod stages;
mod warm_up;
mod wiring;
mod work;

pub use lanes::{LaneInfo, Lanes};
pub use log::{LaneLog, LogError, Queued, TakeRecord};
pub use progress::{Progress, Watermark};
pub use wiring::{Host, HostError, Status};
