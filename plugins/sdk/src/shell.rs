//! The life of one plugin instance: the contract on one side, the author's traits on the other.
//!
//! The export macros keep one shell in each component. A test on the machine itself can drive a plugin through it exactly as the
//! host does.

use crate::batch::{Batch, Names};
use crate::bindings::detection::exports::wattdog::plugin::detection;
use crate::bindings::enrichment::exports::wattdog::plugin::enrichment;
use crate::enriched::{Dictionary, Enriched};
use crate::{ColumnType, Description, Detector, Enricher, Error, Meter, Model, Plugin, Result, Scored};

pub use crate::bindings::detection::exports::wattdog::plugin::detection::{Findings, Scored as ScoredRows};
pub use crate::bindings::enrichment::exports::wattdog::plugin::enrichment::Enriched as EnrichedRows;
pub use crate::bindings::lifecycle::wattdog::plugin::types::{
    Batch as Rows, Column, Config, DictionaryAppend, MeterState, ModelPart,
};

/// A plugin instance, configured or not yet.
pub struct Shell<P> {
    configured: Option<Configured<P>>,
}

struct Configured<P> {
    plugin: P,
    description: Description,
    names: Names,
    dictionaries: Vec<Dictionary>,
}

impl<P> Shell<P> {
    /// An instance that has not been configured.
    pub const fn new() -> Self {
        Self { configured: None }
    }

    fn configured(&mut self) -> Result<&mut Configured<P>> {
        self.configured.as_mut().ok_or_else(|| Error::Internal("called before it was configured".into()))
    }
}

impl<P> Default for Shell<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Plugin> Shell<P> {
    /// What the plugin says of itself now.
    pub fn describe(&self) -> Description {
        self.configured.as_ref().map_or_else(P::describe, |configured| configured.description.clone())
    }

    /// Configures the plugin; an instance that was configured before starts anew.
    ///
    /// # Errors
    /// A parameter or the model is wrong.
    pub fn configure(&mut self, config: &Config) -> Result<()> {
        let params =
            serde_json::from_str(&config.params).map_err(|error| Error::InvalidConfig(format!("parameters: {error}")))?;
        let plugin = P::configure(params, Model::new(&config.model))?;
        let description = plugin.description();
        let dictionaries = description.outputs.iter().map(|_| Dictionary::default()).collect();
        self.configured = Some(Configured { plugin, description, names: Names::default(), dictionaries });
        Ok(())
    }

    /// The state of those of the meters that have one.
    ///
    /// # Errors
    /// The plugin is not configured, or cannot write its state.
    pub fn export_state(&mut self, meters: &[u32]) -> Result<Vec<MeterState>> {
        let plugin = &self.configured()?.plugin;
        let mut states = Vec::new();
        for &meter in meters {
            if let Some(bytes) = plugin.export_state(meter)? {
                states.push(MeterState { meter, bytes });
            }
        }
        Ok(states)
    }

    /// Replaces the state of these meters.
    ///
    /// # Errors
    /// The plugin is not configured, or this is not state that it reads.
    pub fn import_state(&mut self, version: u32, meters: Vec<Meter>, states: &[MeterState]) -> Result<()> {
        let Configured { plugin, description, names, .. } = self.configured()?;
        let (oldest, newest) = (description.oldest_state_version, description.state_version);
        if !(oldest..=newest).contains(&version) {
            return Err(Error::IncompatibleState(format!(
                "state of version {version}; {} {} reads versions {oldest} to {newest}",
                description.name, description.version
            )));
        }
        names.learn_meters(meters);
        states.iter().try_for_each(|state| plugin.import_state(state.meter, version, &state.bytes))
    }

    /// Drops all that is kept about these meters.
    pub fn forget(&mut self, meters: &[u32]) {
        if let Some(configured) = &mut self.configured {
            meters.iter().for_each(|&meter| configured.plugin.forget(meter));
        }
    }
}

impl<P: Detector> Shell<P> {
    /// Scores a batch.
    ///
    /// # Errors
    /// The plugin is not configured, the batch is not what it described, or it cannot judge it.
    pub fn score(&mut self, mut rows: Rows) -> Result<detection::Scored> {
        let configured = self.configured()?;
        configured.take(&mut rows)?;
        let mut scored = Scored::new(rows.rows as usize, &configured.description);
        configured.plugin.score(&Batch::new(&rows, &configured.names), &mut scored)?;
        configured.names.met();
        Ok(scored.finish())
    }
}

impl<P: Enricher> Shell<P> {
    /// Enriches a batch.
    ///
    /// # Errors
    /// The plugin is not configured, the batch is not what it described, or it cannot enrich it.
    pub fn enrich(&mut self, mut rows: Rows) -> Result<enrichment::Enriched> {
        let configured = self.configured()?;
        configured.take(&mut rows)?;
        let Configured { plugin, description, names, dictionaries } = configured;
        let mut enriched = Enriched::new(rows.rows as usize, description, dictionaries);
        plugin.enrich(&Batch::new(&rows, names), &mut enriched)?;
        names.met();
        Ok(enriched.finish())
    }
}

impl<P> Configured<P> {
    /// Learns the new names of a batch and checks that it has the shape that the plugin described.
    fn take(&mut self, rows: &mut Rows) -> Result<()> {
        self.names.learn_meters(std::mem::take(&mut rows.new_meters));
        self.names.learn_texts(std::mem::take(&mut rows.new_entries))?;
        let count = rows.rows as usize;
        let lengths = [("meters", rows.meters.len()), ("event times", rows.event_times_us.len())];
        if let Some((what, length)) = lengths.iter().find(|(_, length)| *length != count) {
            return Err(Error::InvalidInput(format!("{length} {what} in a batch of {count} rows")));
        }
        let inputs = &self.description.inputs;
        if rows.columns.len() != inputs.len() {
            return Err(Error::InvalidInput(format!("{} columns for {} inputs", rows.columns.len(), inputs.len())));
        }
        for (input, column) in inputs.iter().zip(&rows.columns) {
            let (type_, length) = match column {
                Column::Floats(values) => (ColumnType::Float, values.len()),
                Column::Codes(codes) => (ColumnType::Text, codes.len()),
            };
            if type_ != input.type_ || length != count {
                return Err(Error::InvalidInput(format!(
                    "input {}: {length} values of type {type_:?}, expected {count} of type {:?}",
                    input.name, input.type_
                )));
            }
        }
        Ok(())
    }
}
