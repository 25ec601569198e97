//! Drives an instance as a lane does: tells meters and texts once, sends batches, moves state.

use std::ops::Range;

use serde_json::Value;
use wattdog_plugin_runtime::{Batch, Description, Enriched, Fault, Instance, Kind, Meter, Scored};

use super::answers;
use super::component::Setup;
use super::rows::{Rows, entries};

/// State of meters, by code.
pub type States = Vec<(u32, Vec<u8>)>;

/// What a plugin answers.
pub enum Answer {
    /// A detector's.
    Scored(Scored),
    /// An enricher's.
    Enriched(Enriched),
}

/// An instance and what it has been told.
pub struct Driver<'a> {
    rows: &'a Rows,
    instance: Instance,
    kind: Kind,
    told_meters: Vec<bool>,
    told_texts: bool,
    /// Texts of the outputs so far.
    outputs: Vec<Vec<String>>,
    /// Added to each event time.
    shift_us: i64,
}

impl<'a> Driver<'a> {
    /// A fresh instance.
    ///
    /// # Errors
    /// When it does not start.
    pub fn new(setup: &Setup, rows: &'a Rows) -> Result<Self, Fault> {
        let instance = setup.start()?;
        let outputs = vec![Vec::new(); instance.description().outputs.len()];
        let told_meters = vec![false; rows.meter_count()];
        Ok(Self { rows, instance, kind: setup.kind(), told_meters, told_texts: false, outputs, shift_us: 0 })
    }

    /// A fresh instance that takes over these meters.
    ///
    /// # Errors
    /// When it does not start, or does not take the state.
    pub fn from_states(setup: &Setup, rows: &'a Rows, states: &States) -> Result<Self, Fault> {
        let mut driver = Self::new(setup, rows)?;
        if !states.is_empty() {
            let meters: Vec<Meter<'_>> = states.iter().map(|(meter, _)| rows.meter(*meter)).collect();
            let slices: Vec<_> = states.iter().map(|(meter, bytes)| (*meter, bytes.as_slice())).collect();
            let version = driver.instance.description().state_version;
            driver.instance.import_state(version, &meters, &slices)?;
            states.iter().for_each(|(meter, _)| driver.told_meters[*meter as usize] = true);
        }
        Ok(driver)
    }

    /// What the plugin says of itself.
    #[must_use]
    pub fn description(&self) -> &Description {
        self.instance.description()
    }

    /// Memory of the instance in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.instance.memory_bytes()
    }

    /// Operations of the instance since it was started, where they are counted.
    #[must_use]
    pub fn fuel_used(&self) -> Option<u64> {
        self.instance.fuel_used()
    }

    /// All rows that are sent from now on are later by so much.
    pub fn set_shift(&mut self, shift_us: i64) {
        self.shift_us = shift_us;
    }

    /// The state of every meter.
    ///
    /// # Errors
    /// When the plugin fails.
    pub fn export(&mut self) -> Result<States, Fault> {
        let known = (0..).zip(&self.told_meters).filter(|(_, told)| **told);
        self.instance.export_state(&known.map(|(code, _)| code).collect::<Vec<u32>>())
    }

    /// Sends these rows as one batch.
    ///
    /// # Errors
    /// When the plugin fails, or answers what the contract forbids.
    pub fn send(&mut self, range: Range<usize>) -> Result<Answer, Fault> {
        let meters = &self.rows.meters[range.clone()];
        let times: Vec<i64> = self.rows.times_us[range.clone()].iter().map(|time| time + self.shift_us).collect();
        let mut new_meters = Vec::new();
        for &code in meters {
            if !std::mem::replace(&mut self.told_meters[code as usize], true) {
                new_meters.push(self.rows.meter(code));
            }
        }
        let texts = if std::mem::replace(&mut self.told_texts, true) { Vec::new() } else { self.rows.texts() };
        let batch = Batch {
            rows: u32::try_from(meters.len()).expect("a batch has some thousand rows"),
            meters,
            event_times_us: &times,
            columns: &self.rows.columns(range),
            new_meters: &new_meters,
            new_entries: &entries(&texts),
        };
        match self.kind {
            Kind::Detector => self.instance.score(&batch).map(Answer::Scored),
            Kind::Enricher => self.instance.enrich(&batch).map(Answer::Enriched),
        }
    }

    /// Sends these rows as one batch and says what came back, a JSON object for each row.
    ///
    /// # Errors
    /// As [`Driver::send`].
    pub fn lines(&mut self, range: Range<usize>) -> Result<Vec<Value>, Fault> {
        Ok(match self.send(range)? {
            Answer::Scored(scored) => answers::of_scored(&scored, self.instance.description()),
            Answer::Enriched(enriched) => answers::of_enriched(enriched, self.instance.description(), &mut self.outputs),
        })
    }
}

/// What the plugin says of all rows, in batches of that length.
pub(super) fn lines_in_batches(setup: &Setup, rows: &Rows, length: usize) -> Result<Vec<Value>, Fault> {
    let mut driver = Driver::new(setup, rows)?;
    let mut lines = Vec::with_capacity(rows.count());
    for range in cuts(rows.count(), length) {
        lines.extend(driver.lines(range)?);
    }
    Ok(lines)
}

/// The same, with all state moved to a fresh instance between two batches.
pub(super) fn lines_with_moves(setup: &Setup, rows: &Rows, length: usize) -> Result<Vec<Value>, Fault> {
    let mut driver = Driver::new(setup, rows)?;
    let mut lines = Vec::with_capacity(rows.count());
    for range in cuts(rows.count(), length) {
        if range.start > 0 {
            driver = Driver::from_states(setup, rows, &driver.export()?)?;
        }
        lines.extend(driver.lines(range)?);
    }
    Ok(lines)
}

fn cuts(rows: usize, length: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows).step_by(length.max(1)).map(move |first| first..(first + length).min(rows))
}
