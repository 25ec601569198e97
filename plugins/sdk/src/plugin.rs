//! What a plugin's author writes.

use serde::de::DeserializeOwned;

use crate::{Batch, Description, Enriched, Error, Model, Result, Scored};

/// What detectors and enrichers have in common: they say what they are, and take parameters and a model.
///
/// State belongs to a meter. A plugin that keeps some describes it with `Description::state` and implements the last three
/// functions.
pub trait Plugin: Sized + 'static {
    /// The parameters; names and types are those of `Description::params`. `serde_json::Value` takes any.
    type Params: DeserializeOwned;

    /// The plugin in its own words, before it is configured.
    fn describe() -> Description;

    /// The plugin with these parameters, every default filled in, and its model.
    ///
    /// # Errors
    /// `Error::InvalidConfig`: a parameter or the model is wrong; say which and what would be right.
    fn configure(params: Self::Params, model: Model<'_>) -> Result<Self>;

    /// The configured plugin in its own words: inputs and outputs may depend on parameters and model.
    fn description(&self) -> Description {
        Self::describe()
    }

    /// What is kept about a meter; none where nothing is.
    ///
    /// # Errors
    /// The state cannot be written.
    fn export_state(&self, _meter: u32) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    /// Takes over what `export_state` wrote in this format version.
    ///
    /// # Errors
    /// `Error::IncompatibleState`: the bytes are not such state.
    fn import_state(&mut self, _meter: u32, _version: u32, _bytes: &[u8]) -> Result<()> {
        Err(Error::IncompatibleState("this plugin keeps no state".into()))
    }

    /// Drops what is kept about a meter.
    fn forget(&mut self, _meter: u32) {}
}

/// Is a row unusual? Answers must not depend on where batches are cut.
pub trait Detector: Plugin {
    /// Scores every row and reports the unusual ones.
    ///
    /// # Errors
    /// `Error::InvalidInput`: the batch cannot be judged as a whole. A single row that cannot gets the score NaN.
    fn score(&mut self, batch: &Batch<'_>, scored: &mut Scored) -> Result<()>;
}

/// What else is known about a row? Answers must not depend on where batches are cut.
pub trait Enricher: Plugin {
    /// Fills the new columns.
    ///
    /// # Errors
    /// `Error::InvalidInput`: the batch cannot be enriched as a whole. What is not known of a row stays missing.
    fn enrich(&mut self, batch: &Batch<'_>, enriched: &mut Enriched<'_>) -> Result<()>;
}
