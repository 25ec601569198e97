//! How a lane comes to be where its last life was: its stored state, and what was read since that was written, answered again in
//! silence.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use uuid::Uuid;

use super::crash_point;
use super::lane::Shared;
use super::log::{LaneLog, LogError};
use super::stages::Stages;
use crate::metrics::{LostLabel, Metrics};
use crate::registry::Lineup;
use crate::state::{LaneState, Restored, StateError, StateWriter, StoredLane};

/// A lane that is to go on.
pub(super) struct Recovered {
    pub(super) state: LaneState,
    pub(super) stages: Stages,
    pub(super) writer: StateWriter,
    /// Messages before this offset have been answered; none: none has.
    pub(super) answered: Option<i64>,
    /// Where the lane is differs from what is committed: it commits at once, so that no later life says the same again.
    pub(super) is_news: bool,
}

/// Takes the lane over from whoever had it, and reads what they knew of it.
pub(super) fn recover(shared: &Arc<Shared>, log: &mut impl LaneLog, lineup: &Arc<Lineup>) -> Result<Recovered, LogError> {
    let config = &shared.config;
    let begun = log.now();
    log.read_ahead();
    log.open()?;
    let fenced = log.now();
    let topic_id = log.topic_id();
    let committed = log.committed()?;
    let held = log.held()?;
    let asked = log.now();
    let mut stored = StoredLane::new(config);
    log.read_state(&mut |key, value| stored.take(key, value))?;
    let read = log.now();
    crash_point::pass("while-restoring");
    let seen = Seen { partition: log.partition(), committed, held: &held, topic_id };
    let plan = Plan::of(&seen, stored, |stored| stored.restore(config));
    let mut stages = Stages::new(Arc::clone(shared), log.partition());
    let Begun { mut state, writer, answered, lost, is_news } = begin(plan, shared, log, &held, lineup, &mut stages);
    // A broker that does not say now may say later.
    state.topic_id = seen.topic_id.or(state.topic_id);
    if !lost.is_empty() {
        let label = LostLabel::of("lane", &config.kafka.topic, log.partition());
        tell_lost(&shared.metrics, &label, &lost);
    }
    let restored = log.now();
    let from = state.next_offset.unwrap_or(held.start);
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
    Ok(Recovered { state, stages, writer, answered, is_news })
}

/// Where a life begins, and with what.
struct Begun {
    state: LaneState,
    writer: StateWriter,
    answered: Option<i64>,
    /// Deleted before it was read.
    lost: Range<i64>,
    is_news: bool,
}

/// Has the stages begin as the plan says.
fn begin(plan: Plan, shared: &Shared, log: &impl LaneLog, held: &Range<i64>, lineup: &Arc<Lineup>, stages: &mut Stages) -> Begun {
    let config = &shared.config;
    let mut lost = 0..0;
    let (state, writer, answered, is_news) = match plan {
        Plan::GoOn { restored, answered } => {
            let Restored { mut state, kept, writer, reshaped } = *restored;
            if reshaped {
                tracing::warn!(
                    partition = log.partition(),
                    "`window.size` or `input.measures` has changed; windows that were open or correctable are gone, and begin anew"
                );
            }
            if answered < held.start {
                lost = answered..held.start;
                tell_lacking(log.partition(), state.next_offset.unwrap_or(answered)..answered);
                state.next_offset = Some(held.start);
            }
            stages.resume(lineup, &state, kept);
            (state, writer, Some(answered), !lost.is_empty())
        }
        Plan::Anew { from, answered, stale } => {
            let is_news = from.is_some();
            lost = answered.map_or(0..0, |answered| answered..held.start);
            let state = LaneState { next_offset: from, ..LaneState::new(config) };
            stages.resume(lineup, &state, Vec::new());
            (state, StateWriter::new(config, stale), answered, is_news)
        }
        Plan::AnotherTopic { id, stale } => {
            log.say_made_anew(id);
            tracing::warn!(
                partition = log.partition(),
                "the lane begins anew with all of the new topic, and knows nothing of meters"
            );
            let state = LaneState { next_offset: Some(held.start), ..LaneState::new(config) };
            stages.resume(lineup, &state, Vec::new());
            (state, StateWriter::new(config, stale), None, true)
        }
    };
    Begun { state, writer, answered, lost, is_news }
}

/// Says that these offsets were deleted before they were read, and counts them.
pub(super) fn tell_lost(metrics: &Metrics, label: &LostLabel, lost: &Range<i64>) {
    let LostLabel { reader, topic, partition } = label;
    let offsets = lost.end - lost.start;
    metrics.lost_records.get_or_create(label).inc_by(offsets.unsigned_abs());
    tracing::error!(
        reader,
        topic,
        partition,
        from = lost.start,
        until = lost.end,
        "the input no longer holds {offsets} offsets that were never read: the broker has deleted them, by the topic's `retention.ms` \
         or `retention.bytes` or on somebody's demand; what they held is in no result"
    );
}

