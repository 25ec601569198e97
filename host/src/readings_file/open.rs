//! Bytes of a file: what it is packed in is told by its content, never by its name.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek as _};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::error::{Fault, FileError};

const BUFFER: usize = 1 << 18;

/// Packings that are recognised so that the refusal can name them.
const FOREIGN: [(&[u8], &str); 9] = [
    (b"PK\x03\x04", "a zip or a workbook: unpack it, or save its sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "a workbook: save its sheet as CSV"),
    (b"\x28\xb5\x2f\xfd", "zstd: unpack it with `zstd -d`"),
    (b"BZh", "bzip2: unpack it with `bunzip2`"),
    (b"\xfd7zXZ\0", "xz: unpack it with `unxz`"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip: unpack it"),
    (b"PAR1", "Parquet: write it as CSV or JSON lines"),
    (b"SQLite format 3\0", "an SQLite database: export its table as CSV"),
    (b"%PDF", "a PDF: ask for the readings as CSV"),
];

/// What the bytes of a file are packed in.
#[derive(Debug, PartialEq)]
enum Packing {
    Plain,
    Gzip,
}

/// A file whose bytes can be read again and again.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) path: PathBuf,
    /// A copy of what cannot be read twice.
    copy: Option<tempfile::NamedTempFile>,
    packing: Packing,
}

impl Packed {
    /// `-` is standard input.
    pub(super) fn open(path: &Path) -> Result<Self, FileError> {
        let failed = |source| FileError::Read { path: path.to_owned(), source };
        let copy = copied(path).map_err(failed)?;
        let mut packed = Self { path: path.to_owned(), copy, packing: Packing::Plain };
        let mut head = Vec::new();
        packed.file().and_then(|file| file.take(16).read_to_end(&mut head)).map_err(failed)?;
        if let Some((_, what)) = FOREIGN.iter().find(|(magic, _)| head.starts_with(magic)) {
            return Err(Fault::of_form(format!("this is {what}")).in_file(path));
        }
        packed.packing = match &head[..] {
            [0x1f, 0x8b, ..] => Packing::Gzip,
            _ => Packing::Plain,
        };
        Ok(packed)
    }

    pub(super) fn file(&self) -> std::io::Result<File> {
        match &self.copy {
            Some(copy) => copy.reopen(),
            None => File::open(&self.path),
        }
    }

    /// Gives the unpacked bytes to `take`, from the first one.
    pub(super) fn read<T>(&self, take: impl FnOnce(&mut dyn BufRead) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let failed = |source| FileError::Read { path: self.path.clone(), source };
        let file = self.file().map_err(failed)?;
        match self.packing {
            Packing::Plain => take(&mut BufReader::with_capacity(BUFFER, file)),
            Packing::Gzip => take(&mut BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file))),
        }
    }
}

/// Standard input, or a pipe, as a file that can be read more than once.
fn copied(path: &Path) -> std::io::Result<Option<tempfile::NamedTempFile>> {
    let mut from: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        let kind = std::fs::metadata(path)?.file_type();
        if kind.is_file() {
            return Ok(None);
        }
        Box::new(File::open(path)?)
    };
    let mut copy = tempfile::NamedTempFile::new()?;
    std::io::copy(&mut from, &mut copy)?;
    copy.rewind()?;
    Ok(Some(copy))
}
