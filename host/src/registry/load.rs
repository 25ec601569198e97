//! From files to plugins.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use wattdog_plugin_runtime::{Kind, Level, Linked, LogSink, Runtime, complete_params};

use super::{Catalogue, Mode, Plugin, PluginInput, PluginKind, Refused, Registry, Sidecar, json_params, start};

/// Larger than any component that a toolchain writes today; a Python guest has 18 MB.
const MAX_COMPONENT_BYTES: u64 = 64 << 20;

pub(super) fn load(dir: &Path, runtime: &Runtime, measures: &[(String, String)]) -> Registry {
    let mut registry =
        Registry { enrichers: Vec::new(), detectors: Vec::new(), refused: Vec::new(), catalogue: Catalogue::new(measures) };
    for (file, sidecar) in in_running_order(dir, &mut registry.refused) {
        match load_file(&file, &sidecar, runtime, &registry.catalogue) {
            Ok(plugin) => admit(&mut registry, file, plugin),
            Err(reason) => registry.refused.push(Refused { file, reason }),
        }
    }
    registry
}

fn admit(registry: &mut Registry, file: PathBuf, mut plugin: Plugin) {
    if let Some(other) = registry.enrichers.iter().chain(&registry.detectors).find(|other| other.name == plugin.name) {
        let reason = format!("another file is plugin `{}` {} already; remove one", other.name, other.version);
        registry.refused.push(Refused { file, reason });
        return;
    }
    match plugin.linked.kind() {
        Kind::Enricher => {
            plugin.first_output = registry.catalogue.add_outputs(&plugin.name, &plugin.description.outputs);
            registry.enrichers.push(Arc::new(plugin));
        }
        Kind::Detector => registry.detectors.push(Arc::new(plugin)),
    }
}

/// Enrichers by their order, then detectors, which may read what those add; those that are off left out.
fn in_running_order(dir: &Path, refused: &mut Vec<Refused>) -> Vec<(PathBuf, Sidecar)> {
    let mut found = Vec::new();
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => {
            let reason = format!("cannot read the plugin folder: {error}; set `plugins.dir`");
            refused.push(Refused { file: dir.to_owned(), reason });
            return found;
        }
    };
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "wasm"));
    files.sort();
    for file in files {
        match Sidecar::beside(&file) {
            Ok(sidecar) if sidecar.mode == Mode::Off => {}
            Ok(sidecar) => found.push((file, sidecar)),
            Err(reason) => refused.push(Refused { file, reason }),
        }
    }
    found.sort_by_key(|(_, sidecar)| (sidecar.kind != Some(PluginKind::Enricher), sidecar.order));
    found
}

pub(super) fn load_file(file: &Path, sidecar: &Sidecar, runtime: &Runtime, catalogue: &Catalogue) -> Result<Plugin, String> {
    if sidecar.mode == Mode::Shadow {
        return Err("`mode = \"shadow\"` is not supported by this version; set active or off".into());
    }
    if sidecar.input == PluginInput::Windows {
        return Err("`input = \"windows\"` is not supported by this version; set readings".into());
    }
    let bytes = read_component(file)?;
    let compiled = runtime.compile(&bytes).map_err(|fault| fault.to_string())?;
    let label = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let linked = runtime.link(&compiled, sidecar.limits.resolve(), log_to(label)).map_err(|fault| fault.to_string())?;
    check_kind(&linked, sidecar)?;
    let unconfigured = linked.describe().map_err(|fault| fault.to_string())?;
    let params = complete_params(&unconfigured.params, &json_params(&sidecar.params)?)?;
    if unconfigured.needs_model && sidecar.model.is_none() {
        return Err(format!("it needs a model: set `model` in {}", file.with_extension("toml").display()));
    }
    let model = sidecar.model.as_deref().map(read_model).transpose()?.unwrap_or_default();
    let instance = start(&linked, &params, &model).map_err(|fault| fault.to_string())?;
    let description = instance.description().clone();
    let inputs = catalogue.resolve(&description.inputs)?;
    Ok(Plugin {
        name: description.name.clone(),
        version: description.version.clone(),
        digest: compiled.digest().to_owned(),
        description,
        inputs,
        first_output: 0,
        from_cache: compiled.from_cache(),
        linked,
        params,
        model,
    })
}

fn read_component(file: &Path) -> Result<Vec<u8>, String> {
    let cannot = |error| format!("cannot read it: {error}");
    let length = std::fs::metadata(file).map_err(cannot)?.len();
    if length > MAX_COMPONENT_BYTES {
        return Err(format!("{length} bytes; a component may have {MAX_COMPONENT_BYTES}"));
    }
    std::fs::read(file).map_err(cannot)
}

fn check_kind(linked: &Linked, sidecar: &Sidecar) -> Result<(), String> {
    let is = match linked.kind() {
        Kind::Detector => PluginKind::Detector,
        Kind::Enricher => PluginKind::Enricher,
    };
    match sidecar.kind {
        Some(said) if said != is => Err(format!("the sidecar says it is {said:?}, and the component is {is:?}").to_lowercase()),
        _ => Ok(()),
    }
}

/// `x.json` is the part "", `x.<part>.json` beside it the part `<part>`.
fn read_model(path: &Path) -> Result<Vec<(String, Vec<u8>)>, String> {
    let missing = |error| format!("cannot read its model {}: {error}; make one with `wattdog train`", path.display());
    let mut parts = vec![(String::new(), std::fs::read(path).map_err(missing)?)];
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for entry in std::fs::read_dir(folder).map_err(missing)?.filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let part = name.strip_prefix(&format!("{stem}.")).and_then(|rest| rest.strip_suffix(".json"));
        if let Some(part) = part {
            parts.push((part.to_owned(), std::fs::read(entry.path()).map_err(missing)?));
        }
    }
    parts.sort();
    Ok(parts)
}

fn log_to(plugin: String) -> LogSink {
    Arc::new(move |level, text| match level {
        Level::Debug => tracing::debug!(target: "wattdog::plugin", plugin, "{text}"),
        Level::Info => tracing::info!(target: "wattdog::plugin", plugin, "{text}"),
        Level::Warn => tracing::warn!(target: "wattdog::plugin", plugin, "{text}"),
        Level::Error => tracing::error!(target: "wattdog::plugin", plugin, "{text}"),
    })
}
