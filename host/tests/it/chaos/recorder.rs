//! Copies of topics whose records faults delete, so that it can be said afterwards what they held.

use std::collections::HashMap;
use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};

use crate::log_admin::LogAdmin;

const POLL: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(120);

/// Follows some partitions of one topic.
pub(super) struct Recorder {
    topic: String,
    partitions: Range<i32>,
    stop: Arc<AtomicBool>,
    /// Each partition is recorded up to here.
    positions: Arc<Mutex<HashMap<i32, i64>>>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Appends each record as a line of JSON to a file.
    pub(super) fn start(kafka: &str, topic: &str, partitions: Range<i32>, file: &Path) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", kafka).set("group.id", "recorder").set("enable.auto.commit", "false");
        let consumer: BaseConsumer = config.set("auto.offset.reset", "earliest").create().unwrap();
        let mut list = TopicPartitionList::new();
        for partition in partitions.clone() {
            list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&list).unwrap();
        let (stop, positions) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(HashMap::new())));
        let (stopped, told, file) = (Arc::clone(&stop), Arc::clone(&positions), file.to_owned());
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                record(&consumer, &file);
                for element in consumer.position().unwrap().elements() {
                    if let Offset::Offset(offset) = element.offset() {
                        told.lock().unwrap().insert(element.partition(), offset);
                    }
                }
            }
        });
        Self { topic: topic.to_owned(), partitions, stop, positions, thread: Some(thread) }
    }

    /// Each partition, and up to where it is recorded.
    pub(super) fn positions(&self) -> Vec<(i32, i64)> {
        let positions = self.positions.lock().unwrap();
        self.partitions.clone().map(|partition| (partition, positions.get(&partition).copied().unwrap_or(0))).collect()
    }

    /// Waits until all that the topic holds now is recorded.
    pub(super) fn catch_up(&self, admin: &LogAdmin) {
        let began = Instant::now();
        let ends: Vec<_> = self.partitions.clone().map(|partition| admin.held(&self.topic, partition).1).collect();
        while self.positions().iter().zip(&ends).any(|((_, position), end)| position < end) {
            assert!(began.elapsed() < PATIENCE, "{} is not recorded: {:?} of {ends:?}", self.topic, self.positions());
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// What comes within a moment, in one piece, so that the positions that are told are those of what is in the file.
fn record(consumer: &BaseConsumer, file: &PathBuf) {
    let (mut lines, mut wait) = (String::new(), POLL);
    while let Some(polled) = consumer.poll(wait) {
        wait = Duration::ZERO;
        // The broker may be away, or the topic just be made anew.
        let Ok(message) = polled else { break };
        let value = String::from_utf8_lossy(message.payload().unwrap_or_default());
        let record = serde_json::json!({ "partition": message.partition(), "offset": message.offset(), "value": value });
        lines += &format!("{record}\n");
        if lines.len() > 1 << 20 {
            break;
        }
    }
    if !lines.is_empty() {
        std::fs::File::options().create(true).append(true).open(file).unwrap().write_all(lines.as_bytes()).unwrap();
    }
}

/// Offsets that hosts have named as deleted before they were read.
#[derive(Debug, serde::Serialize)]
pub(super) struct Lost {
    pub(super) reader: String,
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) from: i64,
    pub(super) until: i64,
}

/// From the log of the hosts.
pub(super) fn named_lost(log: &str) -> Vec<Lost> {
    let is_lost = |line: &&str| line.contains("offsets that were never read") || line.contains("rows that this store never had");
    log.lines().filter(is_lost).map(lost).collect()
}

fn lost(line: &str) -> Lost {
    let field = |name: &str| {
        let rest = line.split(&format!(" {name}=")).nth(1)?;
        Some(rest.split_whitespace().next()?.trim_matches('"').to_owned())
    };
    let number = |name: &str| field(name).unwrap_or_else(|| panic!("no {name}: {line}")).parse::<i64>().unwrap();
    Lost {
        reader: field("reader").or_else(|| field("sink")).expect("who reads"),
        topic: field("topic").expect("a topic"),
        partition: i32::try_from(number("partition")).unwrap(),
        from: number("from"),
        until: number("until"),
    }
}
