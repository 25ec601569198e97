//! A message before anything is known of it.

/// One record of the input, borrowed from whoever read it.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Its place in the partition.
    pub offset: i64,
    /// When the log took it, milliseconds since the epoch; negative: not known.
    pub timestamp_ms: i64,
    /// As it came.
    pub key: Option<&'a [u8]>,
    /// As it came; none: a record without a value.
    pub payload: Option<&'a [u8]>,
    /// It is a reading that was here before, and only one plugin is to see it again.
    pub redriven: Option<Redriven<'a>>,
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
