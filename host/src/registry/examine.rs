//! The folder's plugins, each loaded as a host would, for somebody who only looks.

use std::path::Path;

use wattdog_plugin_runtime::Runtime;

use super::folder::Scan;
use super::load::{self, Loaded};
use super::{Mode, Sidecar, Trust};

/// A component of the plugin folder.
pub struct Examined {
    /// Name of its file.
    pub file: String,
    /// What a host would run, none where its mode is `off`; or why not, in one line.
    pub plugin: Result<Option<Loaded>, String>,
}

/// Loads each component of the folder.
///
/// # Errors
/// When the folder cannot be read.
pub fn examine(dir: &Path, trust: &Trust, runtime: &Runtime) -> std::io::Result<Vec<Examined>> {
    let examined = |path: &Path| Examined {
        file: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        plugin: examine_one(path, trust, runtime),
    };
    Ok(Scan::of(dir)?.components.keys().map(|path| examined(path)).collect())
}

fn examine_one(path: &Path, trust: &Trust, runtime: &Runtime) -> Result<Option<Loaded>, String> {
    let sidecar = Sidecar::beside(path)?;
    if sidecar.mode == Mode::Off {
        return Ok(None);
    }
    let bytes = load::read_component(path, &sidecar)?;
    trust.check(path, &bytes)?;
    load::load_bytes(path, &bytes, &sidecar, runtime).map(Some).map_err(|refusal| refusal.to_string())
}
