//! One life of a lane: come to where the last one was, then poll, process, commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::commit::{Commit, Transaction};
use super::crash_point;
use super::following::Following;
use super::gauges::Gauges;
use super::homes::{Homes, Residents};
use super::log::{LaneLog, LogError};
use super::pace::Pace;
use super::progress::Progress;
use super::recovery::{Recovered, recover, tell_lost};
use super::stage_cpu::Stage;
use super::stages::Stages;
use crate::config::Config;
use crate::kafka::Settings;
use crate::metrics::{LostLabel, Metrics};
use crate::registry::Lineups;
use crate::state::{LaneState, StateWriter};

/// An open window's row is published at most this often.
const LIVE_INTERVAL: Duration = Duration::from_secs(1);
/// A transaction's results are kept until it is committed; beyond this it is committed early. With those of the last poll they fit
/// into two mebibytes, to which a buffer that doubles comes before it takes four.
pub(super) const MAX_OUTBOX_BYTES: usize = 1_700_000;
/// Further from the end of the partition than this, a lane is catching up and publishes no open windows.
const CAUGHT_UP_RECORDS: i64 = 10_000;

/// What a lane is asked to do.
#[derive(Debug, Default)]
pub(super) struct Orders {
    /// Finish what was read, commit, end.
    pub(super) stop: AtomicBool,
    /// Time is up, or the partition is another's: end even without a commit.
    pub(super) abandon: AtomicBool,
}

impl Orders {
    pub(super) fn given_up(&self) -> bool {
        self.abandon.load(Ordering::Relaxed)
    }

    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.given_up()
    }
}

/// What all lanes share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) lineups: Arc<Lineups>,
    pub(super) metrics: Metrics,
    pub(super) homes: Arc<Homes>,
    pub(super) progress: Arc<Progress>,
    /// For those who read earlier messages beside the lanes.
    pub(super) settings: Settings,
    /// The topic that lanes read is compacted: a record without a value takes its key away, and is no reading.
    pub(super) compacted: bool,
    #[cfg(test)]
    pub(super) planted: Option<super::simulation::Planted>,
}

/// One life, on a log.
pub(super) struct Lane<L> {
    shared: Arc<Shared>,
    log: L,
    orders: Arc<Orders>,
    state: LaneState,
    stages: Stages,
    following: Following,
    residents: Residents,
    writer: StateWriter,
    transaction: Transaction,
    /// Messages before this have been answered in an earlier life.
    replay_until: Option<i64>,
    last_live: Instant,
    gauges: Gauges,
    last_state: Instant,
    /// The state is written with the next commit: what it holds could not be found again by a replay.
    state_is_due: bool,
    pace: Pace,
    /// Under which offsets are counted that were deleted before they were read.
    lost: LostLabel,
}

impl<L: LaneLog> Lane<L> {
    /// Takes the lane over.
    ///
    /// # Errors
    /// When the log does not answer as it should; it comes back.
    pub(super) fn begin(shared: Arc<Shared>, mut log: L, orders: Arc<Orders>) -> Result<Self, (LogError, L)> {
        let lineup = shared.lineups.current();
        let _span = tracing::trace_span!("restore", partition = log.partition()).entered();
        let Recovered { state, mut stages, writer, answered, is_news } = match recover(&shared, &mut log, &lineup) {
            Ok(recovered) => recovered,
            Err(error) => return Err((error, log)),
        };
        let replay_until = answered.filter(|answered| state.next_offset.is_some_and(|next| next < *answered));
        let now = log.now();
        let mut pace = Pace::new(shared.config.kafka.commit_interval.duration());
        if is_news {
            pace.came(now);
        }
        let mut following = Following::new(Arc::clone(&shared), log.partition());
        following.follow(&lineup, &mut stages, &state);
        let transaction = Transaction::new(shared.metrics.commit_failures.clone());
        stages.set_replaying(replay_until.is_some());
        let lost = LostLabel::of("lane", &shared.config.kafka.topic, log.partition());
        shared.metrics.lost_records.get_or_create(&lost).inc_by(0);
        Ok(Self {
            lost,
            following,
            residents: Residents::of(Arc::clone(&shared.homes), log.partition()),
            gauges: Gauges::of(&shared, log.partition()),
            shared,
            log,
            orders,
            state,
            stages,
            writer,
            transaction,
            replay_until,
            last_live: now,
            last_state: now,
            // The first commit says that the lane has a state at all.
            state_is_due: true,
            pace,
        })
    }

