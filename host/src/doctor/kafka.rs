//! The broker: is it there, may we do what we must, does it keep what it has, and can its newest readings be used?

use std::time::Duration;

use super::Finding;
use crate::clock;
use crate::config::{Config, Span};
use crate::decode::Decoder;
use crate::domain::{Batch, Message, MeterTable, Reject};
use crate::kafka::{Partitions, Settings, may_transact, newest_records, topic_property};
use crate::wording::count;

/// A topic may have a hundred partitions, and some show what all are like.
const MOST_PARTITIONS: i32 = 8;
/// The last record of a partition may be one that ends a transaction.
const NEWEST: i64 = 5;
/// Shorter than this, and a weekend's outage loses readings.
const SHORT_RETENTION_MS: i64 = 3 * 86_400_000;
/// Clocks that differ by more make readings look as if they came from the future.
const MOST_AHEAD_MS: i64 = 2_000;

pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    let settings = Settings::of(&config.kafka);
    let there = match Partitions::now(&settings) {
        Ok(there) => there,
        Err(error) => {
            let remedy = "a broker that asks for TLS or SASL needs `security.protocol` and the like in `[kafka.properties]`";
            return vec![Finding::bad("broker", error.to_string(), remedy)];
        }
    };
    let mut findings = vec![Finding::good("broker", format!("answers at {}", config.kafka.bootstrap))];
    findings.push(input_topic(config, &there));
    if there.of(&config.kafka.topic) > 0 {
        findings.push(retention(config, &settings).await);
        findings.extend(newest(config, &settings, there.of(&config.kafka.topic)));
    }
    findings.push(result_topics(config, &there));
    if there.of(&config.topics.state) > 0 {
        findings.push(state_topic(config, &settings).await);
    }
    findings.push(transactions(config, &settings));
    findings
}

fn input_topic(config: &Config, there: &Partitions) -> Finding {
    let topic = &config.kafka.topic;
    match there.of(topic) {
        0 if config.kafka.create_topics => {
            let words =
                format!("`{topic}` does not exist; a host will create it with {}", count(config.kafka.partitions, "partition"));
            Finding::doubtful("input topic", words, "check `kafka.topic` if somebody writes readings already")
        }
        0 => Finding::bad("input topic", format!("`{topic}` does not exist"), "create it, or set `kafka.create_topics = true`"),
        partitions => {
            Finding::good("input topic", format!("`{topic}` has {}, for as many hosts at most", count(partitions, "partition")))
        }
    }
}

async fn retention(config: &Config, settings: &Settings) -> Finding {
    let topic = &config.kafka.topic;
    let subject = "input's retention";
    let property = async |name| topic_property(settings, topic, name).await;
    let (policy, kept) = match (property("cleanup.policy").await, property("retention.ms").await) {
        (Ok(policy), Ok(kept)) => (policy.unwrap_or_default(), kept.and_then(|kept| kept.parse().ok()).unwrap_or(-1)),
        (Err(error), _) | (_, Err(error)) => {
            return Finding::doubtful(
                subject,
                format!("cannot be seen: {error}"),
                "allow this user to describe the topic's settings",
            );
        }
    };
    if policy.contains("compact") {
        let words = format!("`{topic}` is compacted: of each key only the last reading stays");
        return Finding::bad(subject, words, "set its `cleanup.policy` to `delete`");
    }
    match kept {
        kept if kept < 0 => Finding::good(subject, "everything is kept"),
        kept if kept < SHORT_RETENTION_MS => {
            let words = format!("readings are deleted after {}, read or not", Span::from_millis(kept));
            Finding::doubtful(subject, words, "make `retention.ms` longer than any outage that is to lose nothing")
        }
        kept => Finding::good(subject, format!("readings are kept for {}", Span::from_millis(kept))),
    }
}

/// The newest record of some partitions, and what would become of it.
#[derive(Default)]
struct Newest {
    record_time_ms: Option<i64>,
    building: String,
    reject: Option<(i32, Reject)>,
}

impl Newest {
    fn look(&mut self, decoder: &mut Decoder, measures: usize, partition: i32, message: &Message<'_>) {
        let (mut meters, mut batch) = (MeterTable::default(), Batch::new(measures));
        match decoder.decode(message, &mut meters, &mut batch) {
            Ok(()) if self.record_time_ms.is_none_or(|newest| newest <= message.timestamp_ms) => {
                self.record_time_ms = Some(message.timestamp_ms);
                self.building = meters.buildings().first().map(ToString::to_string).unwrap_or_default();
            }
            Ok(()) => {}
            Err(reject) => self.reject = Some((partition, reject)),
        }
    }
}

