//! Bounds of values that another part of the system would refuse late, or obey to its harm.

use super::{Config, Span};

/// Longest name of a topic: <https://kafka.apache.org/documentation/#operations_topic>.
const LONGEST_TOPIC: usize = 249;
const MOST_PARTITIONS: i32 = 10_000;

pub(super) fn check(config: &Config) -> Result<(), String> {
    topics(config)?;
    for (key, text) in [("kafka.bootstrap", &config.kafka.bootstrap), ("kafka.group", &config.kafka.group)] {
        if text.trim().is_empty() {
            return Err(format!("`{key}` is empty"));
        }
    }
    let partitions = config.kafka.partitions;
    if !(1..=MOST_PARTITIONS).contains(&partitions) {
        return Err(format!("`kafka.partitions` is {partitions}; write a number from 1 to {MOST_PARTITIONS}"));
    }
    for (key, span, from, to) in [
        // A broker ends transactions of a minute.
        ("kafka.commit_interval", config.kafka.commit_interval, Span::from_millis(1), Span::from_secs(30)),
        ("state.interval", config.state.interval, Span::from_millis(100), Span::from_secs(86_400)),
        // Each look reads the folder.
        ("plugins.poll", config.plugins.poll, Span::from_millis(100), Span::from_secs(3_600)),
    ] {
        if !(from..=to).contains(&span) {
            return Err(format!("`{key}` is {span}; write a time from {from} to {to}"));
        }
    }
    let listen = &config.web.listen;
    let has_port = listen.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    if !has_port {
        return Err(format!("`web.listen` is {listen:?}; write an address and a port up to 65535, as \"127.0.0.1:8080\""));
    }
    if config.input.max_meters == 0 {
        return Err("`input.max_meters` is 0: no reading could be taken".into());
    }
    Ok(())
}

/// Each has a name that Kafka takes, and none is another's: records of one would be read as those of the other, and a dead letter of the
/// input in the input would come back for ever.
fn topics(config: &Config) -> Result<(), String> {
    let topics = &config.topics;
    let named = [
        ("kafka.topic", &config.kafka.topic),
        ("topics.aggregations", &topics.aggregations),
        ("topics.anomalies", &topics.anomalies),
        ("topics.shadow_anomalies", &topics.shadow_anomalies),
        ("topics.dead_letters", &topics.dead_letters),
        ("topics.state", &topics.state),
        ("topics.repartition", &topics.repartition),
    ];
    for (at, (key, topic)) in named.iter().enumerate() {
        let plain = topic.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if topic.is_empty() || topic.len() > LONGEST_TOPIC || !plain || [".", ".."].contains(&topic.as_str()) {
            return Err(format!("`{key}` {topic:?} is no name of a topic: 1 to {LONGEST_TOPIC} letters, digits and `-_.`"));
        }
        if let Some((other, _)) = named[..at].iter().find(|(_, other)| other == topic) {
            return Err(format!("`{key}` and `{other}` are both \"{topic}\": each needs a topic of its own"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::config::load_text;

    #[test]
    fn what_would_fail_late_or_do_harm_is_refused_by_its_key() {
        for (text, words) in [
            ("[kafka]\ntopic = \"\"", "`kafka.topic` \"\" is no name"),
            ("[kafka]\ntopic = \"a b\"", "`kafka.topic` \"a b\" is no name"),
            ("[kafka]\ntopic = \"..\"", "`kafka.topic` \"..\" is no name"),
            ("[kafka]\npartitions = 0", "`kafka.partitions` is 0"),
            ("[kafka]\npartitions = -3", "`kafka.partitions` is -3"),
            ("[kafka]\nbootstrap = \" \"", "`kafka.bootstrap` is empty"),
            ("[kafka]\ngroup = \"\"", "`kafka.group` is empty"),
            ("[kafka]\ncommit_interval = \"10m\"", "from 1ms to 30s"),
            ("[topics]\ndead_letters = \"university_consumption\"", "`topics.dead_letters` and `kafka.topic` are both"),
            ("[topics]\nstate = \"university_consumption\"", "`topics.state` and `kafka.topic` are both"),
            ("[topics]\nstate = \"wattdog.anomalies\"", "`topics.state` and `topics.anomalies` are both"),
            ("[plugins]\npoll = \"1us\"", "`plugins.poll` is 1us"),
            ("[state]\ninterval = \"0s\"", "`state.interval` is 0s"),
            ("[web]\nlisten = \"127.0.0.1:99999\"", "`web.listen`"),
            ("[web]\nlisten = \"8080\"", "`web.listen`"),
            ("[input]\nmax_meters = 0", "`input.max_meters`"),
        ] {
            let error = load_text(text, "f", []).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        for text in ["[web]\nlisten = \"[::1]:0\"", "[web]\nlisten = \"localhost:8080\"", "[kafka]\ntopic = \"Site-1_a.b\""] {
            load_text(text, "f", []).unwrap();
        }
    }
}
