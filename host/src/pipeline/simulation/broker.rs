//! A log in memory that keeps Kafka's promises, and no others: transactions that are all or nothing, an id of transactions that
//! belongs to whoever opened it last, offsets taken only from a member that has the partition now.

use std::collections::BTreeMap;

use crate::results::{OutRecord, ResultTopic};

/// A message of the input.
#[derive(Clone, Debug)]
pub(super) struct Input {
    pub(super) timestamp_ms: i64,
    pub(super) key: Vec<u8>,
    pub(super) payload: Vec<u8>,
}

/// A record of a result topic.
#[derive(Clone, Debug)]
pub(super) struct Output {
    pub(super) topic: ResultTopic,
    pub(super) key: Vec<u8>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: BTreeMap<String, String>,
}

#[derive(Default)]
struct Transaction {
    records: Vec<Output>,
    offset: Option<i64>,
}

/// One partition of everything.
#[derive(Default)]
pub(super) struct Partition {
    pub(super) input: Vec<Input>,
    pub(super) committed: Option<i64>,
    /// Committed results, in order.
    pub(super) results: Vec<Output>,
    /// Committed records of the state topic, in order.
    pub(super) state: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// The host that has it, and in which generation of the group; a host that is thought dead still believes in an older one.
    pub(super) owner: Option<(usize, u64)>,
    /// Counts up with each opening of the id of transactions.
    epoch: u64,
    open: Option<Transaction>,
    /// How the last transaction ended: asked again, the broker says the same.
    committed_last: bool,
}

/// Why a transaction cannot be committed.
pub(super) enum NotCommitted {
    Fenced,
    Aborted,
}

/// A mistake that is made on purpose, to see that the simulation notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pipeline) enum Planted {
    /// Offsets are committed before the results are.
    OffsetsFirst,
    /// State is written beside the transaction.
    StateBeside,
    /// A batch moves its buildings' watermarks before it is filtered by them.
    WatermarkFirst,
}

/// Another one has opened the id since.
pub(super) struct Fenced;

impl Partition {
    pub(super) fn open(&mut self) -> u64 {
        self.time_out();
        self.epoch += 1;
        self.epoch
    }

    fn current(&self, epoch: u64) -> Result<(), Fenced> {
        if epoch == self.epoch { Ok(()) } else { Err(Fenced) }
    }

    pub(super) fn begin(&mut self, epoch: u64) -> Result<(), Fenced> {
        self.current(epoch)?;
        self.open.get_or_insert_default();
        Ok(())
    }

    /// False: there is no transaction.
    pub(super) fn send(&mut self, epoch: u64, record: OutRecord<'_>, planted: Option<Planted>) -> Result<bool, Fenced> {
        self.current(epoch)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let output = Output {
            topic: record.topic,
            key: record.key.unwrap_or_default().to_vec(),
            value: record.value.map(<[u8]>::to_vec),
            headers: record.headers.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect(),
        };
        if planted == Some(Planted::StateBeside) && output.topic == ResultTopic::State {
            self.state.push((output.key, output.value));
            return Ok(true);
        }
        let Some(open) = &mut self.open else { return Ok(false) };
        open.records.push(output);
        Ok(true)
    }

    /// False: the member does not have the partition, or there is no transaction.
    pub(super) fn add_offset(
        &mut self,
        epoch: u64,
        owner: (usize, u64),
        offset: i64,
        planted: Option<Planted>,
    ) -> Result<bool, Fenced> {
        self.current(epoch)?;
        if self.owner != Some(owner) {
            return Ok(false);
        }
        if planted == Some(Planted::OffsetsFirst) {
            self.committed = Some(offset);
        }
        let Some(open) = &mut self.open else { return Ok(false) };
        open.offset = Some(offset);
        Ok(true)
    }

    /// Once more after a lost answer makes no difference.
    pub(super) fn commit(&mut self, epoch: u64) -> Result<(), NotCommitted> {
        self.current(epoch).map_err(|Fenced| NotCommitted::Fenced)?;
        let Some(Transaction { records, offset }) = self.open.take() else {
            return if self.committed_last { Ok(()) } else { Err(NotCommitted::Aborted) };
        };
        self.committed_last = true;
        for record in records {
            match record.topic {
                ResultTopic::State => self.state.push((record.key, record.value)),
                _ => self.results.push(record),
            }
        }
        self.committed = offset.or(self.committed);
        Ok(())
    }

    pub(super) fn abort(&mut self, epoch: u64) -> Result<(), Fenced> {
        self.current(epoch)?;
        self.time_out();
        Ok(())
    }

    /// The broker aborts what took too long.
    pub(super) fn time_out(&mut self) {
        if self.open.take().is_some() {
            self.committed_last = false;
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }
}
