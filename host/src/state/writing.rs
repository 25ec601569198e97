//! State into the outbox: only what changed since it was last written.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use serde::Serialize;

use super::record::{key_of_part, parts, write_part};
use super::{COUNTER, LANE, LaneRecord, LaneState, METER, MeterRecord, PASS, PLUGIN, Shape, TIME, WINDOW, meter_key, prefix};
use crate::config::Config;
use crate::domain::{MeterId, MeterTable};
use crate::results::Outbox;
use crate::wasm::{LanePlugin, States};
use crate::window::Change;

/// Which meters of a plugin the topic has.
#[derive(Debug)]
pub(super) struct Ledger {
    lineage: u64,
    written: Vec<bool>,
}

impl Ledger {
    pub(super) fn mark(&mut self, meter: MeterId, is_written: bool) -> bool {
        let index = meter.0 as usize;
        if self.written.len() <= index {
            self.written.resize(index + 1, false);
        }
        std::mem::replace(&mut self.written[index], is_written)
    }

    fn all(&self) -> impl Iterator<Item = MeterId> + '_ {
        (0..).map(MeterId).zip(&self.written).filter(|(_, written)| **written).map(|(meter, _)| meter)
    }
}

/// Writes a lane's state; knows what the topic has of it.
#[derive(Debug)]
pub struct StateWriter {
    prefix: String,
    shape: Shape,
    /// Meters that the topic has: those below.
    pub(super) meters: usize,
    /// By file.
    ledgers: BTreeMap<String, Ledger>,
    /// The records that the topic has beside the lane's own, by a hash of their keys, and of how many parts each is.
    records: HashMap<u64, u16, ahash::RandomState>,
    /// Keys that mean nothing any more.
    stale: Vec<Vec<u8>>,
    /// The offset of what was last written; none: nothing was.
    pub(super) cut: Option<i64>,
    /// Payload of the record at hand.
    payload: Vec<u8>,
}

impl StateWriter {
    /// For a lane of which the topic has nothing; `stale` is what it has all the same, to be taken away.
    #[must_use]
    pub fn new(config: &Config, stale: Vec<Vec<u8>>) -> Self {
        Self {
            prefix: prefix(config),
            shape: Shape::of(config),
            meters: 0,
            ledgers: BTreeMap::new(),
            records: HashMap::default(),
            stale,
            cut: None,
            payload: Vec::new(),
        }
    }

    /// The offset of what was last written.
    #[must_use]
    pub fn cut(&self) -> Option<i64> {
        self.cut
    }

    /// The topic has a record of this key, with a payload of this length.
    pub(super) fn has(&mut self, key: &[u8], length: usize) {
        self.records.insert(hash(key), parts(length));
    }

    /// What the topic has of the plugin of this file, whose states are of this lineage.
    pub(super) fn ledger(&mut self, file_stem: &str, lineage: u64) -> &mut Ledger {
        self.ledgers.entry(file_stem.to_owned()).or_insert_with(|| Ledger { lineage, written: Vec::new() })
    }

    /// What stands under this key, or is a part of it, means nothing any more.
    pub(super) fn discard(&mut self, key: &[u8]) {
        self.records.remove(&hash(key));
        self.stale.push(key.to_vec());
    }

    /// How many records the topic has beside the lane's own.
    pub(super) fn records(&self) -> usize {
        self.records.len()
    }

    /// Adds what changed to the outbox, as one cut at `next_offset`. Returns its bytes.
    pub fn write<'p>(
        &mut self,
        state: &mut LaneState,
        plugins: impl Iterator<Item = &'p mut LanePlugin>,
        next_offset: i64,
        outbox: &mut Outbox,
    ) -> usize {
        let before = outbox.byte_len();
        self.cut = Some(next_offset);
        let mut cut = Cut { writer: self, next_offset, outbox };
        cut.remove_stale();
        cut.meters(&state.meters);
        cut.passes(&mut state.meters);
        let LaneState { meters, windows, counters, .. } = state;
        counters.take_changes(|meter, shown| cut.record(&[COUNTER, &meter_key(meters, meter)], &shown));
        windows.take_changes(|change| match change {
            Change::Time(building, time) => cut.record(&[TIME, meters.building(building)], time),
            Change::Window(building, window) => {
                cut.record(&[WINDOW, &window.start_us.to_string(), "/", meters.building(building)], window);
            }
            Change::Forgotten(building, start_us) => {
                cut.remove(&[WINDOW, &start_us.to_string(), "/", meters.building(building)]);
            }
        });
        let mut identities = Vec::new();
        for plugin in plugins.filter(|plugin| !plugin.is_held()) {
            identities.push(plugin.identity());
            if let Some(states) = plugin.states_mut() {
                cut.plugin(&identities[identities.len() - 1].file_stem, states, meters);
            }
        }
        cut.remove_plugins_but(
            |stem| identities.iter().any(|identity| identity.is_stateful && identity.file_stem == stem),
            meters,
        );
        let (shape, records) = (cut.writer.shape.clone(), cut.writer.records());
        cut.lane(&LaneRecord { next_offset, topic_id: state.topic_id, shape, records, plugins: identities });
        outbox.byte_len() - before
    }
}

