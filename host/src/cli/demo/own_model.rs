//! A model of the readings' own past: one of other meters would call most of them anomalies.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use super::{KEY, PLUGINS};
use crate::config::{Config, Span};
use crate::domain::EventTime;
use crate::readings_file::for_each_line;
use crate::replay::Form;
use crate::train;

/// Plugins and models, copied into `folder`, with a model of so much of the readings as is their past. Returns the folder of plugins.
/// `config`: the file that says how readings are written, and what is in it.
pub(super) fn plugins(data: &Path, config: Option<(&Path, &Config)>, history: Span, folder: &Path) -> Result<PathBuf> {
    for name in [PLUGINS, "models"] {
        copy_files(Path::new(name), &folder.join(name))
            .with_context(|| format!("cannot copy `{name}` for a model of {}", data.display()))?;
    }
    let beginning = beginning(data, Form::of(config.map(|(_, config)| config), KEY))?;
    let until = EventTime(beginning.0 + history.micros()).to_string();
    let output = folder.join("models/kmeans_energy.json");
    let mut words: Vec<OsString> = vec![data.into(), "--until".into(), until.into(), "--output".into(), output.into()];
    if let Some((file, config)) = config {
        // Measures that every reading has.
        let measures = config.input.measures.iter().filter(|(_, measure)| measure.required);
        let features: Vec<_> = measures.map(|(name, _)| name.as_str()).collect();
        words.extend(["--config".into(), file.into(), "--features".into(), features.join(",").into()]);
    }
    if let Err(error) = train::run(train::Args::of(words)) {
        tracing::warn!(error = format!("{error:#}"), "no model of these readings' past; the one that comes with wattdog is used");
    }
    Ok(folder.join(PLUGINS))
}

/// Time of the first reading that has one.
fn beginning(data: &Path, mut form: Form) -> Result<EventTime> {
    let mut first = None;
    let read = for_each_line(data, |line| {
        first = form.time_and_key(line).0;
        ensure!(first.is_none(), "no more is needed");
        Ok(())
    });
    match first {
        Some(first) => Ok(first),
        None => read.and(Err(anyhow::anyhow!("no reading in {} has a time", data.display()))),
    }
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
