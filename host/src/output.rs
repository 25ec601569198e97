//! Where a command writes what it was asked for.

use std::fs::File;
use std::io::{BufWriter, Error, ErrorKind, Result, Write, stdout};
use std::path::Path;

/// A file or standard output, buffered; its errors name it.
pub(crate) struct Output {
    name: String,
    to: BufWriter<Box<dyn Write>>,
}

impl Output {
    /// `-` is standard output.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let (name, to): (_, Box<dyn Write>) = if path.as_os_str() == "-" {
            ("standard output".to_owned(), Box::new(stdout()))
        } else {
            let name = path.display().to_string();
            let file = File::create(path).map_err(|error| failed(&name, error))?;
            (name, Box::new(file))
        };
        Ok(Self { name, to: BufWriter::with_capacity(1 << 16, to) })
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.to.write(bytes).map_err(|error| failed(&self.name, error))
    }

    fn flush(&mut self) -> Result<()> {
        self.to.flush().map_err(|error| failed(&self.name, error))
    }
}

fn failed(name: &str, error: Error) -> Error {
    // Whoever reads it may have read enough, as `head` has: that is no failure.
    if error.kind() == ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    Error::new(error.kind(), format!("cannot write {name}: {error}"))
}
