//! How a lane comes to be where its last life was: its stored state, and what was read since that was written, answered again in
//! silence.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::crash_point;
use super::lane::Shared;
use super::log::{LaneLog, LogError};
use super::stages::Stages;
use crate::registry::Lineup;
use crate::state::{LaneState, Restored, StateError, StateWriter, StoredLane};

/// A lane that is to go on.
pub(super) struct Recovered {
    pub(super) state: LaneState,
    pub(super) stages: Stages,
    pub(super) writer: StateWriter,
    /// Messages before this offset have been answered; none: none has.
    pub(super) answered: Option<i64>,
}

/// Takes the lane over from whoever had it, and reads what they knew of it.
pub(super) fn recover(shared: &Arc<Shared>, log: &mut impl LaneLog, lineup: &Arc<Lineup>) -> Result<Recovered, LogError> {
    let config = &shared.config;
    let begun = log.now();
    log.read_ahead();
    log.open()?;
    let fenced = log.now();
    let committed = log.committed()?;
    let held = log.held()?;
    let asked = log.now();
    let mut stored = StoredLane::new(config);
    log.read_state(&mut |key, value| stored.take(key, value))?;
    let read = log.now();
    crash_point::pass("while-restoring");
    let plan = Plan::of(log.partition(), committed, &held, stored, |stored| stored.restore(config));
    let mut stages = Stages::new(Arc::clone(shared), log.partition());
    let (state, writer, answered) = match plan {
        Plan::GoOn { restored, answered } => {
            let Restored { state, kept, writer, reshaped } = *restored;
            if reshaped {
                tracing::warn!(
                    partition = log.partition(),
                    "`window.size` or `input.measures` has changed; windows that were open or correctable are gone, and begin anew"
                );
            }
            stages.resume(lineup, &state, kept);
            (state, writer, Some(answered))
        }
        Plan::Anew { from, answered, stale } => {
            let state = LaneState { next_offset: from, ..LaneState::new(config) };
            stages.resume(lineup, &state, Vec::new());
            (state, StateWriter::new(config, stale), answered)
        }
    };
    let restored = log.now();
    let from = state.next_offset.unwrap_or_else(|| log.beginning(&held));
    log.rewind(from)?;
    let ms = |since: Instant, until: Instant| until.duration_since(since).as_millis() as u64;
    tracing::info!(
        partition = log.partition(),
        from,
        committed,
        start = held.start,
        end = held.end,
        meters = state.meters.count(),
        fence_ms = ms(begun, fenced),
        offsets_ms = ms(fenced, asked),
        read_ms = ms(asked, read),
        restore_ms = ms(read, restored),
        seek_ms = ms(restored, log.now()),
        "the lane knows what its last life knew"
    );
    Ok(Recovered { state, stages, writer, answered })
}

/// The input begins after what was committed.
pub(super) fn tell_never_read(partition: i32, committed: i64, held: &Range<i64>) {
    tracing::error!(
        partition,
        committed,
        start = held.start,
        "the input no longer holds {} offsets that were never read: its retention is shorter than the outage was",
        held.start - committed
    );
}

/// Where a life begins.
enum Plan {
    /// With a state, and the messages between it and `answered`.
    GoOn { restored: Box<Restored>, answered: i64 },
    /// With nothing, from an offset or, before the first commit, from the beginning.
    Anew { from: Option<i64>, answered: Option<i64>, stale: Vec<Vec<u8>> },
}

impl Plan {
    fn of(
        partition: i32,
        committed: Option<i64>,
        held: &Range<i64>,
        stored: StoredLane,
        restore: impl FnOnce(&StoredLane) -> Result<Restored, StateError>,
    ) -> Self {
        if committed.is_none() && stored.is_empty() {
            return Self::Anew { from: None, answered: None, stale: Vec::new() };
        }
        if let Some(beyond) = committed.filter(|committed| *committed > held.end) {
            tracing::error!(
                partition,
                committed = beyond,
                end = held.end,
                "the committed offset lies beyond the end of the input: was the topic made anew? The lane begins anew with all of it"
            );
            return Self::Anew { from: Some(held.start), answered: None, stale: stored.into_keys() };
        }
        let restored = match restore(&stored) {
            Ok(restored) => restored,
            Err(error) => return Self::rebuild(partition, committed, held, stored, &error.to_string()),
        };
        let cut = restored.state.next_offset.unwrap_or(0);
        let answered = committed.unwrap_or_else(|| {
            // The group forgets what it committed when nobody was a member for long; the state stands in the same transactions.
            tracing::warn!(partition, offset = cut, "the group knows no committed offset; going on from the state's");
            cut
        });
        if cut > answered {
            let reason = format!("the state is of offset {cut}: was the committed offset set back?");
            return Self::rebuild(partition, committed, held, stored, &reason);
        }
        if answered < held.start {
            tell_never_read(partition, answered, held);
        } else if cut < held.start {
            let reason = format!("the state is of offset {cut}, and the input begins at {}", held.start);
            return Self::rebuild(partition, committed, held, stored, &reason);
        }
        Self::GoOn { restored: Box::new(restored), answered }
    }

    /// Everything that the input still holds, in silence up to what was answered.
    fn rebuild(partition: i32, committed: Option<i64>, held: &Range<i64>, stored: StoredLane, reason: &str) -> Self {
        let answered = committed.unwrap_or(held.start);
        let incomplete = if held.start > 0 {
            format!(
                "windows with readings before offset {} may be incomplete: a correction of such a window would count only the later ones",
                held.start
            )
        } else {
            "the input holds everything, so no window is incomplete".to_owned()
        };
        tracing::error!(
            partition,
            reason,
            committed = answered,
            "the lane's state cannot be used and is built anew; {incomplete}"
        );
        Self::Anew { from: Some(held.start), answered: Some(answered), stale: stored.into_keys() }
    }
}
