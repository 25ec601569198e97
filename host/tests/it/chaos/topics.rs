//! Topics that are cut, made anew and given more partitions under the hosts, with copies of what they held.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::load::Load;
use super::recorder::{Recorder, named_lost};
use crate::feeder::PARTITIONS;
use crate::log_admin::LogAdmin;
use crate::servers::World;

/// Hosts that stand still for so long have not read what is deleted meanwhile; shorter than their session.
pub(super) const STANDSTILL: Duration = Duration::from_secs(3);
const MOST_PARTITIONS: i32 = 6;
const PATIENCE: Duration = Duration::from_secs(180);

pub(super) struct Topics {
    pub(super) admin: LogAdmin,
    kafka: String,
    /// Where readings are sent to.
    input: String,
    partitions: i32,
    recorders: Vec<Recorder>,
    /// All that the input ever held, but what hosts have named as lost.
    pub(super) input_file: PathBuf,
    /// What the input of now holds, or held.
    current: PathBuf,
    /// So much of the hosts' log is of earlier inputs.
    settled: usize,
    named: usize,
    aggregations: String,
    rows: Recorder,
    pub(super) rows_file: PathBuf,
}

impl Topics {
    /// Of a world whose topics are there.
    pub(super) fn of(world: &World) -> Self {
        let (input, aggregations) = (world.name.clone(), format!("{}.aggregations", world.name));
        let [input_file, current, rows_file] =
            ["input.jsonl", "input-now.jsonl", "rows.jsonl"].map(|name| world.folder.path().join(name));
        Self {
            admin: LogAdmin::of(&world.kafka),
            recorders: vec![Recorder::start(&world.kafka, &input, 0..PARTITIONS, &current)],
            rows: Recorder::start(&world.kafka, &aggregations, 0..PARTITIONS, &rows_file),
            kafka: world.kafka.clone(),
            input,
            partitions: PARTITIONS,
            input_file,
            current,
            settled: 0,
            named: 0,
            aggregations,
            rows_file,
        }
    }

    /// Deletes the input's records, up to what is recorded.
    pub(super) async fn cut_input(&self) {
        for (partition, until) in self.recorders.iter().flat_map(Recorder::positions) {
            self.admin.cut(&self.input, partition, rdkafka::Offset::Offset(until)).await;
        }
    }

    /// Deletes the rows of windows, up to what is recorded.
    pub(super) async fn cut_rows(&self) {
        for (partition, until) in self.rows.positions() {
            self.admin.cut(&self.aggregations, partition, rdkafka::Offset::Offset(until)).await;
        }
    }

    pub(super) async fn grow_input(&mut self) {
        if self.partitions < MOST_PARTITIONS {
            self.admin.grow(&self.input, usize::try_from(self.partitions + 1).unwrap()).await;
            let grown = self.partitions..self.partitions + 1;
            self.recorders.push(Recorder::start(&self.kafka, &self.input, grown, &self.current));
            self.partitions += 1;
        }
    }

    /// Waits until the hosts have read all of the input, or named it as lost. Returns how many records they have named in all, each once.
    pub(super) fn settle(&mut self, world: &World) -> usize {
        self.recorders.iter().for_each(|recorder| recorder.catch_up(&self.admin));
        self.wait_until_read(&format!("{}.repartition", world.name));
        self.recorders.clear();
        let log = world.log();
        let mut lost = named_lost(&log[self.settled..]);
        lost.retain(|lost| lost.topic == self.input);
        self.settled = log.len();
        let held = std::fs::read_to_string(&self.current).unwrap_or_default();
        let is_kept = |line: &&str| {
            let record: serde_json::Value = serde_json::from_str(line).expect("as it was written");
            let (partition, offset) = (record["partition"].as_i64().unwrap(), record["offset"].as_i64().unwrap());
            !lost.iter().any(|lost| i64::from(lost.partition) == partition && (lost.from..lost.until).contains(&offset))
        };
        let kept: String = held.lines().filter(is_kept).map(|line| format!("{line}\n")).collect();
        self.named += held.lines().count() - kept.lines().count();
        std::fs::File::options().create(true).append(true).open(&self.input_file).unwrap().write_all(kept.as_bytes()).unwrap();
        let _ = std::fs::remove_file(&self.current);
        self.named
    }

    fn wait_until_read(&self, group: &str) {
        let began = Instant::now();
        let is_read = |partition: i32| {
            let (_, end) = self.admin.held(&self.input, partition);
            end == 0 || LogAdmin::committed(&self.kafka, group, &self.input, partition) >= end
        };
        while !(0..self.partitions).all(is_read) {
            assert!(began.elapsed() < PATIENCE, "the input is not read");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Another input of the same name, once the group has read all of the old one: what it had not read could be told by nobody.
    pub(super) async fn make_input_anew(&mut self, world: &World, load: &Load) {
        load.pause();
        self.settle(world);
        self.admin.make_anew(&self.input, self.partitions, &[]).await;
        self.recorders.push(Recorder::start(&self.kafka, &self.input, 0..self.partitions, &self.current));
        load.go_on();
    }
}
