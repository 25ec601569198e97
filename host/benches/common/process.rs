//! What the kernel knows of a running process.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context as _, Result, bail};

/// The kernel's clock ticks a second, the same on every Linux that Rust's standard library runs on.
const TICKS: f64 = 100.0;

/// What a process holds of the machine.
#[derive(Clone, Debug)]
pub(crate) struct Resources {
    pub(crate) resident_mebibytes: f64,
    pub(crate) handles: usize,
    pub(crate) threads: usize,
}

impl Resources {
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let entries = |folder: &str| Ok::<_, std::io::Error>(std::fs::read_dir(format!("/proc/{pid}/{folder}"))?.count());
        Ok(Self { resident_mebibytes: mebibytes(pid, "VmRSS:")?, handles: entries("fd")?, threads: entries("task")? })
    }
}

impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} MiB resident, {} handles, {} threads", self.resident_mebibytes, self.handles, self.threads)
    }
}

/// Processor seconds of each thread that lives, by name with digits taken out.
pub(crate) fn thread_seconds(pid: u32) -> Result<BTreeMap<String, f64>> {
    let mut threads = BTreeMap::new();
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let stat = std::fs::read_to_string(task?.path().join("stat")).unwrap_or_default();
        let Some((head, tail)) = stat.rsplit_once(')') else { continue };
        let name: String = head.split_once('(').map_or("", |(_, name)| name).chars().filter(|c| !c.is_ascii_digit()).collect();
        let ticks = |at: usize| tail.split_whitespace().nth(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
        *threads.entry(name).or_insert(0.0) += (ticks(11) + ticks(12)) / TICKS;
    }
    Ok(threads)
}

/// Processor seconds that all processes of the machine have used.
pub(crate) fn machine_seconds() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/stat")?;
    let ticks: Vec<f64> = stat.lines().next().unwrap_or_default().split_whitespace().filter_map(|t| t.parse().ok()).collect();
    let [user, nice, system, _idle, _iowait, irq, softirq, ..] = ticks[..] else { bail!("the kernel tells no processor time") };
    Ok((user + nice + system + irq + softirq) / TICKS)
}

/// Largest resident set so far, in MiB.
pub(crate) fn peak_mebibytes(pid: u32) -> Result<f64> {
    mebibytes(pid, "VmHWM:")
}

fn mebibytes(pid: u32, field: &str) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line =
        status.lines().find_map(|line| line.strip_prefix(field)).with_context(|| format!("the kernel tells no {field}"))?;
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes / 1024.0)
}
