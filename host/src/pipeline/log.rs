//! What a lane needs of the log that it lives on.
//!
//! One implementation talks to Kafka. The simulation has another, in memory, whose every call can fail, so the code that decides
//! what is committed and how a lane comes back is the same in both.

use std::ops::Range;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::domain::Message;
use crate::results::OutRecord;

/// Why a call to the log did not do what it should, by what may help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The same call again.
    #[error("{0}")]
    Again(String),
    /// Aborting the transaction, and the same records in another one.
    #[error("{0}")]
    Abort(String),
    /// Another life of the lane, from what is committed: who writes for it, or what became of the transaction, is not known.
    #[error("{0}")]
    Lost(String),
    /// Nothing that a program can do.
    #[error("{0}")]
    Fatal(String),
}

/// Takes a record's key, and its value if it has one.
pub type TakeRecord<'a> = dyn FnMut(Vec<u8>, Option<Vec<u8>>) + 'a;

/// How full the queues before and behind a lane are, in records.
#[derive(Clone, Copy, Debug, Default)]
pub struct Queued {
    /// Fetched and not read yet.
    pub input: usize,
    /// Sent by the lane and not acknowledged yet.
    pub results: usize,
}

/// The log as one lane sees it: its partition of the input, its transactions, its state.
pub trait LaneLog {
    /// Which partition of the input.
    fn partition(&self) -> i32;

    /// The lane's state will be asked for, once the lane is open: time to begin reading it.
    fn read_ahead(&mut self) {}

    /// Ends the transaction of whoever wrote for this lane before, and takes their right to write.
    ///
    /// # Errors
    /// When it cannot be said that it has.
    fn open(&mut self) -> Result<(), LogError>;

    /// The id of the input topic as the log has it now; none where it has no ids. Another id than that of the stored state is another
    /// topic of the same name.
    fn topic_id(&mut self) -> Option<Uuid> {
        None
    }

    /// Says that the input is not the topic that the stored state is of.
    fn say_made_anew(&self, _: Uuid) {}

    /// The input, or the topic of the lane's state, is not the one that this life began with.
    fn is_another(&self) -> bool {
        false
    }

    /// Offsets of the input that were deleted before they were polled, seen since this was last asked. Whoever asks goes on after
    /// them.
    fn take_lost(&mut self) -> Option<Range<i64>> {
        None
    }

    /// The input offset to go on from; none before the first commit.
    ///
    /// # Errors
    /// When the log does not answer.
    fn committed(&mut self) -> Result<Option<i64>, LogError>;

    /// The input offsets that the log holds.
    ///
    /// # Errors
    /// When the log does not answer.
    fn held(&mut self) -> Result<Range<i64>, LogError>;

    /// Every committed record of the lane's state, oldest first: key, and value or none.
    ///
    /// # Errors
    /// When the log does not answer.
    fn read_state(&mut self, take: &mut TakeRecord<'_>) -> Result<(), LogError>;

    /// The next message that is polled is the first one at or after this offset.
    ///
    /// # Errors
    /// When the log does not answer.
    fn rewind(&mut self, offset: i64) -> Result<(), LogError>;

    /// Gives what is there of the input; when nothing is, waits up to `wait` for a first message. False: there was nothing.
    fn poll(&mut self, wait: Duration, take: &mut dyn FnMut(&[Message<'_>])) -> bool;

    /// Nothing of the input before this offset is left to poll: it was polled, or there is nothing. A log that is silent may only be
    /// away.
    fn position(&self) -> i64;

    /// Records between `offset` and the end of the input, as far as it is known.
    fn lag_behind(&self, offset: i64) -> i64;

    /// What waits in the log's client.
    fn queued(&self) -> Queued;

    /// Begins a transaction.
    ///
    /// # Errors
    /// When there is none.
    fn begin(&mut self) -> Result<(), LogError>;

    /// Adds a record to the transaction, without waiting until the log has it.
    ///
    /// # Errors
    /// When it is not taken.
    fn send(&mut self, record: OutRecord<'_>) -> Result<(), LogError>;

    /// Waits until the log has all records of the transaction; not for ever.
    ///
    /// # Errors
    /// When it has not; [`LogError::Again`]: not yet.
    fn flush(&mut self) -> Result<(), LogError>;

    /// Adds the input offset to go on from, in the name of a member of the group that has the partition now.
    ///
    /// # Errors
    /// When it is not taken.
    fn add_offset(&mut self, next_offset: i64) -> Result<(), LogError>;

    /// Ends the transaction: all of it is in the log, or nothing.
    ///
    /// # Errors
    /// When it is not known which.
    fn commit(&mut self) -> Result<(), LogError>;

    /// Ends the transaction with nothing of it in the log.
    ///
    /// # Errors
    /// When it is not known whether it has.
    fn abort(&mut self) -> Result<(), LogError>;

    /// The moment of now.
    fn now(&self) -> Instant;

    /// Waits for about so long.
    fn pause(&mut self, about: Duration);
}
