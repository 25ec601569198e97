//! Recorded readings as the host sees them: decoded by the configuration, counters as what they have grown by.

use std::path::Path;

use super::for_each_line;
use crate::config::Config;
use crate::counter::Counters;
use crate::decode::Decoder;
use crate::domain::{Batch, Message, MeterTable};

/// Rows of a batch: as many as the pipeline's.
const BATCH: usize = 4_096;

/// What is known after the readings so far.
pub(crate) struct Recorded {
    decoder: Decoder,
    counters: Counters,
    /// Those that were seen.
    pub(crate) meters: MeterTable,
    batch: Batch,
    /// Lines.
    pub(crate) read: u64,
    /// Those of them that are no readings.
    pub(crate) broken: u64,
}

impl Recorded {
    /// Before the first reading.
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            decoder: Decoder::new(&config.input),
            counters: Counters::new(config),
            meters: MeterTable::default(),
            batch: Batch::new(config.input.measures.len()),
            read: 0,
            broken: 0,
        }
    }

    /// Gives the readings of a file to `take`, a batch at a time. Offsets are line numbers, from 0.
    ///
    /// # Errors
    /// When the file cannot be read, or `take` fails.
    pub(crate) fn for_each_batch(
        &mut self,
        file: &Path,
        mut take: impl FnMut(&Batch, &MeterTable) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        for_each_line(file, |line| {
            let offset = i64::try_from(self.read).unwrap_or(i64::MAX);
            let message = Message { offset, ..Message::of(line) };
            let Self { decoder, meters, batch, broken, .. } = self;
            decoder.decode_each(&message, meters, batch, |_, _| *broken += 1);
            self.read += 1;
            if self.batch.len() < BATCH { Ok(()) } else { self.flush(&mut take) }
        })?;
        self.flush(&mut take)
    }

    fn flush(&mut self, take: &mut impl FnMut(&Batch, &MeterTable) -> anyhow::Result<()>) -> anyhow::Result<()> {
        self.counters.convert(&mut self.batch);
        let taken = take(&self.batch, &self.meters);
        self.batch.clear();
        taken
    }
}
