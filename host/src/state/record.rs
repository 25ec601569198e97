//! One record of a state topic: versioned, checksummed, and cut where it is larger than a message may be.
//!
//! Value, little-endian: format version (u8), number of parts (u16), which part this is (u16), the lane's next offset when it was
//! written (i64), CRC-32 (ISO-HDLC) of the key and of all but the checksum itself (u32), payload. The key of a part after the
//! first is the record's own with a prefix, so that compaction keeps each part.

use std::borrow::Cow;
use std::collections::HashMap;

/// The format that is written; no other is read.
const VERSION: u8 = 3;
const HEADER: usize = 17;
const CHECKSUM: std::ops::Range<usize> = 13..17;
/// Payload of one part: with its key well below the megabyte that brokers take by default.
const MAX_PART: usize = 512 * 1024;

/// Why what a state topic holds cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// It is not what was written.
    #[error("state record `{0}` is damaged")]
    Damaged(String),
    /// A part of it is not there.
    #[error("state record `{key}` lacks part {part} of {parts}")]
    Incomplete {
        /// Its key.
        key: String,
        /// Counted from 1.
        part: u16,
        /// How many there should be.
        parts: u16,
    },
    /// Another version of the program wrote it.
    #[error("state record `{key}` has format {found}; this program reads {VERSION}")]
    UnknownVersion {
        /// Its key.
        key: String,
        /// Its version.
        found: u8,
    },
    /// Some records are not there.
    #[error("the state topic holds {found} records of this lane's {written}")]
    Lacking {
        /// Records that are there.
        found: usize,
        /// Records that should be.
        written: usize,
    },
    /// The record on which all others depend is not there.
    #[error("the state topic holds no state of this lane")]
    Gone,
}

fn part_key(key: &[u8], part: u16, out: &mut Vec<u8>) {
    if part > 0 {
        out.extend_from_slice(format!("part {part} of ").as_bytes());
    }
    out.extend_from_slice(key);
}

fn shown(key: &[u8]) -> String {
    String::from_utf8_lossy(key).into_owned()
}

/// How many parts a payload of this length has.
pub(super) fn parts(length: usize) -> u16 {
    u16::try_from(length.div_ceil(MAX_PART).max(1)).expect("32 GiB of one record are more than a meter may keep")
}

/// The key of one part of a record.
pub(super) fn key_of_part(key: &[u8], part: u16) -> Vec<u8> {
    let mut whole = Vec::with_capacity(key.len());
    part_key(key, part, &mut whole);
    whole
}

/// Appends the value of one part.
pub(super) fn write_part(key: &[u8], payload: &[u8], part: u16, next_offset: i64, out: &mut Vec<u8>) {
    let start = out.len();
    let parts = parts(payload.len());
    let from = usize::from(part) * MAX_PART;
    let payload = &payload[from..payload.len().min(from + MAX_PART)];
    out.push(VERSION);
    out.extend_from_slice(&parts.to_le_bytes());
    out.extend_from_slice(&part.to_le_bytes());
    out.extend_from_slice(&next_offset.to_le_bytes());
    let checksum = checksum(&key_of_part(key, part), &out[start..], payload);
    out.extend_from_slice(&checksum.to_le_bytes());
    out.extend_from_slice(payload);
}

fn checksum(key: &[u8], header: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    [key, header, payload].into_iter().for_each(|bytes| hasher.update(bytes));
    hasher.finalize()
}

struct Part<'a> {
    parts: u16,
    part: u16,
    next_offset: i64,
    payload: &'a [u8],
}

fn read_part<'a>(key: &[u8], value: &'a [u8]) -> Result<Part<'a>, StateError> {
    let damaged = || StateError::Damaged(shown(key));
    match value.first() {
        Some(&VERSION) => {}
        Some(&found) => return Err(StateError::UnknownVersion { key: shown(key), found }),
        None => return Err(damaged()),
    }
    let (header, payload) = value.split_at_checked(HEADER).ok_or_else(damaged)?;
    let stored = u32::from_le_bytes(header[CHECKSUM].try_into().expect("four bytes"));
    if stored != checksum(key, &header[..CHECKSUM.start], payload) {
        return Err(damaged());
    }
    let short = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let next_offset = i64::from_le_bytes(header[5..13].try_into().expect("eight bytes"));
    Ok(Part { parts: short(1), part: short(3), next_offset, payload })
}

/// What a state topic holds of one lane: the last value of each key.
#[derive(Debug, Default)]
pub(super) struct Stored {
    values: HashMap<Vec<u8>, Vec<u8>, ahash::RandomState>,
}

