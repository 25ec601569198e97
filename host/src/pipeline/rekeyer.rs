//! Where the input is not keyed by building: each message goes once to the partition of its building, in a topic of the host's own.
//!
//! What names no building keeps its key, and becomes a dead letter where readings are looked at. Time and value stay as they came,
//! so lanes see of the topic what they would have seen of the input; where fields are read from the sender's key or headers, these go
//! along as headers. A message with readings of several buildings is divided among them.

use std::ffi::CStr;
use std::sync::Arc;

use super::commit::{Commit, Transaction};
use super::gauges::RepartitionLag;
use super::lane::{MAX_OUTBOX_BYTES, Orders};
use super::log::{LaneLog, LogError};
use super::pace::Pace;
use super::recovery::tell_lost;
use super::work::Rekeying;
use crate::decode::Decoder;
use crate::domain::Message;
use crate::metrics::{Counter, LostLabel, Metrics, PartitionLabel};
use crate::results::{Moved, Outbox};

/// One life, on a partition of the input.
pub(super) struct Rekeyer<L> {
    log: L,
    orders: Arc<Orders>,
    decoder: Decoder,
    outbox: Outbox,
    transaction: Transaction,
    next_offset: i64,
    pace: Pace,
    lag: RepartitionLag,
    metrics: Metrics,
    /// Under which offsets are counted that were deleted before they were read.
    lost: LostLabel,
    /// Counts records without a value, where they are no readings.
    tombstones: Option<Counter>,
}

impl<L: LaneLog> Rekeyer<L> {
    /// Takes the partition over from whoever had it.
    ///
    /// # Errors
    /// When the log does not answer as it should; it comes back.
    pub(super) fn begin(work: &Rekeying, mut log: L, orders: Arc<Orders>) -> Result<Self, (LogError, L)> {
        let Rekeying { config, metrics, compacted } = work;
        let tombstones = PartitionLabel { partition: log.partition().to_string() };
        let lost = LostLabel::of("repartition", &config.kafka.topic, log.partition());
        metrics.lost_records.get_or_create(&lost).inc_by(0);
        match go_on(&mut log, metrics, &lost) {
            Ok(next_offset) => Ok(Self {
                tombstones: compacted.then(|| metrics.tombstones.get_or_create(&tombstones).clone()),
                metrics: metrics.clone(),
                lost,
                lag: RepartitionLag::of(metrics, &log),
                log,
                orders,
                decoder: Decoder::new(&config.input),
                outbox: Outbox::default(),
                transaction: Transaction::new(metrics.commit_failures.clone()),
                next_offset,
                pace: Pace::new(config.kafka.commit_interval.duration()),
            }),
            Err(error) => Err((error, log)),
        }
    }

    /// The log, for another life.
    pub(super) fn into_log(self) -> L {
        self.log
    }

    /// Goes on until it is told to stop, and commits.
    ///
    /// # Errors
    /// When this life cannot go on.
    pub(super) fn run(&mut self) -> Result<(), LogError> {
        while !self.orders.stopped() {
            let came = self.step();
            self.look_at_log()?;
            if self.pace.commit_is_due(self.log.now(), !came) || self.outbox.byte_len() >= MAX_OUTBOX_BYTES {
                self.commit()?;
            }
            self.lag.tell(&self.log, self.next_offset);
        }
        if self.orders.given_up() { Ok(()) } else { self.commit() }
    }

    /// Takes what is there; false when there was nothing.
    fn step(&mut self) -> bool {
        let wait = self.pace.wait();
        let Self { log, decoder, outbox, next_offset, tombstones, .. } = self;
        let came = log.poll(wait, &mut |messages| {
            for message in messages.iter().filter(|message| message.offset >= *next_offset) {
                if let (Some(tombstones), None) = (&tombstones, message.payload) {
                    tombstones.inc();
                    continue;
                }
                let sender_key = message.key.filter(|_| decoder.reads_key());
                let sender_headers = sender_headers(decoder, message);
                decoder.by_building(message, |building, value| {
                    let key = building.map(str::as_bytes).or(message.key);
                    outbox.push_message(message, Moved { key, value, sender_key, sender_headers: sender_headers.clone() });
                });
            }
            *next_offset = messages.last().map_or(*next_offset, |last| (*next_offset).max(last.offset + 1));
        });
        if came {
            self.pace.came(self.log.now());
            self.transaction.send(&mut self.log, &self.outbox);
        }
        came
    }

    /// Whether what was polled is all that the log had, and of the topic that it was.
    fn look_at_log(&mut self) -> Result<(), LogError> {
        if let Some(lost) = self.log.take_lost() {
            tell_lost(&self.metrics, &self.lost, &lost);
            self.next_offset = self.next_offset.max(lost.end);
            self.pace.came(self.log.now());
        }
        if self.log.is_another() {
            self.commit()?;
            return Err(LogError::Lost("the input was deleted and made anew".into()));
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), LogError> {
        if !self.pace.is_uncommitted() {
            return Ok(());
        }
        let orders = &self.orders;
        match self.transaction.commit(&mut self.log, &self.outbox, self.next_offset, &|| orders.given_up()) {
            Commit::Done => {
                self.outbox.clear();
                self.pace.committed(self.log.now());
                Ok(())
            }
            Commit::GivenUp => Err(LogError::Lost("the lane was given up with an open transaction".into())),
            Commit::Failed(error) => Err(error),
        }
    }
}

/// The headers from which the configuration takes fields.
fn sender_headers(decoder: &Decoder, message: &Message<'_>) -> Vec<(String, Vec<u8>)> {
    let value = |name: &CStr| Some((name.to_string_lossy().into_owned(), message.headers?.header(name)?.to_vec()));
    decoder.headers().filter_map(value).collect()
}

/// Goes to the first message that was not brought over yet.
fn go_on(log: &mut impl LaneLog, metrics: &Metrics, lost: &LostLabel) -> Result<i64, LogError> {
    log.open()?;
    log.topic_id();
    let (committed, held) = (log.committed()?, log.held()?);
    let partition = log.partition();
    let from = match committed {
        None => held.start,
        Some(committed) if committed > held.end => {
            tracing::error!(
                partition,
                committed,
                end = held.end,
                "the committed offset lies beyond the end of the input: was the topic made anew? All of it is read"
            );
            held.start
        }
        Some(committed) if committed < held.start => {
            tell_lost(metrics, lost, &(committed..held.start));
            held.start
        }
        Some(committed) => committed,
    };
    log.rewind(from)?;
    Ok(from)
}
