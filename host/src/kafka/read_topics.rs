//! Which topics a client reads: their ids, as it tells them itself.
//!
//! A client whose topic is deleted and made anew goes on at the same offset in the new one, if that is as long by then, and says so
//! only in its log. It asks for records by the topic's id (Kafka 3.1 or later), so the line comes before the first record of the new
//! topic: what was polled before the line is of the old one.

use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use uuid::Uuid;

/// Topics of one client. It has the lines of [`ReadTopics::DEBUG`] logged.
#[derive(Debug, Default)]
pub(super) struct ReadTopics(Mutex<Vec<(String, Uuid)>>);

impl ReadTopics {
    /// What librdkafka's `debug` needs to have.
    pub(super) const DEBUG: &str = "metadata";

    /// Takes a line of the client's log; true when it was one of a topic's id.
    pub(super) fn heard(&self, line: &str) -> bool {
        let Some((topic, id)) = parse(line) else { return false };
        let mut all = self.all();
        match all.iter_mut().find(|(known, _)| known == topic) {
            Some((_, known)) => *known = id,
            None => all.push((topic.to_owned(), id)),
        }
        true
    }

    /// The id of the topic that the client reads under this name; none before it has heard of it, and where brokers have no ids.
    pub(super) fn id(&self, topic: &[u8]) -> Option<Uuid> {
        self.all().iter().find(|(known, _)| known.as_bytes() == topic).map(|(_, id)| *id)
    }

    fn all(&self) -> std::sync::MutexGuard<'_, Vec<(String, Uuid)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether both ids are known and differ.
pub(super) fn is_other(then: Option<Uuid>, now: Option<Uuid>) -> bool {
    then.is_some() && now.is_some() && then != now
}

/// From a line as `[thrd:main]: Topic readings changed id from AAAAAAAAAAAAAAAAAAAAAA to U+5w2hBBQTqy/8C0BcrsgA`.
fn parse(line: &str) -> Option<(&str, Uuid)> {
    let (_, rest) = line.split_once("Topic ")?;
    let (topic, rest) = rest.split_once(" changed id from ")?;
    let (_, id) = rest.split_once(" to ")?;
    let id = Uuid::from_slice(&STANDARD_NO_PAD.decode(id.trim()).ok()?).ok()?;
    (!id.is_nil()).then_some((topic, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topics_id_is_the_one_that_the_client_told_last() {
        let topics = ReadTopics::default();
        let line = |topic: &str, id: Uuid| {
            format!("[thrd:main]: Topic {topic} changed id from AAAAAAAAAAAAAAAAAAAAAA to {}", STANDARD_NO_PAD.encode(id))
        };
        let [one, other] = [Uuid::from_u128(0xFBFF_FFFF << 96 | 1), Uuid::from_u128(2)];
        assert!(topics.heard(&line("a.b", one)) && topics.heard(&line("a", other)));
        assert_eq!([topics.id(b"a.b"), topics.id(b"a"), topics.id(b"b")], [Some(one), Some(other), None]);
        assert!(topics.heard(&line("a.b", other)));
        assert_eq!(topics.id(b"a.b"), Some(other));
    }

    #[test]
    fn other_lines_tell_no_id() {
        let topics = ReadTopics::default();
        assert!(!topics.heard("[thrd:main]: Topic a [0] Leader 1 Epoch 0"));
        // A broker without ids.
        assert!(!topics.heard("[thrd:main]: Topic a changed id from U+5w2hBBQTqy/8C0BcrsgA to AAAAAAAAAAAAAAAAAAAAAA"));
        assert_eq!(topics.id(b"a"), None);
    }
}
