//! A message before anything is known of it.

use std::ffi::CStr;
use std::fmt;

/// One record of the input, borrowed from its reader.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Its place in the partition.
    pub offset: i64,
    /// When the log took it, milliseconds since the epoch; negative: not known.
    pub timestamp_ms: i64,
    /// As its sender wrote it, also where another topic has it under the key of its building.
    pub key: Option<&'a [u8]>,
    /// As it came; none: a record without a value.
    pub payload: Option<&'a [u8]>,
    /// Looked up one by one; none where the reader has no headers.
    pub headers: Option<&'a dyn Headers>,
    /// Of several readings in the message, the only one that is read; none: all of them.
    pub element: Option<u32>,
    /// It is a reading that was here before, and only one plugin is to see it again.
    pub redriven: Option<Redriven<'a>>,
}

impl<'a> Message<'a> {
    /// The header with the sender's key, where a message is brought to another topic under the key of its building.
    pub const KEY: &'static str = "sender-key";
    /// The header that names the only element to read of a message with several readings.
    pub const ELEMENT: &'static str = "redrive-element";

    /// A value without a place, a time or a key.
    #[must_use]
    pub const fn of(payload: &'a [u8]) -> Self {
        Self { offset: 0, timestamp_ms: -1, key: None, payload: Some(payload), headers: None, element: None, redriven: None }
    }
}

/// Headers of a record.
pub trait Headers: fmt::Debug {
    /// The last value under this name.
    fn header(&self, name: &CStr) -> Option<&[u8]>;
}

/// A reading that a plugin could not score, sent again for that plugin alone: it is in all other results already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redriven<'a> {
    /// The plugin's name.
    pub plugin: &'a str,
    /// Where the reading was first.
    pub topic: &'a str,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its record's timestamp, milliseconds since the epoch; negative: not known.
    pub timestamp_ms: i64,
}

impl<'a> Redriven<'a> {
    /// The header that names the plugin.
    pub const PLUGIN: &'static str = "redrive-plugin";
    /// The header that names the reading: topic, partition, offset and timestamp, joined with `/`.
    pub const SOURCE: &'static str = "redrive-source";

    /// From the values of its headers; none where they are no such.
    #[must_use]
    pub fn parse(plugin: &'a str, source: &'a str) -> Option<Self> {
        let mut parts = source.rsplitn(4, '/');
        let (timestamp_ms, offset) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { partition: parts.next()?.parse().ok()?, topic: parts.next()?, plugin, offset, timestamp_ms })
    }

    /// The value of [`Redriven::SOURCE`].
    #[must_use]
    pub fn source(&self) -> String {
        let Self { topic, partition, offset, timestamp_ms, .. } = self;
        format!("{topic}/{partition}/{offset}/{timestamp_ms}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_reading_was_is_written_and_read() {
        let redriven = Redriven { plugin: "kmeans", topic: "readings", partition: 2, offset: 40, timestamp_ms: -1 };
        assert_eq!(Redriven::parse("kmeans", &redriven.source()), Some(redriven));
        assert_eq!(Redriven::parse("kmeans", "readings/2/40"), None);
    }
}
