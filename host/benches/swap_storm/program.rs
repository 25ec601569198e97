//! The real program with one detector, and what is known of it from outside.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::Value;
use wattdog::web::client;

use super::PARTITIONS;

const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Program {
    child: Child,
    kafka: String,
    topic: String,
    folder: PathBuf,
    address: String,
}

/// What it holds of the machine.
pub(crate) struct Resources {
    resident_mebibytes: f64,
    handles: usize,
    threads: usize,
}

impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} MiB resident, {} handles, {} threads", self.resident_mebibytes, self.handles, self.threads)
    }
}

impl Program {
    pub(crate) fn start(kafka: &str, topic: &str, folder: &Path, detector: &Path, report_every: u64) -> Result<Self> {
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let config = folder.join("wattdog.toml");
        std::fs::create_dir(folder.join("plugins"))?;
        std::fs::write(
            &config,
            format!(
                "[kafka]\nbootstrap = \"{kafka}\"\ntopic = \"{topic}\"\ngroup = \"{topic}\"\n[input]\nmax_future = \"36500d\"\n\
                 [window]\nsize = \"1h\"\n\
                 [topics]\naggregations = \"{topic}.aggregations\"\nanomalies = \"{topic}.anomalies\"\n\
                 shadow_anomalies = \"{topic}.shadow\"\ndead_letters = \"{topic}.dead-letters\"\n\
                 [plugins]\ndir = {:?}\ncache = {:?}\naudit = {:?}\n[web]\nlisten = \"{address}\"\n",
                folder.join("plugins"),
                folder.join("cache"),
                folder.join("audit.jsonl"),
            ),
        )?;
        let program_file = env!("CARGO_BIN_EXE_wattdog");
        std::fs::write(folder.join("plugins/tally.toml"), format!("[params]\nreport_every = {report_every}\n"))?;
        std::fs::copy(detector, folder.join("plugins/tally.wasm"))?;
        let child = Command::new(program_file).env("WATTDOG_LOG", "warn").arg("run").arg("--config").arg(&config).spawn()?;
        Ok(Self { child, kafka: kafka.into(), topic: topic.into(), folder: folder.into(), address })
    }

    pub(crate) fn until_ready(&self) -> Result<()> {
        let started = Instant::now();
        while client::get(&self.address, "/readyz").is_err() {
            ensure!(started.elapsed() < PATIENCE, "the program is not ready");
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Puts a copy of the component into the plugin folder, with its time of writing.
    pub(crate) fn put(&self, component: &Path) -> Result<()> {
        let beside = self.folder.join("next.wasm");
        std::fs::copy(component, &beside)?;
        let written = std::fs::metadata(component)?.modified()?;
        std::fs::File::options().write(true).open(&beside)?.set_modified(written)?;
        std::fs::rename(beside, self.folder.join("plugins/tally.wasm")).context("cannot put the detector in its place")
    }

    pub(crate) fn audit(&self) -> Result<Vec<Value>> {
        let text = std::fs::read_to_string(self.folder.join("audit.jsonl"))?;
        text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// Swaps in a lane so far.
    pub(crate) fn swaps(&self) -> Result<usize> {
        let text = std::fs::read_to_string(self.folder.join("audit.jsonl"))?;
        Ok(text.matches("\"event\":\"swapped\"").count())
    }

    pub(crate) fn resources(&self) -> Result<Resources> {
        let process = PathBuf::from(format!("/proc/{}", self.child.id()));
        let status = std::fs::read_to_string(process.join("status"))?;
        let kibibytes: f64 = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|text| text.trim().trim_end_matches("kB").trim().parse().ok())
            .context("the kernel tells no resident set")?;
        Ok(Resources {
            resident_mebibytes: kibibytes / 1024.0,
            handles: std::fs::read_dir(process.join("fd"))?.count(),
            threads: std::fs::read_dir(process.join("task"))?.count(),
        })
    }

    pub(crate) fn until_committed(&self, readings: u64) -> Result<()> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.kafka)
            .set("group.id", &self.topic)
            .set("isolation.level", "read_uncommitted")
            .create()?;
        let started = Instant::now();
        loop {
            let mut list = TopicPartitionList::new();
            for partition in 0..PARTITIONS {
                list.add_partition(&self.topic, partition);
            }
            let offsets = consumer.committed_offsets(list, Duration::from_secs(5))?;
            let offset = |offset: Offset| if let Offset::Offset(offset) = offset { offset.cast_unsigned() } else { 0 };
            let committed: u64 = offsets.elements().iter().map(|element| offset(element.offset())).sum();
            if committed == readings {
                return Ok(());
            }
            ensure!(started.elapsed() < PATIENCE, "{committed} readings of {readings} are committed");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub(crate) fn stop(mut self) -> Result<()> {
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        let status = self.child.wait()?;
        ensure!(status.success(), "wattdog run: {status}");
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}
