//! A dead letter, without the message that it holds.

use std::fmt;
use std::str::FromStr;

use crate::kafka::StoredRecord;
use crate::results::REDRIVEN;

/// Where a record stands in its topic, as `PARTITION/OFFSET`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) partition: i32,
    pub(super) offset: i64,
}

impl Place {
    pub(super) fn of(record: &StoredRecord<'_>) -> Self {
        Self { partition: record.partition, offset: record.offset }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partition, self.offset)
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let place = text
            .split_once('/')
            .and_then(|(partition, offset)| Some(Self { partition: partition.parse().ok()?, offset: offset.parse().ok()? }));
        place.ok_or_else(|| format!("`{text}` is no place such as 0/17: write PARTITION/OFFSET as `list` prints it"))
    }
}

/// What the headers say; a header that is missing is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Letter {
    /// Where it stands on the dead-letter topic, at first and as set aside again; never empty.
    pub(super) places: Vec<Place>,
    /// Milliseconds since the epoch.
    pub(super) time_ms: i64,
    pub(super) kind: String,
    pub(super) reason: String,
    pub(super) message: String,
    pub(super) stage: String,
    pub(super) plugin: String,
    pub(super) plugin_version: String,
    pub(super) plugin_digest: String,
    /// Where the record stands that was set aside.
    pub(super) source: Source,
    /// Which reading of the record it is, where that has several.
    pub(super) element: Option<u32>,
    /// A redrive has sent it.
    pub(super) sent_again: bool,
}

/// A record that was set aside.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Source {
    pub(super) topic: String,
    pub(super) place: Place,
    /// Milliseconds since the epoch; none where nobody noted it.
    pub(super) timestamp_ms: Option<i64>,
}

impl Default for Source {
    fn default() -> Self {
        Self { topic: String::new(), place: Place { partition: -1, offset: -1 }, timestamp_ms: None }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.place)
    }
}

/// A record of the dead-letter topic.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Entry {
    Letter(Box<Letter>),
    /// The letter at this place was sent again.
    Redriven(Place),
}

impl Entry {
    pub(super) fn of(record: &StoredRecord<'_>) -> Self {
        let text = |name: &str| {
            let header = record.headers.iter().find(|(of, _)| *of == name);
            header.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
        };
        let number = |name: &str| text(name).parse::<i64>().ok();
        let place = Place {
            partition: number("partition").and_then(|partition| i32::try_from(partition).ok()).unwrap_or(-1),
            offset: number("offset").unwrap_or(-1),
        };
        let kind = text("kind");
        if kind == REDRIVEN {
            return Self::Redriven(place);
        }
        let source = Source { topic: text("topic"), place, timestamp_ms: number("timestamp").filter(|&time| time >= 0) };
        Self::Letter(Box::new(Letter {
            places: vec![Place::of(record)],
            time_ms: record.timestamp_ms.unwrap_or_default(),
            kind,
            reason: text("reason"),
            message: text("message"),
            stage: text("stage"),
            plugin: text("plugin"),
            plugin_version: text("plugin_version"),
            plugin_digest: text("plugin_digest"),
            source,
            element: text("element").parse().ok(),
            sent_again: false,
        }))
    }
}

impl Letter {
    /// The place at which it is shown.
    pub(super) fn place(&self) -> Place {
        self.places[0]
    }

    /// Do both say the same of the same record? A sink or a host that begins anew sets aside what it has set aside before.
    pub(super) fn identity(&self) -> (&str, &str, &str, &str, Place, Option<u32>) {
        // A reading is in no result or in some, whoever says so.
        let stage = if self.kind == "reading" { "" } else { self.stage.as_str() };
        (&self.kind, stage, &self.plugin, &self.source.topic, self.source.place, self.element)
    }
}