/// The state is older than the last commit, and what lies between is gone from the input.
fn tell_lacking(partition: i32, lacking: Range<i64>) {
    if !lacking.is_empty() {
        tracing::error!(
            partition,
            from = lacking.start,
            until = lacking.end,
            "the lane's state lacks {} offsets that were answered and are gone from the input: a window that is corrected from here on \
             counts too few readings",
            lacking.end - lacking.start
        );
    }
}

/// What the log says of a lane's partition.
struct Seen<'a> {
    partition: i32,
    committed: Option<i64>,
    held: &'a Range<i64>,
    topic_id: Option<Uuid>,
}

/// Where a life begins.
enum Plan {
    /// With a state, and the messages between it and `answered`.
    GoOn { restored: Box<Restored>, answered: i64 },
    /// With nothing, from an offset or, before the first commit, from the beginning.
    Anew { from: Option<i64>, answered: Option<i64>, stale: Vec<Vec<u8>> },
    /// With nothing, from the beginning: the stored state is of a topic that was deleted.
    AnotherTopic { id: Uuid, stale: Vec<Vec<u8>> },
}

impl Plan {
    fn of(seen: &Seen<'_>, stored: StoredLane, restore: impl FnOnce(&StoredLane) -> Result<Restored, StateError>) -> Self {
        let Seen { partition, committed, held, topic_id } = *seen;
        if committed.is_none() && stored.is_empty() {
            return Self::Anew { from: None, answered: None, stale: Vec::new() };
        }
        let restored = restore(&stored);
        let then = restored.as_ref().ok().and_then(|restored| restored.state.topic_id);
        if let Some(id) = topic_id.filter(|now| then.is_some_and(|then| then != *now)) {
            return Self::AnotherTopic { id, stale: stored.into_keys() };
        }
        // The group forgets what it committed when nobody was a member for long; the state stands in the same transactions.
        let cut = restored.as_ref().ok().and_then(|restored| restored.state.next_offset);
        if let Some(beyond) = committed.or(cut).filter(|answered| *answered > held.end) {
            tracing::error!(
                partition,
                committed = beyond,
                end = held.end,
                "the committed offset lies beyond the end of the input: was the topic made anew? The lane begins anew with all of it"
            );
            return Self::Anew { from: Some(held.start), answered: None, stale: stored.into_keys() };
        }
        let restored = match restored {
            Ok(restored) => restored,
            Err(error) => return Self::rebuild(partition, committed, held, stored, &error.to_string()),
        };
        let cut = cut.unwrap_or(0);
        let answered = committed.unwrap_or_else(|| {
            tracing::warn!(partition, offset = cut, "the group knows no committed offset; going on from the state's");
            cut
        });
        if cut > answered {
            let reason = format!("the state is of offset {cut}: was the committed offset set back?");
            return Self::rebuild(partition, committed, held, stored, &reason);
        }
        if cut < held.start && held.start <= answered {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const ID: Uuid = Uuid::from_u128(1);
    const ANOTHER: Uuid = Uuid::from_u128(2);

    /// Of a lane with a state up to offset 80 of the topic `ID`, and a commit as given.
    fn plan(committed: Option<i64>, held: Range<i64>, topic_id: Option<Uuid>) -> Plan {
        let config = Config::default();
        let mut stored = StoredLane::new(&config);
        stored.take(format!("{}/{}/lane", config.kafka.group, config.kafka.topic).into_bytes(), Some(Vec::new()));
        let restored = || Restored {
            state: LaneState { next_offset: Some(80), topic_id: Some(ID), ..LaneState::new(&config) },
            kept: Vec::new(),
            writer: StateWriter::new(&config, Vec::new()),
            reshaped: false,
        };
        Plan::of(&Seen { partition: 0, committed, held: &held, topic_id }, stored, |_| Ok(restored()))
    }

    #[test]
    fn a_state_of_another_topic_is_not_gone_on_with_however_many_records_that_one_has() {
        for end in [0, 50, 80, 400] {
            for committed in [None, Some(80), Some(100)] {
                let plan = plan(committed, 0..end, Some(ANOTHER));
                assert!(matches!(plan, Plan::AnotherTopic { id: ANOTHER, .. }), "{committed:?} of {end}");
            }
        }
        // Where the broker has no ids, what is beyond the end tells it.
        for committed in [None, Some(100)] {
            assert!(matches!(plan(committed, 0..50, None), Plan::Anew { from: Some(0), answered: None, .. }), "{committed:?}");
        }
    }

    #[test]
    fn a_state_of_this_topic_is_gone_on_with_and_what_was_deleted_shows() {
        for topic_id in [Some(ID), None] {
            assert!(matches!(plan(Some(100), 0..300, topic_id), Plan::GoOn { answered: 100, .. }));
            // The group has forgotten what it committed.
            assert!(matches!(plan(None, 0..300, topic_id), Plan::GoOn { answered: 80, .. }));
            // What lies between the commit and the input's beginning was never read: the state goes on without it.
            assert!(matches!(plan(Some(100), 250..300, topic_id), Plan::GoOn { answered: 100, .. }));
            // What the state lacks was answered, and part of it is gone: nobody can go through it again.
            assert!(matches!(plan(Some(100), 90..300, topic_id), Plan::Anew { from: Some(90), answered: Some(100), .. }));
        }
    }
}
