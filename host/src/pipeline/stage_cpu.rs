//! Processor time of each stage of a lane, batch by batch.

use std::time::Duration;

use crate::clock;
use crate::metrics::{FloatCounter, Metrics, StageLabel};

/// What a lane's time goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Read,
    Decode,
    Enrich,
    Window,
    Detect,
    Send,
    State,
    Commit,
}

/// In the order of [`Stage`].
const NAMES: [&str; 8] = ["read", "decode", "enrich", "window", "detect", "send", "state", "commit"];

/// Gives the time since the last lap to the stage that has just ended.
pub(super) struct StageCpu {
    last: Duration,
    counters: [FloatCounter; NAMES.len()],
}

impl StageCpu {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let counter = |stage: &str| metrics.stage_cpu.get_or_create_owned(&StageLabel { stage: stage.to_owned() });
        Self { last: clock::thread_cpu(), counters: NAMES.map(counter) }
    }

    pub(super) fn lap(&mut self, ended: Stage) {
        let now = clock::thread_cpu();
        self.counters[ended as usize].inc_by(now.saturating_sub(self.last).as_secs_f64());
        self.last = now;
    }
}
