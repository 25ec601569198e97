//! Records in the order of their time, however many there are: sorted in pieces, merged from temporary files.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Read, Seek as _, Write as _};

use anyhow::Context as _;

use crate::domain::EventTime;

/// Bytes that are sorted in memory.
const PIECE: usize = 96 << 20;
/// Of a record in a temporary file, before its key: time, number, lengths of key and record.
const HEAD: usize = 24;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    time: EventTime,
    /// Keeps records of one time in their order.
    number: u64,
    start: usize,
    key: usize,
    record: usize,
}

/// Takes records in any order, gives them back in that of their time.
#[derive(Debug)]
pub(crate) struct Sorter {
    bytes: Vec<u8>,
    places: Vec<Place>,
    pieces: Vec<File>,
    number: u64,
    most: usize,
}

impl Sorter {
    pub(crate) fn new() -> Self {
        Self { bytes: Vec::new(), places: Vec::new(), pieces: Vec::new(), number: 0, most: PIECE }
    }

    pub(crate) fn push(&mut self, time: EventTime, key: &str, record: &[u8]) -> anyhow::Result<()> {
        let start = self.bytes.len();
        self.places.push(Place { time, number: self.number, start, key: key.len(), record: record.len() });
        self.number += 1;
        self.bytes.extend_from_slice(key.as_bytes());
        self.bytes.extend_from_slice(record);
        if self.bytes.len() + self.places.len() * size_of::<Place>() < self.most { Ok(()) } else { self.put_away() }
    }

    /// Writes the sorted piece to a temporary file.
    fn put_away(&mut self) -> anyhow::Result<()> {
        self.places.sort_unstable();
        let mut piece = BufWriter::with_capacity(1 << 18, tempfile::tempfile().context("cannot sort: no temporary file")?);
        for place in &self.places {
            piece.write_all(&place.time.0.to_le_bytes())?;
            piece.write_all(&place.number.to_le_bytes())?;
            piece.write_all(&(place.key as u32).to_le_bytes())?;
            piece.write_all(&(place.record as u32).to_le_bytes())?;
            piece.write_all(&self.bytes[place.start..place.start + place.key + place.record])?;
        }
        let mut file =
            piece.into_inner().map_err(|error| error.into_error()).context("cannot sort: the temporary folder is full")?;
        file.rewind()?;
        self.pieces.push(file);
        self.bytes.clear();
        self.places.clear();
        Ok(())
    }

    /// Gives all records to `take`: time, key, record.
    pub(crate) fn finish(mut self, mut take: impl FnMut(EventTime, &str, &[u8]) -> anyhow::Result<()>) -> anyhow::Result<()> {
        if self.pieces.is_empty() {
            self.places.sort_unstable();
            for place in &self.places {
                let (key, record) = self.bytes[place.start..place.start + place.key + place.record].split_at(place.key);
                take(place.time, std::str::from_utf8(key)?, record)?;
            }
            return Ok(());
        }
        self.put_away()?;
        let mut pieces: Vec<Piece> = self.pieces.into_iter().map(Piece::new).collect();
        let mut next = BinaryHeap::new();
        for (index, piece) in pieces.iter_mut().enumerate() {
            next.extend(piece.advance()?.map(|at| Reverse((at, index))));
        }
        while let Some(Reverse(((time, _), index))) = next.pop() {
            let piece = &mut pieces[index];
            let (key, record) = piece.bytes.split_at(piece.key);
            take(time, std::str::from_utf8(key)?, record)?;
            next.extend(piece.advance()?.map(|at| Reverse((at, index))));
        }
        Ok(())
    }
}

/// A sorted piece; holds its next record.
struct Piece {
    file: BufReader<File>,
    bytes: Vec<u8>,
    key: usize,
}

impl Piece {
    fn new(file: File) -> Self {
        Self { file: BufReader::with_capacity(1 << 16, file), bytes: Vec::new(), key: 0 }
    }

    /// Reads the next record: its time and number.
    fn advance(&mut self) -> anyhow::Result<Option<(EventTime, u64)>> {
        let mut head = [0; HEAD];
        match self.file.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let eight = |at: usize| <[u8; 8]>::try_from(&head[at..at + 8]).expect("eight bytes");
        let four = |at: usize| u32::from_le_bytes(<[u8; 4]>::try_from(&head[at..at + 4]).expect("four bytes")) as usize;
        self.key = four(16);
        self.bytes.resize(self.key + four(20), 0);
        self.file.read_exact(&mut self.bytes)?;
        Ok(Some((EventTime(i64::from_le_bytes(eight(0))), u64::from_le_bytes(eight(8)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_by_time_and_those_of_one_time_in_their_order() {
        for most in [64, 1 << 20] {
            let mut sorter = Sorter { most, ..Sorter::new() };
            for number in 0..500i64 {
                let record = format!("{number}");
                sorter
                    .push(EventTime((number * 7_919) % 10), if number % 2 == 0 { "A" } else { "B" }, record.as_bytes())
                    .unwrap();
            }
            let mut back = Vec::new();
            let keep = |time: EventTime, key: &str, record: &[u8]| {
                let number: i64 = std::str::from_utf8(record)?.parse()?;
                assert_eq!((time.0, key), ((number * 7_919) % 10, if number % 2 == 0 { "A" } else { "B" }));
                back.push((time.0, number));
                Ok(())
            };
            sorter.finish(keep).unwrap();
            assert_eq!(back.len(), 500);
            assert!(back.is_sorted(), "pieces of {most} bytes");
        }
    }
}
