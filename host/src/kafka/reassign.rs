//! Has a group assign its partitions anew.
//!
//! A member with a name that comes back is given what it was last assigned, without a rebalance. Where it was killed while
//! partitions were on their way from one member to another, those belong to nobody from then on: the first half of a cooperative
//! rebalance took them away, and its second half never came. Whoever joins makes the group look at all of its partitions again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::subscription::{Assignments, Subscription};
use super::{PartitionQueue, Settings};
use crate::clock;

/// The member itself comes back first, and has its partitions at once.
const DELAY: Duration = Duration::from_secs(2);
/// Killed in its moment, it holds up the whole group for so long. The least that brokers take by default.
const SESSION_MS: &str = "6000";
const PATIENCE: Duration = Duration::from_secs(30);
const SERVE: Duration = Duration::from_millis(50);

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

/// Joins as one more member for a moment, soon. `topic` is one that no other member reads, so that nobody's partitions move.
pub(super) fn soon(settings: &Settings, group: &str, topic: &str) {
    let (mut config, topic, group) = (settings.consumer(group), topic.to_owned(), group.to_owned());
    config.set("session.timeout.ms", SESSION_MS);
    let join = move || {
        std::thread::sleep(DELAY);
        let joined = Arc::new(Joined::default());
        let member = match Subscription::join(&config, &[&topic], Arc::clone(&joined) as _) {
            Ok(member) => member,
            Err(error) => return tracing::warn!(group, %error, "the group is not asked to assign its partitions anew"),
        };
        let started = clock::monotonic();
        while !joined.0.load(Ordering::Relaxed) && started.elapsed() < PATIENCE {
            member.serve(SERVE);
        }
        // Dropped, it leaves.
    };
    if let Err(error) = std::thread::Builder::new().name("reassign".into()).spawn(join) {
        tracing::warn!(%error, "no thread for a moment's member of a group");
    }
}
