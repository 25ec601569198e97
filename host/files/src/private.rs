//! A folder that only this user, or root, can have put something into; and what was put there by this user's programs.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use fs_mistrust::{CheckedDir, Mistrust};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::read::{ReadError, read_open, without_waiting};

/// Bytes of the key, and of the code that stands in front of a sealed file.
const CODE_BYTES: usize = 32;
/// The key's file in its folder.
const KEY: &str = "seal.key";

/// Somebody else could change what lies in a folder, or put another in its place.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}; use a folder that this user alone can write to, as all folders above it", path.display())]
pub struct NotPrivate {
    path: PathBuf,
    why: String,
}

/// A folder that this user alone, or root, can write to, as every folder above it.
#[derive(Clone, Debug)]
pub struct PrivateFolder {
    folder: CheckedDir,
}

impl PrivateFolder {
    /// Makes the folder where it is missing, for this user alone, and checks owners and modes of it and of every folder above it.
    ///
    /// # Errors
    /// Naming the file or folder that another user owns or can write to.
    pub fn make(path: &Path) -> Result<Self, NotPrivate> {
        let refused = |why: String| NotPrivate { path: path.to_owned(), why };
        let absolute = std::path::absolute(path).map_err(|error| refused(error.to_string()))?;
        let mistrust = Mistrust::builder().ignore_environment().build().map_err(|error| refused(in_words(&error)))?;
        let checked = mistrust.verifier().permit_readable().make_secure_dir(absolute);
        Ok(Self { folder: checked.map_err(|error| refused(in_words(&error)))? })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.as_path()
    }

    /// A file that was sealed under this name, by this user's program.
    ///
    /// # Errors
    /// When it is missing, too large, of another user, or was sealed by nobody here, under another name, or is damaged.
    pub fn unseal(&self, name: &str, limit: u64) -> Result<Vec<u8>, ReadError> {
        let mut bytes = self.read(name, limit.saturating_add(CODE_BYTES as u64))?;
        let forged = || io::Error::new(io::ErrorKind::InvalidData, "it is not as this user's program wrote it");
        let content = bytes.split_off(CODE_BYTES.min(bytes.len()));
        let code = self.code(name, &content)?;
        code.verify_slice(&bytes).map_err(|_| forged())?;
        Ok(content)
    }

    /// Writes a file whole or not at all, with a code that only this user's programs can make.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn seal(&self, name: &str, content: &[u8]) -> io::Result<()> {
        self.write_parts(name, &[&self.code(name, content)?.finalize().into_bytes(), content])
    }

    /// A file of this user that no other can write to, and no link.
    ///
    /// # Errors
    /// When it is missing, too large, or another's.
    pub fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>, ReadError> {
        let file = self.folder.open(name, without_waiting(OpenOptions::new().read(true))).map_err(|error| match error {
            fs_mistrust::Error::NotFound(_) => io::Error::from(io::ErrorKind::NotFound),
            error => io::Error::other(in_words(&error)),
        })?;
        read_open(&file, limit)
    }

    /// Writes a file whole or not at all: one that another process has open is never changed under it.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        self.write_parts(name, &[content])
    }

    fn write_parts(&self, name: &str, parts: &[&[u8]]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(self.path())?;
        parts.iter().try_for_each(|part| file.write_all(part))?;
        file.persist(self.path().join(name))?;
        Ok(())
    }

    /// Of the file's name too: it is another file's content nowhere.
    fn code(&self, name: &str, content: &[u8]) -> Result<Hmac<Sha256>, ReadError> {
        let mut code = Hmac::<Sha256>::new_from_slice(&self.key()?).expect("a key of any length does");
        code.update(&(name.len() as u64).to_le_bytes());
        code.update(name.as_bytes());
        code.update(content);
        Ok(code)
    }

    /// Made where it is missing; of several programs that make one at the same time, one makes it.
    fn key(&self) -> Result<Vec<u8>, ReadError> {
        match self.read(KEY, CODE_BYTES as u64) {
            Err(error) if error.is_missing() => {}
            read => return read,
        }
        let mut key = [0; CODE_BYTES];
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        let mut file = tempfile::NamedTempFile::new_in(self.path())?;
        file.write_all(&key)?;
        match file.persist_noclobber(self.path().join(KEY)) {
            Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error.into()),
            _ => self.read(KEY, CODE_BYTES as u64),
        }
    }
}

/// With the cause, which the library keeps apart.
fn in_words(error: &fs_mistrust::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn chmod(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_was_sealed_comes_back_and_nothing_else() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = PrivateFolder::make(&temporary.path().join("a/b")).unwrap();
        folder.seal("one", b"machine code").unwrap();
        folder.seal("two", b"other code").unwrap();
        assert_eq!(folder.unseal("one", 12).unwrap(), b"machine code");
        assert_eq!(PrivateFolder::make(folder.path()).unwrap().unseal("two", 100).unwrap(), b"other code");
        assert!(folder.unseal("three", 100).unwrap_err().is_missing());
        assert!(matches!(folder.unseal("one", 11), Err(ReadError::Size(_))));

        // Under another name, damaged, cut off, or by a program with another key.
        let forged = |name: &str| folder.unseal(name, 100).unwrap_err().to_string();
        std::fs::copy(folder.path().join("two"), folder.path().join("one")).unwrap();
        assert_eq!(forged("one"), "it is not as this user's program wrote it");
        std::fs::write(folder.path().join("one"), b"short").unwrap();
        assert_eq!(forged("one"), "it is not as this user's program wrote it");
        std::fs::remove_file(folder.path().join(KEY)).unwrap();
        assert_eq!(forged("two"), "it is not as this user's program wrote it");
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_refused_wherever_it_stands_above() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("shared/mine/cache");
        std::fs::create_dir_all(&folder).unwrap();
        PrivateFolder::make(&folder).unwrap();
        for open in [&*folder, folder.parent().unwrap(), &temporary.path().join("shared")] {
            chmod(open, 0o777);
            let error = PrivateFolder::make(&folder).unwrap_err().to_string();
            assert!(error.contains(&open.display().to_string()) && error.contains("this user alone"), "{error}");
            chmod(open, 0o755);
        }
        PrivateFolder::make(&folder).unwrap();
    }

    #[test]
    fn a_file_that_others_can_write_to_and_a_link_are_refused() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = PrivateFolder::make(temporary.path()).unwrap();
        folder.seal("one", b"code").unwrap();
        chmod(&folder.path().join("one"), 0o666);
        assert!(folder.unseal("one", 100).unwrap_err().to_string().contains("Incorrect permissions"));
        folder.seal("two", b"code").unwrap();
        std::fs::rename(folder.path().join("two"), temporary.path().join("elsewhere")).unwrap();
        symlink(temporary.path().join("elsewhere"), folder.path().join("two")).unwrap();
        folder.unseal("two", 100).unwrap_err();
    }
}
