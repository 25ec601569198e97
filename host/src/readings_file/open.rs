//! Bytes of a file: what it is packed in is told by its content, never by its name.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek as _};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use zip::ZipArchive;

use super::error::{Fault, FileError};

const BUFFER: usize = 1 << 18;

/// Packings that are recognised so that the refusal can name them.
const FOREIGN: [(&[u8], &str); 7] = [
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
    /// The entry of this number.
    Zip(usize),
    Workbook,
}

/// A file whose bytes can be read again and again.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) path: PathBuf,
    /// A copy of what cannot be read twice.
    copy: Option<tempfile::NamedTempFile>,
    packing: Packing,
    /// The table within, where there is a choice.
    pub(super) inner: Option<String>,
}

impl Packed {
    /// `table`: the file within a zip. `-` is standard input.
    pub(super) fn open(path: &Path, table: Option<&str>) -> Result<Self, FileError> {
        let failed = |source| FileError::Read { path: path.to_owned(), source };
        let copy = copied(path).map_err(failed)?;
        let mut packed = Self { path: path.to_owned(), copy, packing: Packing::Plain, inner: None };
        let mut head = Vec::new();
        packed.file().and_then(|file| file.take(16).read_to_end(&mut head)).map_err(failed)?;
        if let Some((_, what)) = FOREIGN.iter().find(|(magic, _)| head.starts_with(magic)) {
            return Err(Fault::of_form(format!("this is {what}")).in_file(path));
        }
        packed.packing = match &head[..] {
            [0x1f, 0x8b, ..] => Packing::Gzip,
            [b'P', b'K', 3 | 5, ..] => packed.zip(table)?,
            [0xd0, 0xcf, 0x11, 0xe0, ..] => Packing::Workbook,
            _ => Packing::Plain,
        };
        Ok(packed)
    }

    pub(super) fn is_workbook(&self) -> bool {
        self.packing == Packing::Workbook
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
            Packing::Plain | Packing::Workbook => take(&mut BufReader::with_capacity(BUFFER, file)),
            Packing::Gzip => take(&mut BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file))),
            Packing::Zip(entry) => {
                let unzipped = |error: zip::result::ZipError| failed(error.into());
                let mut archive = ZipArchive::new(BufReader::with_capacity(BUFFER, file)).map_err(unzipped)?;
                let entry = archive.by_index(entry).map_err(unzipped)?;
                take(&mut BufReader::with_capacity(BUFFER, entry))
            }
        }
    }

    /// A workbook, or the one file in the archive that can be a table.
    fn zip(&mut self, table: Option<&str>) -> Result<Packing, FileError> {
        let failed = |source| FileError::Read { path: self.path.clone(), source };
        let unzipped = |error: zip::result::ZipError| failed(error.into());
        let mut archive = ZipArchive::new(BufReader::new(self.file().map_err(failed)?)).map_err(unzipped)?;
        let mut names = Vec::new();
        for index in 0..archive.len() {
            let entry = archive.by_index_raw(index).map_err(unzipped)?;
            let name = entry.name().map_err(unzipped)?.into_owned();
            if name == "xl/workbook.xml" || name == "xl/workbook.bin" || name == "content.xml" {
                return Ok(Packing::Workbook);
            }
            // Folders, and what systems add by themselves.
            if entry.is_file() && !name.starts_with("__MACOSX/") && !name.rsplit('/').next().unwrap_or_default().starts_with('.')
            {
                names.push((index, name));
            }
        }
        let shown = || names.iter().map(|(_, name)| &**name).collect::<Vec<_>>().join(", ");
        let chosen = match table {
            Some(table) => names.iter().find(|(_, name)| name == table),
            None if names.len() == 1 => names.first(),
            None => None,
        };
        let Some((index, name)) = chosen else {
            let message = match (names.is_empty(), table) {
                (true, _) => "an empty zip".to_owned(),
                (false, Some(table)) => format!("no file {table:?} in this zip (`input.file.table`); there are {}", shown()),
                (false, None) => format!("a zip of {} files: set `input.file.table` to one of {}", names.len(), shown()),
            };
            return Err(Fault::of_form(message).in_file(&self.path));
        };
        self.inner = Some(name.clone());
        Ok(Packing::Zip(*index))
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
