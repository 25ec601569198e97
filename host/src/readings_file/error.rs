//! Why a file cannot be read as readings, in one line.

use std::path::{Path, PathBuf};

/// A file that cannot be read, or not with certainty.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system refuses.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The content does not say what it is.
    #[error("{}: {message}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What is not certain, and the key that says it.
        message: String,
    },
    /// One place contradicts the rest.
    #[error("{}, line {line}: {message}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// What is wrong, and the key that changes it.
        message: String,
    },
}

/// What is wrong with a file, before its path is known.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) line: Option<u64>,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn of_form(message: impl Into<String>) -> Self {
        Self { line: None, message: message.into() }
    }

    pub(super) fn at(line: u64, message: impl Into<String>) -> Self {
        Self { line: Some(line), message: message.into() }
    }

    pub(super) fn in_file(self, path: &Path) -> FileError {
        let (path, message) = (path.to_owned(), self.message);
        match self.line {
            Some(line) => FileError::Line { path, line, message },
            None => FileError::Form { path, message },
        }
    }
}
