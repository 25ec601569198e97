//! A model of the readings' own past: one of other meters would call most of them anomalies.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::PLUGINS;
use crate::domain::EventTime;
use crate::readings_file::ReadingsFile;
use crate::train;

/// Plugins and models, copied into `folder`, with a model of the readings before `until`. Returns the folder of plugins.
/// `config`: the file that says how readings are written.
pub(super) fn plugins(data: &ReadingsFile, config: Option<&Path>, until: EventTime, folder: &Path) -> Result<PathBuf> {
    for name in [PLUGINS, "models"] {
        copy_files(Path::new(name), &folder.join(name))
            .with_context(|| format!("cannot copy `{name}` for a model of {}", data.path().display()))?;
    }
    let output = folder.join("models/kmeans_energy.json");
    let mut words: Vec<OsString> =
        vec![data.path().into(), "--until".into(), until.to_string().into(), "--output".into(), output.into()];
    // Measures that every reading has.
    let measures = data.input.measures.iter().filter(|(_, measure)| measure.required);
    let features: Vec<_> = measures.map(|(name, _)| name.as_str()).collect();
    words.extend(["--features".into(), features.join(",").into()]);
    if let Some(config) = config {
        words.extend(["--config".into(), config.into()]);
    }
    if let Err(error) = train::run(train::Args::of(words)) {
        tracing::warn!(error = format!("{error:#}"), "no model of these readings' past; the one that comes with wattdog is used");
    }
    Ok(folder.join(PLUGINS))
}

fn copy_files(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
