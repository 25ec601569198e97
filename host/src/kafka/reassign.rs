//! Has a group assign its partitions anew.
//!
//! A member with a name that comes back is given what it was last assigned, without a rebalance. Where it was killed while
//! partitions were on their way from one member to another, those belong to nobody from then on: the first half of a cooperative
//! rebalance took them away, and its second half never came. Whoever joins makes the group look at all of its partitions again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaResult;

use super::subscription::{Assignments, Subscription};
use super::{PartitionQueue, Settings};
use crate::clock;

/// The member itself comes back first, and has its partitions at once.
const DELAY: Duration = Duration::from_secs(2);
/// Others may come back or be killed at about the same time, so it is looked again, at ever longer intervals.
const LOOKS: [Duration; 5] =
    [Duration::from_secs(8), Duration::from_secs(10), Duration::from_secs(20), Duration::from_secs(40), Duration::from_secs(80)];
const PATIENCE: Duration = Duration::from_secs(30);
const SERVE: Duration = Duration::from_millis(50);
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Notes that it was assigned something.
#[derive(Default)]
struct Joined(AtomicBool);

impl Assignments for Joined {
    fn assigned(&self, _: PartitionQueue) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn revoked(&self, _: &[i32], _: bool) {}

    fn choose_offsets(&self) -> bool {
        true
    }
}

/// A group, and what its members read.
struct Guarded {
    settings: Settings,
    group: String,
    topics: Vec<String>,
    /// One that no member reads, so that nobody's partitions move for it.
    other_topic: String,
}

/// Joins as one more member for a moment, soon; and later again where a partition of `topics` is nobody's.
pub(super) fn soon(settings: &Settings, group: &str, topics: &[&str], other_topic: &str) {
    let guarded = Guarded {
        settings: settings.clone(),
        group: group.to_owned(),
        topics: topics.iter().map(|&topic| topic.to_owned()).collect(),
        other_topic: other_topic.to_owned(),
    };
    let guard = move || {
        std::thread::sleep(DELAY);
        guarded.join();
        for wait in LOOKS {
            std::thread::sleep(wait);
            if let Ok(Some(missing @ 1..)) = guarded.missing() {
                tracing::warn!(group = guarded.group, missing, "partitions belong to nobody; the group assigns them anew");
                guarded.join();
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().name("reassign".into()).spawn(guard) {
        tracing::warn!(%error, "no thread for a moment's member of a group");
    }
}

impl Guarded {
    fn join(&self) {
        let joined = Arc::new(Joined::default());
        let config = self.settings.consumer(&self.group);
        let member = match Subscription::join(&config, &[&self.other_topic], Arc::clone(&joined) as _) {
            Ok(member) => member,
            Err(error) => return tracing::warn!(self.group, %error, "the group is not asked to assign its partitions anew"),
        };
        let started = clock::monotonic();
        while !joined.0.load(Ordering::Relaxed) && started.elapsed() < PATIENCE {
            member.serve(SERVE);
        }
        // Dropped, it leaves.
    }

    /// Partitions that no member has; none while the group is about to assign them.
    fn missing(&self) -> KafkaResult<Option<usize>> {
        let client: BaseConsumer = self.settings.admin().create()?;
        let groups = client.fetch_group_list(Some(&self.group), CALL_TIMEOUT)?;
        let Some(group) = groups.groups().first().filter(|group| group.state() == "Stable") else { return Ok(None) };
        let assigned = group.members().iter().map(|member| assigned(member.assignment().unwrap_or_default(), &self.topics));
        let assigned: usize = assigned.sum();
        let metadata = client.fetch_metadata(None, CALL_TIMEOUT)?;
        let of_ours = metadata.topics().iter().filter(|topic| self.topics.iter().any(|ours| ours == topic.name()));
        let all: usize = of_ours.map(|topic| topic.partitions().len()).sum();
        Ok(Some(all.saturating_sub(assigned)))
    }
}

/// How many partitions of these topics a member's assignment has; one that cannot be read has none.
fn assigned(assignment: &[u8], topics: &[String]) -> usize {
    read_assignment(assignment, topics).unwrap_or(0)
}

/// Kafka's `ConsumerProtocolAssignment`: a version, then for each topic its name and its partitions.
fn read_assignment(assignment: &[u8], topics: &[String]) -> Option<usize> {
    let mut rest = assignment.get(2..)?;
    let mut take = |count: usize| {
        let (taken, left) = rest.split_at_checked(count)?;
        rest = left;
        Some(taken)
    };
    let mut ours = 0;
    let topics_there = i32::from_be_bytes(take(4)?.try_into().ok()?);
    for _ in 0..topics_there {
        let name_length = u16::from_be_bytes(take(2)?.try_into().ok()?);
        let name = take(name_length.into())?;
        let is_ours = topics.iter().any(|topic| topic.as_bytes() == name);
        let partitions = usize::try_from(i32::from_be_bytes(take(4)?.try_into().ok()?)).ok()?;
        take(4 * partitions)?;
        ours += if is_ours { partitions } else { 0 };
    }
    Some(ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_a_member_was_given_of_our_topics() {
        let mut assignment = vec![0, 1, 0, 0, 0, 2];
        for (topic, partitions) in [("rows", 3), ("letters", 1)] {
            assignment.extend((topic.len() as u16).to_be_bytes());
            assignment.extend(topic.bytes());
            assignment.extend(i32::to_be_bytes(partitions));
            (0..partitions).for_each(|partition| assignment.extend(partition.to_be_bytes()));
        }
        assignment.extend([0xff; 4]);
        let topics = ["rows".to_owned(), "others".to_owned()];
        assert_eq!(assigned(&assignment, &topics), 3);
        assert_eq!((assigned(&[], &topics), assigned(&assignment[..20], &topics)), (0, 0));
    }
}
