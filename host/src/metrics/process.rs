//! The process itself, under the names of Prometheus' own client libraries.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::clock;

/// Asks the system whenever somebody asks.
#[derive(Debug)]
pub(super) struct Process {
    /// Seconds since the epoch.
    started: f64,
}

impl Process {
    pub(super) fn new() -> Self {
        Self { started: clock::now().as_millisecond() as f64 / 1e3 }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut tell = |name: &str, help: &str, metric: &dyn EncodeMetric| {
            metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
        };
        let cpu = ConstCounter::new(cpu_time::ProcessTime::now().as_duration().as_secs_f64());
        tell("process_cpu_seconds", "Processor time of the process", &cpu)?;
        tell("process_start_time_seconds", "Start of the process, since the epoch", &ConstGauge::new(self.started))?;
        if let Some(bytes) = resident_bytes() {
            tell("process_resident_memory_bytes", "Resident set of the process", &ConstGauge::new(bytes))?;
        }
        if let Ok(handles) = std::fs::read_dir("/proc/self/fd") {
            tell("process_open_fds", "File handles of the process", &ConstGauge::new(handles.count() as i64))?;
        }
        Ok(())
    }
}

/// proc_pid_statm(5): the second number is the resident set in pages.
fn resident_bytes() -> Option<i64> {
    let pages: i64 = std::fs::read_to_string("/proc/self/statm").ok()?.split(' ').nth(1)?.parse().ok()?;
    Some(pages * i64::try_from(rustix::param::page_size()).ok()?)
}
