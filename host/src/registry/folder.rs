//! What lies in the plugin folder, and whether it is still being written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Sidecar, load, trust};

/// When two looks at a file give the same stamp, it has not been written to in between.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    /// Device and number of the file itself, behind all links.
    identity: (u64, u64),
}

/// A component, its sidecar and its model, as they were at one look; a part that is not there has no stamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamps(Vec<(PathBuf, Option<Stamp>)>);

/// One look at the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scan {
    identity: (u64, u64),
    pub(super) components: BTreeMap<PathBuf, Stamps>,
}

impl Scan {
    pub(super) fn of(dir: &Path) -> std::io::Result<Self> {
        let identity = identity(&std::fs::metadata(dir)?);
        let mut components = BTreeMap::new();
        for entry in std::fs::read_dir(dir)? {
            let file = entry?.path();
            // A name with a dot in front is a file on its way: editors and copying tools write such ones first.
            let hidden = file.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if !hidden && file.extension().is_some_and(|extension| extension == "wasm") && file.is_file() {
                let stamps = Stamps::of(&file);
                components.insert(file, stamps);
            }
        }
        Ok(Self { identity, components })
    }

    /// Another folder in the place of the last, and nothing in it: what is left when a volume is unmounted.
    pub(super) fn is_empty_mount_point_of(&self, before: &Self) -> bool {
        self.identity != before.identity && self.components.is_empty() && !before.components.is_empty()
    }
}

impl Stamps {
    pub(super) fn of(component: &Path) -> Self {
        let mut files = vec![component.to_owned(), component.with_extension("toml"), trust::signature_file(component)];
        if let Ok(Sidecar { model: Some(model), .. }) = Sidecar::beside(component) {
            let mut parts = load::model_files(&model).unwrap_or_else(|_| vec![model]);
            parts.sort();
            files.extend(parts);
        }
        let stamp = |file: PathBuf| {
            let stamp = std::fs::metadata(&file).ok().map(|metadata| Stamp {
                length: metadata.len(),
                modified: metadata.modified().ok(),
                identity: identity(&metadata),
            });
            (file, stamp)
        };
        Self(files.into_iter().map(stamp).collect())
    }

    /// When any of the files was last written to.
    pub(super) fn modified(&self) -> Option<SystemTime> {
        self.0.iter().filter_map(|(_, stamp)| stamp.as_ref()?.modified).max()
    }
}

#[cfg(unix)]
fn identity(metadata: &std::fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(_: &std::fs::Metadata) -> (u64, u64) {
    (0, 0)
}
