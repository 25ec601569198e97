//! One lane's transactions: results, state and input offset together, or none of them.
//!
//! What a transaction is to hold stays in the lane's [`Outbox`] until the commit is confirmed. So a transaction that was aborted is
//! sent again as it was, and the lane's state never has to go back. Where nobody can say what became of a transaction, the lane
//! begins another life from what is committed.

use std::time::Duration;

use super::crash_point;
use super::log::{LaneLog, LogError};
use crate::metrics::Counter;
use crate::results::Outbox;

const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);
/// Records that are still not in the log after so long are sent again in another transaction: after an outage of the broker the
/// client's queue was seen never to empty, and an abort empties it.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(10);
/// No one call is waited for longer: another life asks anew. The broker ends a transaction that is open for so long.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Transactions that may fail one after the other before the lane begins another life, which looks at everything anew: whether it
/// still has the partition, whether its topics are there.
const MOST_ATTEMPTS: u32 = 8;

/// How a commit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Commit {
    /// Results and offset are in the log, once.
    Done,
    /// The lane was told to give up before it was certain.
    GivenUp,
    /// The lane cannot go on.
    Failed(LogError),
}

/// Waits that grow.
pub(super) struct Backoff(Duration);

impl Backoff {
    pub(super) fn new() -> Self {
        Self(FIRST_BACKOFF)
    }

    pub(super) fn pause(&mut self, log: &mut impl LaneLog) {
        log.pause(self.0);
        self.0 = (self.0 * 2).min(LONGEST_BACKOFF);
    }
}

/// The transaction of now.
#[derive(Debug)]
pub(super) struct Transaction {
    begun: bool,
    /// Records of the outbox that it has.
    sent: usize,
    failures: Counter,
}

impl Transaction {
    /// None is begun. Those that fail are counted.
    pub(super) fn new(failures: Counter) -> Self {
        Self { begun: false, sent: 0, failures }
    }

    /// Sends what the outbox has and the transaction not yet. A failure is left for [`Transaction::commit`], which starts over.
    pub(super) fn send(&mut self, log: &mut impl LaneLog, outbox: &Outbox) {
        if let Err(error) = self.try_send(log, outbox) {
            tracing::debug!(%error, partition = log.partition(), "sending failed; the commit will start over");
        }
    }

    fn try_send(&mut self, log: &mut impl LaneLog, outbox: &Outbox) -> Result<(), LogError> {
        if !self.begun {
            log.begin()?;
            (self.begun, self.sent) = (true, 0);
        }
        for record in outbox.records().skip(self.sent) {
            log.send(record)?;
            self.sent += 1;
        }
        Ok(())
    }

    /// Commits the outbox and the offset to go on from as one; goes on trying until it is certain, or `give_up` says so.
    pub(super) fn commit(
        &mut self,
        log: &mut impl LaneLog,
        outbox: &Outbox,
        next_offset: i64,
        give_up: &impl Fn() -> bool,
    ) -> Commit {
        let mut backoff = Backoff::new();
        for _ in 0..MOST_ATTEMPTS {
            let error = match self.attempt(log, outbox, next_offset, give_up) {
                Ok(()) => return Commit::Done,
                Err(error @ (LogError::Lost(_) | LogError::Fatal(_))) => return Commit::Failed(error),
                Err(error) => error,
            };
            if give_up() {
                // Whoever has the lane next ends what is left open.
                return Commit::GivenUp;
            }
            self.failures.inc();
            let partition = log.partition();
            tracing::warn!(partition, %error, "a transaction failed; its results are kept and sent again");
            if let Err(error) = self.abort(log, give_up) {
                return Commit::Failed(LogError::Lost(error.to_string()));
            }
            backoff.pause(log);
        }
        Commit::Failed(LogError::Lost(format!("{MOST_ATTEMPTS} transactions failed one after the other")))
    }

    fn attempt(
        &mut self,
        log: &mut impl LaneLog,
        outbox: &Outbox,
        next_offset: i64,
        give_up: &impl Fn() -> bool,
    ) -> Result<(), LogError> {
        crash_point::pass("before-produce");
        self.try_send(log, outbox)?;
        patiently(log, FLUSH_TIMEOUT, give_up, LaneLog::flush)?;
        crash_point::pass("after-produce");
        patiently(log, ANSWER_TIMEOUT, give_up, |log| log.add_offset(next_offset))?;
        crash_point::pass("before-commit");
        patiently(log, ANSWER_TIMEOUT, give_up, LaneLog::commit).map_err(|error| match error {
            LogError::Again(reason) => LogError::Lost(reason),
            known => known,
        })?;
        crash_point::pass("after-commit");
        self.begun = false;
        Ok(())
    }

    fn abort(&mut self, log: &mut impl LaneLog, give_up: &impl Fn() -> bool) -> Result<(), LogError> {
        if self.begun {
            patiently(log, ANSWER_TIMEOUT, give_up, LaneLog::abort)?;
        }
        self.begun = false;
        Ok(())
    }
}

/// Repeats a call while the same call may succeed, up to a limit.
fn patiently<L: LaneLog>(
    log: &mut L,
    limit: Duration,
    give_up: &impl Fn() -> bool,
    mut call: impl FnMut(&mut L) -> Result<(), LogError>,
) -> Result<(), LogError> {
    let deadline = log.now() + limit;
    let mut backoff = Backoff::new();
    loop {
        match call(log) {
            Err(LogError::Again(reason)) if !give_up() && log.now() < deadline => {
                tracing::debug!(partition = log.partition(), reason, "the log does not answer; asking again");
                backoff.pause(log);
            }
            done => return done,
        }
    }
}
