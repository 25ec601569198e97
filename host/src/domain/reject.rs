//! Why something is set aside.

/// The stable short word of a dead letter's `reason` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The record has no value.
    Empty,
    /// The value is larger than a reading may be.
    Oversize,
    /// The value is not UTF-8.
    NotUtf8,
    /// The value is not JSON, or not a JSON object.
    NotJson,
    /// A field that is needed is absent or null.
    MissingField,
    /// A field holds another type.
    WrongType,
    /// The name of a building, floor or meter is too long or holds control characters.
    Name,
    /// A measure is NaN, infinite or too large for a float.
    NotFinite,
    /// A measure lies outside its configured `min` and `max`.
    Range,
    /// The timestamp cannot be read.
    Timestamp,
    /// The event time lies further after its Kafka record's time than `max_future`.
    Future,
    /// The window of the event time is past correcting.
    Late,
    /// The lane has as many meters as it may, and this would be another.
    TooManyMeters,
    /// The same meter has said the same values of the same time before.
    Repeat,
    /// A plugin failed on an accepted reading.
    Plugin,
    /// A plugin was not asked about an accepted reading, since it had failed too often.
    Quarantined,
    /// A store does not take a row.
    Refused,
    /// A record of a result topic is not a row.
    Unreadable,
}

impl Reason {
    /// The word, as it stands in headers and metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Oversize => "oversize",
            Self::NotUtf8 => "not-utf8",
            Self::NotJson => "not-json",
            Self::MissingField => "missing-field",
            Self::WrongType => "wrong-type",
            Self::Name => "name",
            Self::NotFinite => "not-finite",
            Self::Range => "range",
            Self::Timestamp => "timestamp",
            Self::Future => "future",
            Self::Late => "late",
            Self::TooManyMeters => "too-many-meters",
            Self::Repeat => "repeat",
            Self::Plugin => "plugin",
            Self::Quarantined => "quarantined",
            Self::Refused => "refused",
            Self::Unreadable => "unreadable",
        }
    }
}

/// A message that is set aside, with the reason in a word and in a sentence.
#[derive(Clone, Debug, PartialEq)]
pub struct Reject {
    /// The word.
    pub reason: Reason,
    /// What was wrong, naming the field and the value.
    pub message: String,
}