    /// The log, for another life.
    pub(super) fn into_log(self) -> L {
        self.log
    }

    /// It goes through what was answered before.
    pub(super) fn is_replaying(&self) -> bool {
        self.replay_until.is_some()
    }

    /// Goes on until it is told to stop, and comes to rest.
    ///
    /// # Errors
    /// When this life cannot go on.
    pub(super) fn run(&mut self, mut caught_up: impl FnMut()) -> Result<(), LogError> {
        while !self.orders.stopped() {
            let was_replaying = self.is_replaying();
            self.turn()?;
            if was_replaying && !self.is_replaying() {
                caught_up();
            }
        }
        self.rest()
    }

    /// One turn: follow the plugins, take what is there, commit if it is time.
    ///
    /// # Errors
    /// When this life cannot go on.
    pub(super) fn turn(&mut self) -> Result<(), LogError> {
        if !self.is_replaying() {
            let swapped = self.following.step(&mut self.stages, &mut self.state);
            if swapped {
                crash_point::pass("swapped");
            }
            self.state_is_due |= swapped;
        }
        let idle = !self.step();
        self.look_at_log()?;
        if self.is_replaying() {
            // The last message that was answered may be gone from the input.
            if idle && self.replay_until.is_some_and(|answered| self.log.position() >= answered) {
                self.end_replay();
            }
            return Ok(());
        }
        self.publish_open_windows(idle);
        if self.commit_is_due(idle) { self.commit() } else { Ok(()) }
    }

    /// Commits what was read, with the state, so that whoever has the lane next has nothing to replay.
    ///
    /// # Errors
    /// When it cannot.
    pub(super) fn rest(&mut self) -> Result<(), LogError> {
        if !self.is_replaying() && !self.orders.given_up() {
            let is_ahead = self.writer.cut() != self.state.next_offset;
            self.state_is_due |= is_ahead;
            if is_ahead {
                self.pace.came(self.log.now());
            }
            self.commit()?;
        }
        self.following.end(&mut self.stages);
        Ok(())
    }

    /// Takes what is there through the stages; false when there was nothing.
    fn step(&mut self) -> bool {
        let wait = self.pace.wait();
        let Self { log, state, stages, replay_until, .. } = self;
        let partition = log.partition();
        let mut live = false;
        let came = log.poll(wait, &mut |messages| {
            stages.cpu.lap(Stage::Read);
            let _span = tracing::trace_span!("batch", partition, messages = messages.len()).entered();
            let seen = state.next_offset.unwrap_or(i64::MIN);
            let messages = &messages[messages.partition_point(|message| message.offset < seen)..];
            let answered = replay_until.map_or(0, |until| messages.partition_point(|message| message.offset < until));
            let (answered, new) = messages.split_at(answered);
            stages.process(answered, state);
            if replay_until.is_some_and(|until| !new.is_empty() || state.next_offset.is_some_and(|next| next >= until)) {
                *replay_until = None;
                stages.set_replaying(false);
            }
            stages.process(new, state);
            live |= !new.is_empty();
        });
        if came {
            self.residents.look(&self.state.meters);
        }
        if live {
            self.pace.came(self.log.now());
            self.state_is_due |= self.stages.take_decided();
            self.transaction.send(&mut self.log, &self.stages.results.outbox);
            self.stages.cpu.lap(Stage::Send);
        }
        came
    }