/// Two keys of one hash would be counted as one record, and the lane built anew for nothing: once in more lives than there will be.
fn hash(key: &[u8]) -> u64 {
    static STATE: LazyLock<ahash::RandomState> = LazyLock::new(ahash::RandomState::new);
    STATE.hash_one(key)
}

/// One writing.
struct Cut<'a> {
    writer: &'a mut StateWriter,
    next_offset: i64,
    outbox: &'a mut Outbox,
}

impl Cut<'_> {
    fn key(&self, name: &[&str]) -> Vec<u8> {
        let mut key = self.writer.prefix.clone().into_bytes();
        name.iter().for_each(|part| key.extend_from_slice(part.as_bytes()));
        key
    }

    fn record(&mut self, name: &[&str], value: &impl Serialize) {
        let mut payload = std::mem::take(&mut self.writer.payload);
        payload.clear();
        let payload = postcard::to_extend(value, payload).expect("plain data has a plain form");
        self.bytes(name, &payload);
        self.writer.payload = payload;
    }

    /// Without it nothing else counts.
    fn lane(&mut self, record: &LaneRecord) {
        let payload = postcard::to_stdvec(record).expect("plain data has a plain form");
        let (key, next_offset) = (self.key(&[LANE]), self.next_offset);
        self.outbox.push_state(&key, |out| write_part(&key, &payload, 0, next_offset, out));
    }

    fn bytes(&mut self, name: &[&str], payload: &[u8]) {
        let key = self.key(name);
        let parts = parts(payload.len());
        for part in 0..parts {
            let part_key = key_of_part(&key, part);
            self.outbox.push_state(&part_key, |out| write_part(&key, payload, part, self.next_offset, out));
        }
        let before = self.writer.records.insert(hash(&key), parts);
        (parts..before.unwrap_or(1)).for_each(|part| self.outbox.remove_state(&key_of_part(&key, part)));
    }

    fn remove(&mut self, name: &[&str]) {
        let key = self.key(name);
        let parts = self.writer.records.remove(&hash(&key)).unwrap_or(1);
        (0..parts).for_each(|part| self.outbox.remove_state(&key_of_part(&key, part)));
    }

    fn remove_stale(&mut self) {
        for key in std::mem::take(&mut self.writer.stale) {
            self.outbox.remove_state(&key);
        }
    }

    /// Meters are only ever added.
    fn meters(&mut self, meters: &MeterTable) {
        for (meter, id) in meters.meters().iter().zip((0..).map(MeterId)).skip(self.writer.meters) {
            let record = MeterRecord { floor: meter.floor.as_deref() };
            self.record(&[METER, &meter_key(meters, id)], &record);
        }
        self.writer.meters = meters.count();
    }

    fn passes(&mut self, meters: &mut MeterTable) {
        let mut passes = std::mem::take(&mut meters.passes);
        passes.take_changes(|meter, order| {
            let name = [PASS, &meter_key(meters, meter)];
            match order {
                Some(order) => self.record(&name, order),
                None => self.remove(&name),
            }
        });
        meters.passes = passes;
    }

    fn plugin(&mut self, file_stem: &str, states: &mut States, meters: &MeterTable) {
        let mut ledger =
            self.writer.ledgers.remove(file_stem).unwrap_or_else(|| Ledger { lineage: states.lineage(), written: Vec::new() });
        let is_another = ledger.lineage != states.lineage();
        if is_another || ledger.written.is_empty() {
            // Nothing of the one before is left but what is written over.
            states.all_unsaved();
            ledger.all().filter(|meter| states.stored(*meter).is_none()).collect::<Vec<_>>().into_iter().for_each(|meter| {
                ledger.mark(meter, false);
                self.remove(&[PLUGIN, file_stem, "/", &meter_key(meters, meter)]);
            });
            ledger.lineage = states.lineage();
        }
        states.take_unsaved(|meter, stored| {
            let name = [PLUGIN, file_stem, "/", &meter_key(meters, meter)];
            let was_written = ledger.mark(meter, stored.is_some());
            match stored {
                Some((version, bytes)) => {
                    let mut payload = std::mem::take(&mut self.writer.payload);
                    payload.clear();
                    payload.extend_from_slice(&version.to_le_bytes());
                    payload.extend_from_slice(bytes);
                    self.bytes(&name, &payload);
                    self.writer.payload = payload;
                }
                None if was_written => self.remove(&name),
                None => {}
            }
        });
        self.writer.ledgers.insert(file_stem.to_owned(), ledger);
    }

    fn remove_plugins_but(&mut self, stays: impl Fn(&str) -> bool, meters: &MeterTable) {
        let gone: Vec<String> = self.writer.ledgers.keys().filter(|stem| !stays(stem)).cloned().collect();
        for stem in gone {
            let ledger = self.writer.ledgers.remove(&stem).expect("just seen");
            ledger.all().for_each(|meter| self.remove(&[PLUGIN, &stem, "/", &meter_key(meters, meter)]));
        }
    }
}
