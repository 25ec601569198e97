//! A lane's sight of the log in memory, at whose every call something can go wrong.

use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::broker::{Fenced, Input, NotCommitted, Partition};
use super::world::World;
use crate::domain::Message;
use crate::pipeline::lane::Orders;
use crate::pipeline::{LaneLog, LogError, Queued, TakeRecord};
use crate::results::OutRecord;

/// Most messages of one poll.
const MAX_POLL: usize = 24;
/// A broker that is away gives nothing for this long, and the input is not at its end.
const LONG_SILENCE: Duration = Duration::from_secs(3);

/// The process ends here and now.
pub(super) struct Crash;

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The broker does not get it.
    LostCall,
    /// The caller does not get the answer.
    LostAnswer,
    /// The broker gives up the transaction.
    Aborted,
    /// The client is of no more use.
    Broken,
    /// The process is killed before the broker gets it.
    KilledBefore,
    /// The process is killed before it gets the answer.
    KilledAfter,
}

/// Unwinds to where the simulation calls into a lane, without the words of a panic.
fn crash() -> ! {
    std::panic::resume_unwind(Box::new(Crash))
}

/// One life's client.
pub(super) struct SimLog {
    world: Rc<World>,
    partition: usize,
    owner: (usize, u64),
    orders: Arc<Orders>,
    epoch: u64,
    position: i64,
}

fn fenced(_: Fenced) -> LogError {
    LogError::Lost("another has opened this lane".into())
}

impl SimLog {
    pub(super) fn new(world: &Rc<World>, partition: usize, owner: (usize, u64), orders: &Arc<Orders>) -> Self {
        Self { world: Rc::clone(world), partition, owner, orders: Arc::clone(orders), epoch: 0, position: 0 }
    }

    /// Between any two steps of this lane others may take theirs, and end the very process in which this one is.
    fn let_others_run(&self) {
        self.world.interleave();
        if self.world.is_dead(self.owner.0) {
            crash();
        }
    }

    /// A call that has an effect on the broker.
    fn call<T>(&self, effect: impl FnOnce(&mut Partition) -> Result<T, LogError>) -> Result<T, LogError> {
        self.let_others_run();
        let fault = self.world.fault();
        let again = || LogError::Again("no answer".into());
        match fault {
            Some(Fault::KilledBefore) => crash(),
            Some(Fault::LostCall) => return Err(again()),
            Some(Fault::Broken) => return Err(LogError::Lost("the client broke".into())),
            Some(Fault::Aborted) if self.world.partition(self.partition, |partition| partition.is_open()) => {
                self.world.partition(self.partition, Partition::time_out);
                return Err(LogError::Abort("the transaction took too long".into()));
            }
            _ => {}
        }
        let done = self.world.partition(self.partition, effect);
        match fault {
            Some(Fault::KilledAfter) => crash(),
            Some(Fault::LostAnswer) => done.and(Err(again())),
            _ => done,
        }
    }

    /// A call that only asks.
    fn ask<T>(&self, question: impl FnOnce(&mut Partition) -> T) -> Result<T, LogError> {
        self.let_others_run();
        match self.world.fault() {
            Some(Fault::KilledBefore | Fault::KilledAfter) => crash(),
            Some(_) => Err(LogError::Lost("no answer".into())),
            None => Ok(self.world.partition(self.partition, question)),
        }
    }
}

impl LaneLog for SimLog {
    fn partition(&self) -> i32 {
        self.partition as i32
    }

    fn open(&mut self) -> Result<(), LogError> {
        self.epoch = self.call(|partition| Ok(partition.open())).map_err(|error| LogError::Lost(error.to_string()))?;
        Ok(())
    }

    fn committed(&mut self) -> Result<Option<i64>, LogError> {
        let committed = self.ask(|partition| partition.committed)?;
        self.position = committed.unwrap_or(0);
        Ok(committed)
    }

    fn held(&mut self) -> Result<Range<i64>, LogError> {
        self.ask(|partition| 0..partition.input.len() as i64)
    }

    fn read_state(&mut self, take: &mut TakeRecord<'_>) -> Result<(), LogError> {
        let records = self.ask(|partition| partition.state.clone())?;
        records.into_iter().for_each(|(key, value)| take(key, value));
        Ok(())
    }

    fn rewind(&mut self, offset: i64) -> Result<(), LogError> {
        self.position = offset;
        self.ask(|_| ())
    }

    fn poll(&mut self, wait: Duration, take: &mut dyn FnMut(&[Message<'_>])) -> bool {
        self.let_others_run();
        if self.world.is_silent() {
            self.world.pass(LONG_SILENCE);
            return false;
        }
        let most = self.world.random(1..=MAX_POLL as u64) as usize;
        let from = self.position as usize;
        let polled: Vec<Input> =
            self.world.partition(self.partition, |partition| partition.input.iter().skip(from).take(most).cloned().collect());
        let messages: Vec<Message<'_>> = (self.position..)
            .zip(&polled)
            .map(|(offset, input)| Message {
                offset,
                timestamp_ms: input.timestamp_ms,
                key: Some(&input.key),
                ..Message::of(&input.payload)
            })
            .collect();
        self.position += messages.len() as i64;
        take(&messages);
        if messages.is_empty() {
            self.world.pass(wait);
        }
        !messages.is_empty()
    }

    fn queued(&self) -> Queued {
        Queued::default()
    }

    fn position(&self) -> i64 {
        self.position
    }

    fn lag_behind(&self, offset: i64) -> i64 {
        self.world.partition(self.partition, |partition| partition.input.len() as i64 - offset)
    }

    fn begin(&mut self) -> Result<(), LogError> {
        self.call(|partition| partition.begin(self.epoch).map_err(fenced))
    }

    fn send(&mut self, record: OutRecord<'_>) -> Result<(), LogError> {
        let planted = self.world.planted();
        // Records wait in the client; what goes wrong with them shows when they are flushed.
        let sent = self.world.partition(self.partition, |partition| partition.send(self.epoch, record, planted));
        if sent.map_err(fenced)? { Ok(()) } else { Err(LogError::Abort("no transaction".into())) }
    }

    fn flush(&mut self) -> Result<(), LogError> {
        self.call(|_| Ok(()))
    }

    fn add_offset(&mut self, next_offset: i64) -> Result<(), LogError> {
        let planted = self.world.planted();
        self.call(|partition| {
            let added = partition.add_offset(self.epoch, self.owner, next_offset, planted).map_err(fenced)?;
            if added { Ok(()) } else { Err(LogError::Abort("another has the partition, or no transaction".into())) }
        })
    }

    fn commit(&mut self) -> Result<(), LogError> {
        self.call(|partition| {
            partition.commit(self.epoch).map_err(|why| match why {
                NotCommitted::Fenced => fenced(Fenced),
                NotCommitted::Aborted => LogError::Abort("the broker gave the transaction up".into()),
            })
        })
    }

    fn abort(&mut self) -> Result<(), LogError> {
        self.call(|partition| partition.abort(self.epoch).map_err(fenced))
    }

    fn now(&self) -> Instant {
        self.world.now()
    }

    fn pause(&mut self, about: Duration) {
        self.world.pass(about);
        // The group tells a member sooner or later that it has lost its partitions.
        if self.world.partition(self.partition, |partition| partition.owner != Some(self.owner)) && self.world.random(0..=2) == 0
        {
            self.orders.abandon.store(true, Ordering::Relaxed);
        }
        self.let_others_run();
    }
}
