//! Where a dead letter goes when it is sent again, and with which headers.

use super::letter::{Letter, Place, Source};
use crate::config::Config;
use crate::domain::{Message, Redriven};
use crate::results::REDRIVEN;

/// How a record is sent; key and value are those of the dead letter.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Resend {
    pub(super) topic: String,
    /// The one that it came from: the meter's home, and the row's window is in order there.
    pub(super) partition: i32,
    /// Of the record that was set aside, so that `future` and `late` decide as they did; none: now.
    pub(super) timestamp_ms: Option<i64>,
    pub(super) headers: Vec<(&'static str, String)>,
}

/// How to send a letter of `topic`, or why not.
pub(super) fn resend(letter: &Letter, dead_letter_topic: &str, config: &Config) -> Result<Resend, String> {
    let Source { topic, place, timestamp_ms } = &letter.source;
    let from = format!("{dead_letter_topic}/{}", letter.place());
    let send = |timestamp_ms, more: Vec<(&'static str, String)>| {
        let headers = [vec![("redriven-from", from.clone())], more].concat();
        Resend { topic: topic.clone(), partition: place.partition, timestamp_ms, headers }
    };
    let topics = &config.topics;
    match letter.kind.as_str() {
        "reading" | "scoring" if ![&config.kafka.topic, &topics.repartition].contains(&topic) => {
            Err(format!("it came from topic `{topic}`, and `kafka.topic` is `{}`", config.kafka.topic))
        }
        "reading" => Ok(send(*timestamp_ms, element_header(letter))),
        "scoring" if letter.stage == "enrich" => Err("the reading went on without what its enricher adds".into()),
        "scoring" => Ok(send(*timestamp_ms, [scoring_headers(letter), element_header(letter)].concat())),
        "row" if ![&topics.aggregations, &topics.anomalies, &topics.shadow_anomalies].contains(&topic) => {
            Err(format!("it came from topic `{topic}`, which is no result topic of this configuration"))
        }
        "row" if letter.reason == "unreadable" => Err("no version of its sink could read it".into()),
        "row" => Ok(send(None, Vec::new())),
        other => Err(format!("kind `{other}` is not known to this version")),
    }
}

/// For a host: read this one of the readings in the message.
fn element_header(letter: &Letter) -> Vec<(&'static str, String)> {
    letter.element.map(|element| (Message::ELEMENT, element.to_string())).into_iter().collect()
}

/// For a host: score it with this plugin, as the reading of that place, and do nothing else with it.
fn scoring_headers(letter: &Letter) -> Vec<(&'static str, String)> {
    let Source { topic, place: Place { partition, offset }, timestamp_ms } = &letter.source;
    let (partition, offset, timestamp_ms) = (*partition, *offset, timestamp_ms.unwrap_or(-1));
    let redriven = Redriven { plugin: &letter.plugin, topic, partition, offset, timestamp_ms };
    vec![(Redriven::PLUGIN, letter.plugin.clone()), (Redriven::SOURCE, redriven.source())]
}

/// What says on the dead-letter topic that the letter at `place` was sent again.
pub(super) fn marker(place: Place) -> Vec<(&'static str, String)> {
    vec![("kind", REDRIVEN.into()), ("partition", place.partition.to_string()), ("offset", place.offset.to_string())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(kind: &str, topic: &str) -> Letter {
        let source = Source { topic: topic.into(), place: Place { partition: 2, offset: 40 }, timestamp_ms: Some(1_000) };
        let places = vec![Place { partition: 0, offset: 7 }];
        Letter { places, kind: kind.into(), plugin: "kmeans".into(), source, ..Letter::default() }
    }

    #[test]
    fn a_reading_goes_where_it_came_from_with_its_own_time_and_a_row_to_its_topic() {
        let config = Config::default();
        let reading = resend(&letter("reading", "university_consumption"), "dead", &config).unwrap();
        assert_eq!((reading.partition, reading.timestamp_ms), (2, Some(1_000)));
        assert_eq!(reading.headers, [("redriven-from", "dead/0/7".to_owned())]);
        let one_of_several = Letter { element: Some(3), ..letter("reading", "university_consumption") };
        let again = resend(&one_of_several, "dead", &config).unwrap();
        assert_eq!(again.headers[1], ("redrive-element", "3".to_owned()));
        assert!(resend(&letter("reading", "wattdog.repartition"), "dead", &config).is_ok(), "lanes may read that one");
        let row = resend(&letter("row", "wattdog.aggregations"), "dead", &config).unwrap();
        assert_eq!((row.topic.as_str(), row.timestamp_ms), ("wattdog.aggregations", None));
    }

    #[test]
    fn what_would_be_counted_twice_or_nowhere_is_not_sent() {
        let config = Config::default();
        for (kind, topic, part) in [
            ("reading", "another", "`kafka.topic` is `university_consumption`"),
            ("row", "university_consumption", "no result topic"),
            ("", "university_consumption", "not known"),
        ] {
            let error = resend(&letter(kind, topic), "dead", &config).unwrap_err();
            assert!(error.contains(part), "{kind}: {error}");
        }
    }

    #[test]
    fn a_scoring_names_its_plugin_and_the_reading() {
        let headers = scoring_headers(&letter("scoring", "readings"));
        assert_eq!(headers, [("redrive-plugin", "kmeans".to_owned()), ("redrive-source", "readings/2/40/1000".to_owned())]);
    }
}
