//! Recorded readings as the host sees them: decoded by the configuration, counters as what they have grown by.

use super::{ReadingsFile, Record, Skipped, Tally};
use crate::config::{Config, Input};
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
    /// Of each row of the batch.
    lines: Vec<u64>,
    /// Records.
    pub(crate) read: u64,
    /// Readings in them.
    pub(crate) accepted: u64,
    /// What is no reading.
    pub(crate) broken: Tally,
}

/// Readings of a file that follow each other.
#[derive(Clone, Copy)]
pub(crate) struct Taken<'a> {
    pub(crate) batch: &'a Batch,
    pub(crate) meters: &'a MeterTable,
    /// The file's line of each row, from 1.
    pub(crate) lines: &'a [u64],
}

impl Recorded {
    /// Before the first reading. `input`: what decodes the records of the first file.
    pub(crate) fn new(config: &Config, input: &Input) -> Self {
        let input = input.clone();
        let config = Config { input: Input { measures: input.measures.clone(), ..config.input.clone() }, ..config.clone() };
        Self {
            decoder: Decoder::new(&input),
            counters: Counters::new(&config),
            meters: MeterTable::default(),
            batch: Batch::new(input.measures.len()),
            lines: Vec::new(),
            read: 0,
            accepted: 0,
            broken: Tally::default(),
        }
    }

    /// Records of the next file are written in another way.
    pub(crate) fn decode_by(&mut self, input: &Input) {
        self.decoder = Decoder::new(input);
    }

    /// Gives the readings of a file to `take`, a batch at a time. Offsets are numbers of records, from 0; `name_line` names the line of
    /// a rejected record.
    ///
    /// # Errors
    /// When the file cannot be read, or `take` fails.
    pub(crate) fn for_each_batch(
        &mut self,
        file: &ReadingsFile,
        name_line: impl Fn(u64) -> String,
        mut take: impl FnMut(Taken<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<Skipped> {
        let skipped = file.for_each(|Record { line, json }| {
            let offset = i64::try_from(self.read).unwrap_or(i64::MAX);
            let message = Message { offset, ..Message::of(json) };
            let Self { decoder, meters, batch, broken, .. } = self;
            decoder.decode_each(&message, meters, batch, |_, reject| {
                broken.add(reject.reason.word(), || name_line(line), || reject.message);
            });
            self.lines.resize(self.batch.len(), line);
            self.read += 1;
            if self.batch.len() < BATCH { Ok(()) } else { self.flush(&mut take) }
        })?;
        self.flush(&mut take)?;
        Ok(skipped)
    }

    fn flush(&mut self, take: &mut impl FnMut(Taken<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
        self.accepted += self.batch.len() as u64;
        self.counters.convert(&mut self.batch);
        let taken = take(Taken { batch: &self.batch, meters: &self.meters, lines: &self.lines });
        self.batch.clear();
        self.lines.clear();
        taken
    }
}
