//! The plugin folder as the operator's commands see it: they change files, and the host follows.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use toml_edit::DocumentMut;
use wattdog_files::read_text;

use crate::registry::Sidecar;

/// The component of that name.
pub(super) fn component(dir: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let file = dir.join(name).with_extension("wasm");
    if file.is_file() {
        return Ok(file);
    }
    let names = names(dir)?;
    bail!("no {} in {}; there are {}", file.file_name().unwrap_or_default().to_string_lossy(), dir.display(), names.join(", "))
}

/// Names of all components.
pub(super) fn names(dir: &Path) -> anyhow::Result<Vec<String>> {
    let entries = std::fs::read_dir(dir).with_context(|| format!("cannot read the plugin folder {}", dir.display()))?;
    let mut names: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|file| file.extension().is_some_and(|extension| extension == "wasm"))
        .filter_map(|file| Some(file.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    Ok(names)
}

/// Sets `mode` in a sidecar and leaves the rest as it is, comments too.
pub(super) fn set_mode(component: &Path, mode: &str) -> anyhow::Result<()> {
    let file = component.with_extension("toml");
    let text = match read_text(&file, Sidecar::MOST_BYTES) {
        Err(error) if error.is_missing() => String::new(),
        read => read.with_context(|| format!("cannot read {}", file.display()))?,
    };
    let mut document: DocumentMut = text.parse().with_context(|| format!("{} is not TOML", file.display()))?;
    match document.get_mut("mode").and_then(|item| item.as_value_mut()) {
        Some(value) => {
            let decor = value.decor().clone();
            *value = mode.into();
            *value.decor_mut() = decor;
        }
        None => document["mode"] = toml_edit::value(mode),
    }
    replace(&file, document.to_string().as_bytes())
}

/// A file that a host may be reading appears whole or not at all.
pub(super) fn replace(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let beside = file.with_extension("on-its-way");
    std::fs::write(&beside, bytes).with_context(|| format!("cannot write {}", beside.display()))?;
    std::fs::rename(&beside, file).with_context(|| format!("cannot replace {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_changed_and_comments_stay() {
        let folder = tempfile::tempdir().unwrap();
        let component = folder.path().join("x.wasm");
        let sidecar = folder.path().join("x.toml");
        std::fs::write(&sidecar, "# mine\nmode = \"shadow\"   # for now\n[params]\nhours = 2\n").unwrap();
        set_mode(&component, "active").unwrap();
        let text = read_text(&sidecar, Sidecar::MOST_BYTES).unwrap();
        assert_eq!(text, "# mine\nmode = \"active\"   # for now\n[params]\nhours = 2\n");
        std::fs::write(&sidecar, "[params]\nhours = 2\n").unwrap();
        set_mode(&component, "shadow").unwrap();
        assert_eq!(read_text(&sidecar, Sidecar::MOST_BYTES).unwrap(), "mode = \"shadow\"\n[params]\nhours = 2\n");
    }
}
