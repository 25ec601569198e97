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
}