fn newest(config: &Config, settings: &Settings, partitions: i32) -> Vec<Finding> {
    let subject = "newest readings";
    let mut decoder = Decoder::new(&config.input);
    let mut newest = Newest::default();
    for partition in 0..partitions.min(MOST_PARTITIONS) {
        let look = |message: Message<'_>| newest.look(&mut decoder, config.input.measures.len(), partition, &message);
        if let Err(error) = newest_records(settings, &config.kafka.topic, partition, NEWEST, look) {
            let words = format!("partition {partition} cannot be read: {error}");
            return vec![Finding::bad(subject, words, "allow this user to read the topic, with group `wattdog.reader`")];
        }
    }
    let mut findings = Vec::new();
    if let Some((partition, Reject { reason, message })) = &newest.reject {
        let words = format!("one of partition {partition} cannot be used: {}: {message}", reason.word());
        findings.push(Finding::bad(
            subject,
            words,
            "`[input]` says what its fields are called; what is no reading goes to dead letters",
        ));
    }
    let now = clock::now().as_millisecond();
    match newest.record_time_ms {
        Some(time) if time > now + MOST_AHEAD_MS => {
            let words = format!("the newest reading is {} ahead of this machine's clock", length(time - now));
            findings.push(Finding::doubtful("clock", words, "let broker, gateways and this machine take their time from NTP"));
        }
        Some(time) => {
            let words = format!("the latest is {} old, of building {:?}", length((now - time).max(0)), newest.building);
            findings.push(Finding::good(subject, words));
        }
        None if newest.reject.is_none() => {
            findings.push(Finding::doubtful(
                subject,
                "there is none yet",
                "start what writes them, or `wattdog generate readings`",
            ));
        }
        None => {}
    }
    findings
}

fn length(millis: i64) -> String {
    let seconds = Duration::from_millis(millis.unsigned_abs()).as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn result_topics(config: &Config, there: &Partitions) -> Finding {
    let topics = &config.topics;
    let names = [&topics.aggregations, &topics.anomalies, &topics.shadow_anomalies, &topics.dead_letters, &topics.state];
    let missing: Vec<_> = names.into_iter().filter(|name| there.of(name) == 0).map(String::as_str).collect();
    match (missing.is_empty(), config.kafka.create_topics) {
        (true, _) => Finding::good("result topics", "all are there"),
        (false, true) => Finding::good("result topics", format!("a host will create {}", missing.join(", "))),
        (false, false) => {
            let words = format!("missing: {}", missing.join(", "));
            Finding::bad("result topics", words, "create them with the input's partitions, or set `kafka.create_topics = true`")
        }
    }
}

async fn state_topic(config: &Config, settings: &Settings) -> Finding {
    let (subject, topic) = ("state topic", &config.topics.state);
    match topic_property(settings, topic, "cleanup.policy").await {
        Ok(Some(policy)) if policy == "compact" => Finding::good(subject, format!("`{topic}` is compacted")),
        Ok(policy) => {
            let words = format!("`{topic}` has `cleanup.policy = {}`: what lanes know is deleted", policy.unwrap_or_default());
            Finding::bad(subject, words, "set it to `compact`")
        }
        Err(error) => {
            Finding::doubtful(subject, format!("cannot be seen: {error}"), "allow this user to describe the topic's settings")
        }
    }
}

fn transactions(config: &Config, settings: &Settings) -> Finding {
    let group = &config.kafka.group;
    match may_transact(settings, group) {
        Ok(()) => Finding::good("transactions", "may be written"),
        Err(error) => {
            let remedy = format!("allow this user transactional ids that begin with `{group}`");
            Finding::bad("transactions", error.to_string(), remedy)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_no_reading_is_seen_beside_one_that_is() {
        let config = Config::default();
        let mut decoder = Decoder::new(&config.input);
        let mut newest = Newest::default();
        let good = br#"{"timestamp":"1970-01-01T00:00:00Z","building":"A","floor":1,"electricity":1,"water":2}"#;
        let message = |payload| Message { timestamp_ms: 7, ..Message::of(payload) };
        newest.look(&mut decoder, 2, 0, &message(good));
        newest.look(&mut decoder, 2, 1, &message(b"hello"));
        assert_eq!((newest.record_time_ms, &*newest.building), (Some(7), "A"));
        let (partition, reject) = newest.reject.unwrap();
        assert_eq!((partition, reject.reason.word()), (1, "not-json"));
    }
}
