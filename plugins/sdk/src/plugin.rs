//! What an author implements.

use serde::de::DeserializeOwned;

use crate::{Batch, Column, Config, Description, Enriched, Error, Meter, MeterState, Scored};

/// What every plugin does. State methods are for plugins that keep something for each meter.
pub trait Plugin: Sized {
    /// What the plugin says of itself; `configured` is there after [`Plugin::configure`].
    fn describe(configured: Option<&Self>) -> Description;

    /// From parameters and model.
    ///
    /// # Errors
    /// With a sentence that says what is wrong and where.
    fn configure(config: &Config) -> Result<Self, String>;

    /// The state of these meters; nothing by default.
    ///
    /// # Errors
    /// When it cannot be written.
    fn export_state(&mut self, _meters: &[u32]) -> Result<Vec<MeterState>, Error> {
        Ok(Vec::new())
    }

    /// Replaces the state of these meters; refused by default where there is any.
    ///
    /// # Errors
    /// When this version cannot read it.
    fn import_state(&mut self, version: u32, _meters: &[Meter], states: &[MeterState]) -> Result<(), Error> {
        if states.is_empty() {
            return Ok(());
        }
        Err(Error::IncompatibleState(format!("this plugin keeps no state, and was given some of version {version}")))
    }

    /// Drops the state of these meters; nothing by default.
    fn forget(&mut self, _meters: &[u32]) {}
}

/// A plugin that judges rows.
pub trait Detector: Plugin {
    /// Scores each row and reports the unusual ones. Must not depend on where batches are cut.
    ///
    /// # Errors
    /// When the batch cannot be taken.
    fn score(&mut self, batch: &Batch) -> Result<Scored, Error>;
}

/// A plugin that adds columns.
pub trait Enricher: Plugin {
    /// One column for each described output. Must not depend on where batches are cut.
    ///
    /// # Errors
    /// When the batch cannot be taken.
    fn enrich(&mut self, batch: &Batch) -> Result<Enriched, Error>;
}

/// The values of a number column; the host sends what `describe` asked for.
///
/// # Errors
/// When the batch does not have it.
pub fn floats(batch: &Batch, column: usize) -> Result<&[f64], Error> {
    match batch.columns.get(column) {
        Some(Column::Floats(values)) => Ok(values),
        Some(Column::Codes(_)) => Err(Error::InvalidInput(format!("column {column} is text, not numbers"))),
        None => Err(Error::InvalidInput(format!("column {column} is missing"))),
    }
}

/// Parameters as a struct.
///
/// # Errors
/// Naming the parameter that does not fit.
pub fn params<T: DeserializeOwned>(config: &Config) -> Result<T, String> {
    serde_json::from_str(&config.params).map_err(|error| format!("parameters: {error}"))
}

/// The bytes of one part of the model.
#[must_use]
pub fn model_part<'a>(config: &'a Config, part: &str) -> Option<&'a [u8]> {
    config.model.iter().find(|candidate| candidate.part == part).map(|candidate| candidate.bytes.as_slice())
}

/// Sends a panic's text to the host's log before the trap, which by itself says nothing.
pub fn install_panic_hook() {
    #[cfg(target_family = "wasm")]
    std::panic::set_hook(Box::new(|panic| {
        use crate::bindings::detector::wattdog::plugin::host::{Level, log};
        log(Level::Error, &panic.to_string());
    }));
}
