//! State from a topic.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::record::{Stored, damaged};
use super::writing::Ledger;
use super::{LANE, LaneRecord, LaneState, METER, MeterRecord, PLUGIN, Shape, StateError, StateWriter, TIME, WINDOW, prefix};
use crate::config::Config;
use crate::domain::{BuildingId, MeterId};
use crate::wasm::{Kept, States};

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
    pub fn take(&mut self, key: &[u8], value: Option<&[u8]>) {
        if is_ours(key, &self.prefix) {
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
        let mut lane: Option<LaneRecord> = None;
        let mut restoring = Restoring { state: LaneState::new(config), states: Vec::new(), windows: Vec::new() };
        let mut writer = StateWriter::new(config, Vec::new());
        // Records come in no order, and all others name meters and buildings.
        for first in [true, false] {
            self.stored.for_each(|key, payload| {
                let name = std::str::from_utf8(&key[self.prefix.len()..]).map_err(|_| damaged(key))?;
                if name == LANE {
                    lane = Some(postcard::from_bytes(payload).map_err(|_| damaged(key))?);
                    return Ok(());
                }
                let taken = if first {
                    writer.has(key, payload.len());
                    restoring.take_meter(name, payload)
                } else {
                    restoring.take_other(name, payload)
                };
                taken.ok_or_else(|| damaged(key))
            })?;
        }
        let LaneRecord { next_offset, shape, records, plugins } = lane.ok_or(StateError::Gone)?;
        let reshaped = shape != Shape::of(config);
        if writer.records() != records {
            return Err(StateError::Lacking { found: writer.records(), written: records });
        }
        let Restoring { mut state, states, windows } = restoring;
        state.next_offset = Some(next_offset);
        for (building, part) in windows {
            match part {
                WindowPart::Time(time) => state.windows.restore_time(building, time),
                WindowPart::Window(_) if reshaped => {}
                WindowPart::Window(window) => state.windows.restore_window(building, window),
            }
        }
        if reshaped {
            let windows = format!("{}{WINDOW}", self.prefix);
            self.stored.keys().filter(|key| is_ours(key, &windows)).for_each(|key| writer.discard(key));
        }
        writer.cut = Some(next_offset);
        writer.meters = state.meters.count();
        let mut kept: BTreeMap<String, Kept> = plugins
            .into_iter()
            .map(|identity| (identity.file_stem.clone(), Kept { identity, states: States::default() }))
            .collect();
        for PluginPart { file_stem, meter, version, bytes } in states {
            let Some(kept) = kept.get_mut(&file_stem) else { continue };
            kept.states.begin_with(meter, version, bytes);
            let lineage = kept.states.lineage();
            writer.ledgers.entry(file_stem).or_insert_with(|| Ledger { lineage, written: Vec::new() }).mark(meter, true);
        }
        for kept in kept.values_mut() {
            kept.states.take_unsaved(|_, _| {});
        }
        Ok(Restored { state, kept: kept.into_values().collect(), writer, reshaped })
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

enum WindowPart {
    Time(crate::window::BuildingTime),
    Window(crate::window::Window),
}

struct PluginPart {
    file_stem: String,
    meter: MeterId,
    version: u32,
    bytes: Vec<u8>,
}

struct Restoring {
    state: LaneState,
    states: Vec<PluginPart>,
    windows: Vec<(BuildingId, WindowPart)>,
}

fn read<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Option<T> {
    postcard::from_bytes(payload).ok()
}

/// None: the payload is not what its key says.
impl Restoring {
    fn take_meter(&mut self, name: &str, payload: &[u8]) -> Option<()> {
        if let Some(meter) = name.strip_prefix(METER) {
            let MeterRecord { building, floor } = read(payload)?;
            self.state.meters.intern(meter, building, floor);
        }
        Some(())
    }

    fn take_other(&mut self, name: &str, payload: &[u8]) -> Option<()> {
        let meters = &self.state.meters;
        if let Some(building) = name.strip_prefix(TIME) {
            self.windows.push((meters.known_building(building)?, WindowPart::Time(read(payload)?)));
        } else if let Some(rest) = name.strip_prefix(WINDOW) {
            let (_, building) = rest.split_once('/')?;
            self.windows.push((meters.known_building(building)?, WindowPart::Window(read(payload)?)));
        } else if let Some(rest) = name.strip_prefix(PLUGIN) {
            let (file_stem, meter) = rest.split_once('/')?;
            let (version, bytes) = payload.split_first_chunk()?;
            self.states.push(PluginPart {
                file_stem: file_stem.to_owned(),
                meter: meters.known(meter)?,
                version: u32::from_le_bytes(*version),
                bytes: bytes.to_vec(),
            });
        } else if !name.starts_with(METER) {
            return None;
        }
        Some(())
    }
}
