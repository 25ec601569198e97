//! Whose components run: anybody's, or those that carry a signature of a trusted key.

use std::path::{Path, PathBuf};

use minisign_verify::{PublicKey, Signature};
use wattdog_files::read_text;

/// A signature has four lines.
const MOST_BYTES: u64 = 64 << 10;

/// What the configuration says about it.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    keys: Option<Vec<PublicKey>>,
}

impl Trust {
    /// Every file runs, in its sandbox.
    #[must_use]
    pub fn anybody() -> Self {
        Self::default()
    }

    /// Only what one of these minisign keys has signed, each as its `.pub` file has it in the second line.
    ///
    /// # Errors
    /// Naming the key that is none.
    pub fn in_keys(keys: &[String]) -> Result<Self, String> {
        let key = |text: &String| {
            PublicKey::from_base64(text.trim())
                .map_err(|error| format!("{text:?} in `plugins.trusted_keys` is no minisign key: {error}"))
        };
        Ok(Self { keys: Some(keys.iter().map(key).collect::<Result<_, _>>()?) })
    }

    /// Does every file run?
    pub(super) fn is_of_anybody(&self) -> bool {
        self.keys.is_none()
    }

    /// Is the component signed as it must be? The signature is `<component>.minisig`, as `minisign -Sm <component>` writes it.
    pub(super) fn check(&self, component: &Path, bytes: &[u8]) -> Result<(), String> {
        let Some(keys) = &self.keys else { return Ok(()) };
        let file = signature_file(component);
        let name = file.display();
        let how = "sign it with `minisign -Sm`, or set `plugins.require_signature = false`";
        let text = read_text(&file, MOST_BYTES).map_err(|error| format!("no signature {name}: {error}; {how}"))?;
        let signature = Signature::decode(&text).map_err(|error| format!("{name} is no minisign signature: {error}; {how}"))?;
        if keys.iter().any(|key| key.verify(bytes, &signature, false).is_ok()) {
            return Ok(());
        }
        Err(format!("{name} is of none of the {} trusted keys, or of another file; {how}", keys.len()))
    }
}

pub(super) fn signature_file(component: &Path) -> PathBuf {
    let mut name = component.as_os_str().to_owned();
    name.push(".minisig");
    name.into()
}

/// Warns where others than its owner can put plugins into the folder, or change those that are there.
pub(super) fn warn_of_strangers(dir: &Path) {
    #[cfg(unix)]
    if let Ok(metadata) = std::fs::metadata(dir) {
        use std::os::unix::fs::PermissionsExt as _;
        if metadata.permissions().mode() & 0o022 != 0 {
            tracing::warn!(dir = %dir.display(), "others can write to the plugin folder, and what lies there runs; run `chmod go-w` on it");
        }
    }
}

#[cfg(test)]
mod tests {
    use minisign::KeyPair;

    use super::*;

    fn signed(folder: &Path, key: &KeyPair, bytes: &[u8]) -> PathBuf {
        let component = folder.join("x.wasm");
        let signature = minisign::sign(None, &key.sk, bytes, None, None).unwrap();
        std::fs::write(signature_file(&component), signature.to_string()).unwrap();
        component
    }

    #[test]
    fn only_what_a_trusted_key_has_signed_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let [mine, other] = [(); 2].map(|()| KeyPair::generate_unencrypted_keypair().unwrap());
        let trust = Trust::in_keys(&[mine.pk.to_base64()]).unwrap();
        let component = signed(folder.path(), &mine, b"good");
        assert_eq!(trust.check(&component, b"good"), Ok(()));
        assert!(trust.check(&component, b"changed").unwrap_err().contains("of another file"));
        signed(folder.path(), &other, b"good");
        assert!(trust.check(&component, b"good").unwrap_err().contains("none of the 1 trusted keys"));
        std::fs::write(signature_file(&component), "hello").unwrap();
        assert!(trust.check(&component, b"good").unwrap_err().contains("no minisign signature"));
        std::fs::remove_file(signature_file(&component)).unwrap();
        assert!(trust.check(&component, b"good").unwrap_err().contains("no signature"));
        assert_eq!(Trust::anybody().check(&component, b"good"), Ok(()));
        assert!(Trust::in_keys(&["hello".into()]).unwrap_err().contains("no minisign key"));
    }
}