    /// Whether what was polled is all that the log had, and of the topic that it was.
    ///
    /// # Errors
    /// When another life has to look at everything anew.
    fn look_at_log(&mut self) -> Result<(), LogError> {
        if let Some(lost) = self.log.take_lost() {
            if self.is_replaying() {
                return Err(LogError::Lost("records that the lane would go through again were deleted".into()));
            }
            tell_lost(&self.shared.metrics, &self.lost, &lost);
            let next = self.state.next_offset.unwrap_or(lost.end);
            self.state.next_offset = Some(next.max(lost.end));
            // Nothing before this can be gone through again.
            self.state_is_due = true;
            self.pace.came(self.log.now());
        }
        if self.log.is_another() {
            self.rest()?;
            return Err(LogError::Lost("its topic, or that of its state, was deleted and made anew".into()));
        }
        Ok(())
    }

    fn end_replay(&mut self) {
        self.replay_until = None;
        self.stages.set_replaying(false);
    }

    /// Rows of open windows, so that a dashboard moves: when caught up, and at the latest when input falls silent.
    fn publish_open_windows(&mut self, idle: bool) {
        let now = self.log.now();
        if now.duration_since(self.last_live) < LIVE_INTERVAL {
            return;
        }
        self.last_live = now;
        let lag = self.log.lag_behind(self.state.next_offset.unwrap_or(0));
        self.gauges.tell(&self.log, &self.state, lag, self.stages.results.outbox.byte_len());
        self.gauges.tell_memory(self.stages.memory());
        if lag > CAUGHT_UP_RECORDS && !idle {
            return;
        }
        let LaneState { meters, windows, .. } = &mut self.state;
        let results = &mut self.stages.results;
        windows.publish_open(|building, window| results.window(meters, building, window));
        if !self.stages.results.outbox.is_empty() {
            self.pace.came(now);
        }
    }

    fn commit_is_due(&self, idle: bool) -> bool {
        self.pace.commit_is_due(self.log.now(), idle) || self.stages.results.outbox.byte_len() >= MAX_OUTBOX_BYTES
    }

    fn commit(&mut self) -> Result<(), LogError> {
        let Some(next_offset) = self.state.next_offset.filter(|_| self.pace.is_uncommitted()) else { return Ok(()) };
        let _span = tracing::trace_span!("commit", partition = self.log.partition(), offset = next_offset).entered();
        let started = self.log.now();
        self.write_state(started, next_offset);
        let orders = &self.orders;
        match self.transaction.commit(&mut self.log, &self.stages.results.outbox, next_offset, &|| orders.given_up()) {
            Commit::Done => {
                self.stages.results.outbox.clear();
                let now = self.log.now();
                self.pace.committed(now);
                self.shared.metrics.commit.observe(now.duration_since(started).as_secs_f64());
                self.stages.cpu.lap(Stage::Commit);
                Ok(())
            }
            Commit::GivenUp => Err(LogError::Lost("the lane was given up with an open transaction".into())),
            Commit::Failed(error) => Err(error),
        }
    }

    /// Adds the state to the transaction, from time to time and when it must be.
    fn write_state(&mut self, now: Instant, next_offset: i64) {
        let interval = self.shared.config.state.interval.duration();
        if !self.state_is_due && now.duration_since(self.last_state) < interval {
            return;
        }
        if !self.stages.store_all(&self.state) {
            if !self.state_is_due {
                return;
            }
            tracing::warn!(
                partition = self.log.partition(),
                "a plugin does not start and cannot say what it knows; a host that goes on from here lacks its last readings"
            );
        }
        (self.last_state, self.state_is_due) = (now, false);
        let Stages { results, enrich, detect, .. } = &mut self.stages;
        let plugins = enrich.plugins().chain(detect.plugins());
        let bytes = self.writer.write(&mut self.state, plugins, next_offset, &mut results.outbox);
        self.gauges.tell_state(bytes);
        self.stages.cpu.lap(Stage::State);
    }
}
