//! The short way to a detector: a struct for one meter and a function of one row.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Batch, Description, Detector, Error, Finding, Meter, Model, Plugin, Result, Scored, Severity};

/// What is kept about one meter, and how its next row is judged.
///
/// A meter that has never been seen starts as `Default`. Its state is written as CBOR, which names its fields: a new field with
/// `#[serde(default)]` reads older state, and NaN and infinities survive.
pub trait MeterDetector: Default + Serialize + DeserializeOwned + 'static {
    /// What all meters share: the parameters by their names and, in fields with `#[serde(skip)]`, what [`Self::prepare`] adds.
    type Settings: DeserializeOwned + 'static;

    /// The plugin in its own words.
    fn describe() -> Description;

    /// Checks the parameters and reads the model; called once, before the first row.
    ///
    /// # Errors
    /// `Error::InvalidConfig`: a parameter or the model is wrong; say which and what would be right.
    fn prepare(_settings: &mut Self::Settings, _model: Model<'_>) -> Result<()> {
        Ok(())
    }

    /// Judges the meter's next row. Rows come in the order they arrived; a time may be before that of the row above.
    fn score(&mut self, settings: &Self::Settings, row: &Row<'_>, verdict: &mut Verdict<'_>);
}

/// One row of one meter.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    batch: Batch<'a>,
    index: usize,
}

impl<'a> Row<'a> {
    /// The meter that it is from.
    pub fn meter(&self) -> &'a Meter {
        self.batch.meter(self.batch.meters()[self.index])
    }

    /// Its event time in microseconds since 1970-01-01T00:00:00Z.
    pub fn event_time_us(&self) -> i64 {
        self.batch.event_times_us()[self.index]
    }

    /// The value of an input; NaN: missing.
    ///
    /// # Panics
    /// If that input is text, or there is none.
    pub fn float(&self, input: usize) -> f64 {
        self.batch.floats(input)[self.index]
    }

    /// The text of an input.
    ///
    /// # Panics
    /// If that input is a number, or there is none.
    pub fn text(&self, input: usize) -> Option<&'a str> {
        self.batch.text(input, self.index)
    }
}

/// What a detector says of one row; if it says nothing, it cannot judge yet.
pub struct Verdict<'a> {
    scored: &'a mut Scored,
    row: usize,
}

impl Verdict<'_> {
    /// How unusual the row is: 1.0 is the detector's own threshold.
    pub fn score(&mut self, score: f64) {
        self.scored.scores()[self.row] = score;
    }

    /// Reports the row, once; what is known about it is added to the finding that this returns.
    pub fn report(&mut self, severity: Severity) -> Finding<'_> {
        self.scored.report(self.row, severity)
    }
}

/// A [`MeterDetector`] for all meters of a lane, as a [`Detector`].
pub struct PerMeter<M: MeterDetector> {
    settings: M::Settings,
    meters: Vec<Option<M>>,
}

impl<M: MeterDetector> Plugin for PerMeter<M> {
    type Params = M::Settings;

    fn describe() -> Description {
        Description { stateful: true, ..M::describe() }
    }

    fn configure(mut settings: M::Settings, model: Model<'_>) -> Result<Self> {
        M::prepare(&mut settings, model)?;
        Ok(Self { settings, meters: Vec::new() })
    }

    fn export_state(&self, meter: u32) -> Result<Option<Vec<u8>>> {
        let Some(Some(state)) = self.meters.get(meter as usize) else { return Ok(None) };
        let mut bytes = Vec::new();
        ciborium::into_writer(state, &mut bytes).map_err(|error| Error::Internal(format!("state of meter {meter}: {error}")))?;
        Ok(Some(bytes))
    }

    fn import_state(&mut self, meter: u32, _version: u32, bytes: &[u8]) -> Result<()> {
        let state =
            ciborium::from_reader(bytes).map_err(|error| Error::IncompatibleState(format!("state of meter {meter}: {error}")))?;
        *slot(&mut self.meters, meter) = Some(state);
        Ok(())
    }

    fn forget(&mut self, meter: u32) {
        if let Some(slot) = self.meters.get_mut(meter as usize) {
            *slot = None;
        }
    }
}

impl<M: MeterDetector> Detector for PerMeter<M> {
    fn score(&mut self, batch: &Batch<'_>, scored: &mut Scored) -> Result<()> {
        for (index, &meter) in batch.meters().iter().enumerate() {
            let state = slot(&mut self.meters, meter).get_or_insert_default();
            state.score(&self.settings, &Row { batch: *batch, index }, &mut Verdict { scored, row: index });
        }
        Ok(())
    }
}

/// The place of a meter, whose codes are dense.
fn slot<M>(meters: &mut Vec<Option<M>>, meter: u32) -> &mut Option<M> {
    let index = meter as usize;
    if meters.len() <= index {
        meters.resize_with(index + 1, || None);
    }
    &mut meters[index]
}
