//! State from a topic.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::record::{Stored, damaged};
use super::{
    COUNTER, LANE, LaneRecord, LaneState, METER, MeterRecord, PASS, PLUGIN, Shape, StateError, StateWriter, TIME, WINDOW,
    known_meter, prefix,
};
use crate::config::Config;
use crate::domain::{MeterTable, split_part};
use crate::wasm::{Identity, Kept, States};

/// What a state topic holds of a lane, unread.
#[derive(Debug)]
pub struct StoredLane {
    prefix: String,
    stored: Stored,
}

/// A lane as it was at a cut.
#[derive(Debug)]
pub struct Restored {
    /// Meters, windows, and the offset of the cut.
    pub state: LaneState,
    /// What plugins kept.
    pub kept: Vec<Kept>,
    /// Goes on writing where the last one stopped.
    pub writer: StateWriter,
    /// Its windows were of another shape, and are gone.
    pub reshaped: bool,
}

impl StoredLane {
    /// Nothing yet.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self { prefix: prefix(config), stored: Stored::default() }
    }

    /// Takes a record of the lane's partition, in the order of the topic; those of other groups are left out.
    pub fn take(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        if is_ours(&key, &self.prefix) {
            self.stored.take(key, value);
        }
    }

    /// There is nothing of this lane.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stored.is_empty()
    }

    /// All keys, so that they can be taken away.
    #[must_use]
    pub fn into_keys(self) -> Vec<Vec<u8>> {
        self.stored.into_keys().collect()
    }

    /// The lane.
    ///
    /// # Errors
    /// Naming the record that cannot be used.
    pub fn restore(&self, config: &Config) -> Result<Restored, StateError> {
        let mut writer = StateWriter::new(config, Vec::new());
        let (mut lane, mut meters, mut others) = (None, MeterTable::default(), Vec::new());
        for record in self.stored.records() {
            let (key, payload) = record?;
            let name = std::str::from_utf8(&key[self.prefix.len()..]).map_err(|_| damaged(key))?;
            if name == LANE {
                lane = Some(read::<LaneRecord>(&payload).ok_or_else(|| damaged(key))?);
                continue;
            }
            writer.has(key, payload.len());
            if let Some(meter) = name.strip_prefix(METER) {
                let MeterRecord { floor } = read(&payload).ok_or_else(|| damaged(key))?;
                let (building, name) = split_part(meter).ok_or_else(|| damaged(key))?;
                meters.intern(name, &building, floor);
            } else {
                // It names a meter or a building, and records come in no order.
                others.push((key, name, payload));
            }
        }
        let LaneRecord { next_offset, topic_id, shape, records, plugins } = lane.ok_or(StateError::Gone)?;
        if writer.records() != records {
            return Err(StateError::Lacking { found: writer.records(), written: records });
        }
        let reshaped = shape != Shape::of(config);
        let state = LaneState { next_offset: Some(next_offset), topic_id, meters, ..LaneState::new(config) };
        let kept = |identity: Identity| (identity.file_stem.clone(), Kept { identity, states: States::default() });
        let mut restoring = Restoring { state, kept: plugins.into_iter().map(kept).collect(), reshaped, writer };
        for (key, name, payload) in others {
            restoring.take(key, name, &payload).ok_or_else(|| damaged(key))?;
        }
        Ok(restoring.finish())
    }
}

/// Is it a record of this prefix, or a part of one?
fn is_ours(key: &[u8], prefix: &str) -> bool {
    let key = match key.strip_prefix(b"part ") {
        // `part <number> of <key>`
        Some(rest) => rest.splitn(3, |&byte| byte == b' ').nth(2).unwrap_or_default(),
        None => key,
    };
    key.starts_with(prefix.as_bytes())
}

fn read<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Option<T> {
    postcard::from_bytes(payload).ok()
}

/// A lane all of whose meters are known.
struct Restoring {
    state: LaneState,
    /// By file.
    kept: BTreeMap<String, Kept>,
    reshaped: bool,
    writer: StateWriter,
}

impl Restoring {
    /// None: the payload is not what its name says.
    fn take(&mut self, key: &[u8], name: &str, payload: &[u8]) -> Option<()> {
        let LaneState { meters, windows, counters, .. } = &mut self.state;
        if let Some(building) = name.strip_prefix(TIME) {
            windows.restore_time(meters.known_building(building)?, read(payload)?);
        } else if let Some(rest) = name.strip_prefix(WINDOW) {
            let (_, building) = rest.split_once('/')?;
            let (building, window) = (meters.known_building(building)?, read(payload)?);
            if self.reshaped {
                self.writer.discard(key);
            } else {
                windows.restore_window(building, window);
            }
        } else if let Some(meter) = name.strip_prefix(PASS) {
            meters.passes.restore(known_meter(meters, meter)?, read(payload)?);
        } else if let Some(meter) = name.strip_prefix(COUNTER) {
            if !counters.restore(known_meter(meters, meter)?, &read::<Vec<_>>(payload)?) {
                self.writer.discard(key);
            }
        } else {
            let (file_stem, meter) = name.strip_prefix(PLUGIN)?.split_once('/')?;
            let (meter, (version, bytes)) = (known_meter(meters, meter)?, payload.split_first_chunk()?);
            if let Some(Kept { states, .. }) = self.kept.get_mut(file_stem) {
                states.begin_with(meter, u32::from_le_bytes(*version), bytes.to_vec());
                self.writer.ledger(file_stem, states.lineage()).mark(meter, true);
            }
        }
        Some(())
    }

    fn finish(self) -> Restored {
        let Self { mut state, mut kept, reshaped, mut writer } = self;
        // An earlier life has said it.
        state.meters.take_moved();
        writer.cut = state.next_offset;
        writer.meters = state.meters.count();
        kept.values_mut().for_each(|kept| kept.states.take_unsaved(|_, _| {}));
        Restored { state, kept: kept.into_values().collect(), writer, reshaped }
    }
}