impl Stored {
    /// Takes a record, in the order of the topic; one without a value takes the key away.
    pub(super) fn take(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        match value {
            Some(value) => drop(self.values.insert(key, value)),
            None => drop(self.values.remove(&key)),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Every key, of parts too.
    pub(super) fn into_keys(self) -> impl Iterator<Item = Vec<u8>> {
        self.values.into_keys()
    }

    /// Each whole record's key and payload. Parts of a longer value of before are left out.
    pub(super) fn records(&self) -> impl Iterator<Item = Result<(&[u8], Cow<'_, [u8]>), StateError>> {
        self.values.iter().filter_map(|(key, value)| match read_part(key, value) {
            Ok(Part { part: 0, parts: 1, payload, .. }) => Some(Ok((key.as_slice(), Cow::Borrowed(payload)))),
            Ok(Part { part: 0, parts, next_offset, payload }) => {
                let whole = self.join(key, payload, parts, next_offset);
                Some(whole.map(|payload| (key.as_slice(), Cow::Owned(payload))))
            }
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
    }

    /// With all parts after the first.
    fn join(&self, key: &[u8], first: &[u8], parts: u16, next_offset: i64) -> Result<Vec<u8>, StateError> {
        let mut payload = first.to_vec();
        for part in 1..parts {
            let lacking = || StateError::Incomplete { key: shown(key), part: part + 1, parts };
            let key = key_of_part(key, part);
            let next = read_part(&key, self.values.get(&key).ok_or_else(lacking)?)?;
            if next.next_offset != next_offset {
                return Err(lacking());
            }
            payload.extend_from_slice(next.payload);
        }
        Ok(payload)
    }
}

/// A payload that does not say what it should.
pub(super) fn damaged(key: &[u8]) -> StateError {
    StateError::Damaged(shown(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(key: &[u8], payload: &[u8], next_offset: i64, into: &mut Stored) {
        for part in 0..parts(payload.len()) {
            let mut value = Vec::new();
            write_part(key, payload, part, next_offset, &mut value);
            into.take(key_of_part(key, part), Some(value));
        }
    }

    type Record = (Vec<u8>, Vec<u8>);

    fn read(stored: &Stored) -> Result<Vec<Record>, StateError> {
        let owned = |(key, payload): (&[u8], Cow<'_, [u8]>)| (key.to_vec(), payload.into_owned());
        let mut all: Vec<Record> = stored.records().map(|record| record.map(owned)).collect::<Result<_, _>>()?;
        all.sort();
        Ok(all)
    }

    #[test]
    fn a_long_record_is_cut_and_whole_again() {
        let long: Vec<u8> = (0..MAX_PART * 2 + 3).map(|at| at as u8).collect();
        let mut all = Stored::default();
        stored(b"a", &long, 1, &mut all);
        stored(b"b", b"short", 1, &mut all);
        assert_eq!(read(&all).unwrap(), [(b"a".to_vec(), long), (b"b".to_vec(), b"short".to_vec())]);
        // Shorter from now on: what is left of the longer one is no part of it.
        stored(b"a", b"", 2, &mut all);
        assert_eq!(read(&all).unwrap()[0], (b"a".to_vec(), Vec::new()));
    }

    #[test]
    fn parts_of_two_writings_are_no_record() {
        let long = vec![7; MAX_PART + 1];
        let mut all = Stored::default();
        stored(b"a", &long, 1, &mut all);
        let mut second = Vec::new();
        write_part(b"a", &long, 1, 2, &mut second);
        all.take(key_of_part(b"a", 1), Some(second));
        assert_eq!(read(&all), Err(StateError::Incomplete { key: "a".into(), part: 2, parts: 2 }));
        all.take(key_of_part(b"a", 1), None);
        assert_eq!(read(&all), Err(StateError::Incomplete { key: "a".into(), part: 2, parts: 2 }));
    }

    proptest::proptest! {
        #[test]
        fn no_flipped_bit_goes_unnoticed(payload: Vec<u8>, bit: proptest::sample::Index) {
            let mut value = Vec::new();
            write_part(b"key", &payload, 0, 5, &mut value);
            let bit = bit.index(value.len() * 8);
            value[bit / 8] ^= 1 << (bit % 8);
            let mut all = Stored::default();
            all.take(b"key".to_vec(), Some(value));
            let unnoticed = read(&all).is_ok();
            proptest::prop_assert!(!unnoticed);
        }
    }
}
