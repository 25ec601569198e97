//! Keys of `[input]` that say how a message is written.

use std::fmt;

use serde::{Deserialize, Serialize};

/// `[input] timestamp_unit`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TimestampUnit {
    /// The one that makes a time between 1990 and 2040 of the number.
    #[default]
    Auto,
    /// Seconds.
    S,
    /// Milliseconds.
    Ms,
    /// Microseconds.
    Us,
    /// Nanoseconds.
    Ns,
}

impl fmt::Display for TimestampUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::S => "s",
            Self::Ms => "ms",
            Self::Us => "us",
            Self::Ns => "ns",
        })
    }
}

/// `[input] stamp`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StampOf {
    /// The timestamp is when a reading was taken, or where its interval begins.
    #[default]
    Begin,
    /// The timestamp is where its interval ends.
    End,
}

/// `[input] framing`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Framing {
    /// Nothing but perhaps a byte order mark.
    #[default]
    None,
    /// A zero byte and the four bytes of a schema's id, as Confluent's JSON serializers write.
    Confluent,
}
