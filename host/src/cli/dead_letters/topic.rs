//! The dead-letter topic as it is now.

use std::collections::{HashMap, HashSet};

use anyhow::{Context as _, bail};

use super::letter::{Entry, Letter, Place};
use crate::config::Config;
use crate::kafka::{Settings, StoredRecord, partition_count, read_records};

/// How to reach the topic that the configuration names.
pub(super) struct DeadLetterTopic {
    pub(super) settings: Settings,
    pub(super) name: String,
}

impl DeadLetterTopic {
    /// Makes sure that it is there.
    pub(super) fn of(config: &Config) -> anyhow::Result<Self> {
        let settings = Settings::of(&config.kafka);
        let name = config.topics.dead_letters.clone();
        if partition_count(&settings, &name)? == 0 {
            bail!(
                "topic `{name}` does not exist at {}: no host has run with it, or `topics.dead_letters` is another",
                settings.bootstrap
            );
        }
        Ok(Self { settings, name })
    }

    /// Gives each record to `take`, in the order of each partition.
    pub(super) fn each(&self, take: impl FnMut(&StoredRecord<'_>)) -> anyhow::Result<()> {
        read_records(&self.settings, &self.name, 0, take)
            .with_context(|| format!("cannot read topic {} at {}", self.name, self.settings.bootstrap))
    }

    /// Every letter once, the oldest first.
    pub(super) fn letters(&self) -> anyhow::Result<Vec<Letter>> {
        let mut entries = Vec::new();
        self.each(|record| entries.push(Entry::of(record)))?;
        Ok(letters(entries))
    }
}

/// Joins what was set aside twice, and notes what was sent again.
fn letters(entries: Vec<Entry>) -> Vec<Letter> {
    let mut sent: HashSet<Place> = HashSet::new();
    let mut found = Vec::new();
    for entry in entries {
        match entry {
            Entry::Redriven(place) => drop(sent.insert(place)),
            Entry::Letter(letter) => found.push(*letter),
        }
    }
    found.sort_by_key(|letter| (letter.time_ms, letter.place()));
    let mut first: HashMap<_, usize> = HashMap::with_capacity(found.len());
    let mut again: Vec<Option<usize>> = Vec::with_capacity(found.len());
    for (index, letter) in found.iter().enumerate() {
        let at = *first.entry(letter.identity()).or_insert(index);
        again.push((at != index && letter.source.place.offset >= 0).then_some(at));
    }
    let mut letters: Vec<Option<Letter>> = found.into_iter().map(Some).collect();
    for (index, first) in again.into_iter().enumerate() {
        if let Some(first) = first
            && let Some(copy) = letters[index].take()
            && let Some(letter) = &mut letters[first]
        {
            letter.places.extend(copy.places);
        }
    }
    let mut letters: Vec<Letter> = letters.into_iter().flatten().collect();
    for letter in &mut letters {
        letter.sent_again = letter.places.iter().any(|place| sent.contains(place));
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::super::letter::Source;
    use super::*;

    fn letter(time_ms: i64, at: &str, kind: &str, stage: &str, source: &str) -> Entry {
        let source = Source { topic: "readings".into(), place: source.parse().unwrap(), timestamp_ms: None };
        let (kind, stage) = (kind.to_owned(), stage.to_owned());
        Entry::Letter(Box::new(Letter { places: vec![at.parse().unwrap()], time_ms, kind, stage, source, ..Letter::default() }))
    }

    fn places(letters: &[Letter]) -> Vec<Vec<String>> {
        letters.iter().map(|letter| letter.places.iter().map(Place::to_string).collect()).collect()
    }

    #[test]
    fn what_was_set_aside_twice_is_one_letter_and_sent_when_either_was() {
        let found = letters(vec![
            letter(3, "0/2", "row", "sink.postgres", "0/7"),
            letter(1, "0/0", "row", "sink.postgres", "0/7"),
            letter(2, "0/1", "row", "sink.mongodb", "0/7"),
            letter(5, "1/0", "reading", "decode", "0/7"),
            letter(6, "1/1", "reading", "window", "0/7"),
            Entry::Redriven("1/1".parse().unwrap()),
        ]);
        assert_eq!(places(&found), [vec!["0/0", "0/2"], vec!["0/1"], vec!["1/0", "1/1"]]);
        assert_eq!(found.iter().map(|letter| letter.sent_again).collect::<Vec<_>>(), [false, false, true]);
    }

    #[test]
    fn records_that_say_nothing_of_their_source_are_letters_of_their_own() {
        let found = letters(vec![letter(1, "0/0", "", "", "-1/-1"), letter(2, "0/1", "", "", "-1/-1")]);
        assert_eq!(places(&found), [["0/0"], ["0/1"]]);
    }
}
