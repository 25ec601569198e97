//! The one way to read a whole file: regular, opened without waiting, no more than so many bytes.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::path::Path;

/// Why a file is not read; without its name.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refuses.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A FIFO, a device or something else that may never end, or never begin.
    #[error("it is {0}, and only a regular file is read")]
    Kind(&'static str),
    /// It is too large.
    #[error("it has more than {0} bytes, the most that is read")]
    Size(u64),
    /// It is to be text.
    #[error("it is not UTF-8 text")]
    NotText,
}

impl ReadError {
    /// True where there is no file.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Io(error) => error,
            other => Self::other(other),
        }
    }
}

/// All bytes of a regular file, or of the one that a link leads to.
///
/// # Errors
/// When it is missing, no regular file, or longer than `limit` bytes; then no more than that was read.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    // Opening a device may already do something.
    check_kind(&std::fs::metadata(path)?)?;
    read_open(&without_waiting(OpenOptions::new().read(true)).open(path)?, limit)
}

/// As [`read`], of text.
///
/// # Errors
/// As [`read`], and when it is not UTF-8.
pub fn read_text(path: &Path, limit: u64) -> Result<String, ReadError> {
    String::from_utf8(read(path, limit)?).map_err(|_| ReadError::NotText)
}

/// All bytes of an open file.
pub(crate) fn read_open(file: &File, limit: u64) -> Result<Vec<u8>, ReadError> {
    let metadata = file.metadata()?;
    check_kind(&metadata)?;
    if metadata.len() > limit {
        return Err(ReadError::Size(limit));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    // It may grow while it is read.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(ReadError::Size(limit)) } else { Ok(bytes) }
}

/// Opening does not wait for a FIFO's writer, and takes no terminal.
pub(crate) fn without_waiting(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;

        use rustix::fs::OFlags;
        options.custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed());
    }
    options
}

fn check_kind(metadata: &Metadata) -> Result<(), ReadError> {
    if metadata.is_file() { Ok(()) } else { Err(ReadError::Kind(kind(metadata))) }
}

#[cfg(unix)]
fn kind(metadata: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;
    let kind = metadata.file_type();
    match () {
        () if kind.is_dir() => "a folder",
        () if kind.is_fifo() => "a FIFO",
        () if kind.is_socket() => "a socket",
        () if kind.is_char_device() || kind.is_block_device() => "a device",
        () => "something else",
    }
}

#[cfg(not(unix))]
fn kind(metadata: &Metadata) -> &'static str {
    if metadata.is_dir() { "a folder" } else { "something else" }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_regular_file_is_read_up_to_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("model.json");
        assert!(read(&file, 5).unwrap_err().is_missing());
        std::fs::write(&file, "hello").unwrap();
        assert_eq!(read(&file, 5).unwrap(), b"hello");
        assert_eq!(read_text(&file, 5).unwrap(), "hello");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(read(&link, 5).unwrap(), b"hello");
        assert_eq!(read(&file, 4).unwrap_err().to_string(), "it has more than 4 bytes, the most that is read");
        std::fs::write(&file, b"\xff").unwrap();
        assert!(matches!(read_text(&file, 5), Err(ReadError::NotText)));
    }

    #[test]
    fn what_never_ends_or_never_begins_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&fifo, &link).unwrap();
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for (path, what) in [
            (&*fifo, "a FIFO"),
            (&*link, "a FIFO"),
            (&*socket, "a socket"),
            (folder.path(), "a folder"),
            (Path::new("/dev/zero"), "a device"),
        ] {
            let error = read(path, 1_000).unwrap_err().to_string();
            assert_eq!(error, format!("it is {what}, and only a regular file is read"));
        }
    }

    #[test]
    fn a_sparse_file_costs_no_memory() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sparse");
        File::create(&file).unwrap().set_len(10 << 30).unwrap();
        assert!(matches!(read(&file, 1 << 20), Err(ReadError::Size(_))));
    }

    #[test]
    fn a_file_that_does_not_say_its_length_is_read_up_to_the_limit() {
        assert!(matches!(read(Path::new("/proc/self/maps"), 10), Err(ReadError::Size(10))));
        assert!(!read(Path::new("/proc/self/stat"), 1 << 20).unwrap().is_empty());
    }
}
