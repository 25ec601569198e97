//! Why something is set aside.

macro_rules! reasons {
    ($(#[doc = $doc:literal] $name:ident = $word:literal,)*) => {
        /// The stable short word of a dead letter's `reason` header.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $(#[doc = $doc] $name,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The word, as it stands in headers and metrics.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

reasons! {
    /// The record has no value.
    Empty = "empty",
    /// The value is larger than a reading may be.
    Oversize = "oversize",
    /// The value is not UTF-8.
    NotUtf8 = "not-utf8",
    /// The value is not JSON, or not a JSON object.
    NotJson = "not-json",
    /// A field that is needed is absent or null.
    MissingField = "missing-field",
    /// A field holds another type.
    WrongType = "wrong-type",
    /// The name of a building, floor or meter is too long or holds control characters.
    Name = "name",
    /// A measure is NaN, infinite or too large for a float.
    NotFinite = "not-finite",
    /// A measure lies outside its configured `min` and `max`.
    Range = "range",
    /// The timestamp cannot be read.
    Timestamp = "timestamp",
    /// The event time lies further after its Kafka record's time than `max_future`.
    Future = "future",
    /// The window of the event time is past correcting.
    Late = "late",
    /// A counter has grown by more than is plausible.
    Growth = "growth",
    /// The lane has as many meters as it may, and this would be another.
    TooManyMeters = "too-many-meters",
    /// The same meter has said the same values of the same time before.
    Repeat = "repeat",
    /// A plugin failed on an accepted reading.
    Plugin = "plugin",
    /// A plugin was not asked about an accepted reading, since it had failed too often.
    Quarantined = "quarantined",
    /// A store does not take a row.
    Refused = "refused",
    /// A record of a result topic is not a row.
    Unreadable = "unreadable",
}

impl Reason {
    /// Whether it says that a message is no reading; the others are about accepted readings and their rows.
    #[must_use]
    pub fn is_of_reading(self) -> bool {
        !matches!(self, Self::Plugin | Self::Quarantined | Self::Refused | Self::Unreadable)
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
