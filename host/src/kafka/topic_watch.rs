//! Looks whether topics are still the ones that they were: a topic that was deleted and made anew has another id, and offsets of the
//! old one mean nothing in it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use uuid::Uuid;

use super::Settings;
use super::detached::Detached;
use super::embedded::is_embedded;
use super::topic_ids::{Described, describe};
use crate::clock;
use crate::metrics::{Counter, Family, TopicLabel};

/// How often the broker is asked. A log that behaves oddly is asked about at once.
const INTERVAL: Duration = Duration::from_secs(30);
/// Lanes that begin together ask once.
const LEAST_INTERVAL: Duration = Duration::from_millis(500);
const TIMEOUT: Duration = Duration::from_secs(5);

/// What the broker said of each topic last.
pub struct TopicWatch {
    settings: Settings,
    topics: Vec<String>,
    /// Asks, one question at a time; and when it did last.
    client: Mutex<Option<(Detached<BaseConsumer>, Instant)>>,
    known: Mutex<Known>,
    /// Topics that were made anew.
    made_anew: Family<TopicLabel, Counter>,
}

#[derive(Default)]
struct Known {
    topics: HashMap<String, Described>,
    /// Ids of topics made anew, each of which is an error once.
    said: HashSet<Uuid>,
}

impl TopicWatch {
    /// Asks once, and then again and again on a thread of its own for as long as the value lives.
    #[must_use]
    pub fn start(settings: &Settings, topics: Vec<String>, made_anew: Family<TopicLabel, Counter>) -> Arc<Self> {
        for topic in &topics {
            made_anew.get_or_create(&TopicLabel { topic: topic.clone() }).inc_by(0);
        }
        let watch =
            Arc::new(Self { settings: settings.clone(), topics, client: Mutex::default(), known: Mutex::default(), made_anew });
        watch.look();
        let weak = Arc::downgrade(&watch);
        let look = move || {
            loop {
                std::thread::sleep(INTERVAL);
                let Some(watch) = weak.upgrade() else { return };
                watch.look();
            }
        };
        if let Err(error) = std::thread::Builder::new().name("topic-watch".into()).spawn(look) {
            tracing::warn!(%error, "no thread looks whether topics are made anew; it is seen at the next start");
        }
        watch
    }

    /// The topic's id as it was last seen; none where the broker has no ids, or does not say.
    #[must_use]
    pub fn id(&self, topic: &str) -> Option<Uuid> {
        self.known().topics.get(topic)?.id
    }

    /// Asks the broker now.
    pub fn look(&self) {
        let Some(now) = self.ask() else { return };
        let mut known = self.known();
        for (topic, described) in now {
            // A broker that is just starting may not know the id yet.
            let described = match known.topics.get(&topic) {
                Some(before) if described.id.is_none() => Described { id: before.id, ..described },
                _ => described,
            };
            let Some(before) = known.topics.insert(topic.clone(), described) else { continue };
            match (before.id, described.id) {
                (Some(old), Some(new)) if old != new => self.say(&mut known, &topic, new),
                _ if described.partitions > before.partitions => say_grown(&topic, before.partitions, described.partitions),
                _ => {}
            }
        }
    }

    fn ask(&self) -> Option<HashMap<String, Described>> {
        if is_embedded(&self.settings.bootstrap) {
            return None;
        }
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = client.as_ref().map(|(_, asked)| *asked);
        if asked.is_some_and(|asked| asked.elapsed() < LEAST_INTERVAL) {
            return None;
        }
        let connected = match client.take() {
            Some((connected, _)) => connected,
            None => Detached::new(self.settings.admin().create().ok()?),
        };
        // SAFETY: the client is in our hands until the call returns.
        let described = unsafe { describe(connected.client().native_ptr(), &self.topics, TIMEOUT) };
        *client = Some((connected, clock::monotonic()));
        described
    }

    /// Says once that a topic is not the one whose id was stored.
    pub fn say_made_anew(&self, topic: &str, id: Uuid) {
        self.say(&mut self.known(), topic, id);
    }

    fn say(&self, known: &mut Known, topic: &str, id: Uuid) {
        if !known.said.insert(id) {
            return;
        }
        self.made_anew.get_or_create(&TopicLabel { topic: topic.to_owned() }).inc();
        tracing::error!(
            topic,
            %id,
            "the topic was deleted and made anew: offsets of the old one mean nothing in it. What reads it begins with all of the new \
             one; records of the old one that were not read yet are lost"
        );
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn say_grown(topic: &str, before: i32, partitions: i32) {
    tracing::warn!(
        topic,
        before,
        partitions,
        "the topic has got more partitions: producers put some keys into other partitions from now on, so a building may be in two"
    );
}

impl std::fmt::Debug for TopicWatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TopicWatch").field("topics", &self.topics).finish_non_exhaustive()
    }
}
