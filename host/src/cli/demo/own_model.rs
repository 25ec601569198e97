//! A model of the readings' own past: one of other meters would call most of them anomalies.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use super::PLUGINS;
use crate::config::{Config, Span};
use crate::domain::EventTime;
use crate::readings_file::for_each_line;
use crate::replay::Form;
use crate::train;

/// Plugins and models, copied into `folder`, with a model of so much of the readings as is their past. Returns the folder of plugins.
/// `config`: file that says how the readings are written, and what is in it.
pub(super) fn plugins(data: &Path, config: Option<(&Path, &Config)>, history: Span, folder: &Path) -> Result<PathBuf> {
    for name in [PLUGINS, "models"] {
        copy_files(Path::new(name), &folder.join(name))
            .with_context(|| format!("cannot copy `{name}` for a model of {}", data.display()))?;
    }
    let until = EventTime(beginning(data, form(config.map(|(_, config)| config)))?.0 + history.micros());
    let mut model = train::Args::with_defaults(data, until, &folder.join("models/kmeans_energy.json"));
    if let Some((file, config)) = config {
        model.configure(file, config);
    }
    if let Err(error) = train::run(model) {
        tracing::warn!(error = format!("{error:#}"), "no model of these readings' past; the one that comes with wattdog is used");
    }
    Ok(folder.join(PLUGINS))
}

/// How readings are written: as the configuration says, or else as the generator writes them.
pub(super) fn form(config: Option<&Config>) -> Form {
    config.map_or_else(|| Form::Plain { key: "building".into() }, |config| Form::configured(&config.input))
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
