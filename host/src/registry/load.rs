//! From files to a plugin that may run: everything that can be known about it alone is checked here, off the lanes.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use wattdog_files::{ReadError, read};
use wattdog_plugin_runtime::{
    Compiled, Compiler, Description, Fault, Instance, Kind, Level, Limits, Linked, LogSink, ModelPart, Runtime, complete_params,
};

use super::health::Health;
use super::scores::Scores;
use super::{PluginInput, PluginKind, Sidecar, canary, sidecar};

/// An instance with more of its memory limit in use than this is replaced: linear memory never shrinks.
const MEMORY_MARK: f64 = 0.75;

/// A model's parts: name and bytes.
pub(crate) type Model = Vec<(String, Vec<u8>)>;

/// A plugin that has shown that it starts and takes a batch.
#[derive(Debug)]
pub struct Loaded {
    /// Name of its file, without `.wasm`.
    pub file_stem: String,
    /// Its own name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the component, in hex.
    pub digest: String,
    /// What it says of itself, configured.
    pub description: Description,
    /// How it is to run.
    pub sidecar: Sidecar,
    /// How it fares.
    pub health: Health,
    /// Of a detector: what it has said of all readings.
    pub scores: Scores,
    /// Compiled by an earlier start.
    pub from_cache: bool,
    /// SHA-256 of its model's parts.
    model_digest: [u8; 32],
    limits: Limits,
    linked: Linked,
    params: String,
    model: Model,
    /// Started ahead, so that a lane need not wait.
    spares: Mutex<Vec<Instance>>,
}

impl Loaded {
    /// What it does.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.linked.kind()
    }

    /// A fresh, configured instance for one lane.
    ///
    /// # Errors
    /// When the plugin fails to start.
    pub fn instance(&self) -> Result<Instance, Fault> {
        match self.spares.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            Some(instance) => Ok(instance),
            None => start(&self.linked, &self.params, &self.model),
        }
    }

    /// Starts instances ahead; one that does not start is met by the lane.
    pub(super) fn start_spares(&self, count: usize) {
        let spares: Vec<_> = (0..count).map_while(|_| start(&self.linked, &self.params, &self.model).ok()).collect();
        *self.spares.lock().unwrap_or_else(PoisonError::into_inner) = spares;
    }

    /// Can it take over state of that format?
    #[must_use]
    pub fn reads_state(&self, version: u32) -> bool {
        (self.description.oldest_state_version..=self.description.state_version).contains(&version)
    }

    /// Can that one take over what this one keeps about meters?
    pub(super) fn hands_state_to(&self, successor: &Self) -> bool {
        self.description.stateful && successor.reads_state(self.description.state_version)
    }

    /// Does it begin with earlier readings? A detector that keeps nothing need not, and an enricher's columns are needed at once.
    pub(super) fn warms_up(&self) -> bool {
        self.description.stateful && self.kind() == Kind::Detector && self.sidecar.warm_start.micros() > 0
    }

    /// Bytes of memory from which on an instance is replaced.
    #[must_use]
    pub fn memory_mark(&self) -> usize {
        (self.limits.memory as f64 * MEMORY_MARK) as usize
    }

    /// Would loading these again make the same plugin?
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (&self.digest, &self.sidecar, &self.model_digest) == (&other.digest, &other.sidecar, &other.model_digest)
    }

    /// The same for the same plugin, in every life of the host.
    pub(super) fn identity(&self) -> [u8; 32] {
        let digest = Sha256::new().chain_update(&self.digest).chain_update(self.sidecar.to_toml());
        digest.chain_update(self.model_digest).finalize().into()
    }

    /// The file that its sidecar names as its model; none where it has no model.
    #[must_use]
    pub fn main_model(&self) -> Option<&[u8]> {
        self.model.iter().find(|(part, _)| part.is_empty()).map(|(_, bytes)| bytes.as_slice())
    }

    pub(super) fn model(&self) -> &Model {
        &self.model
    }
}

/// Why a file does not run.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It is no component, or not yet a whole one.
    #[error("{0}")]
    Broken(String),
    /// It is whole, and still cannot run.
    #[error("{0}")]
    Unfit(String),
}

/// The program itself, in another process, compiles components: nothing else needs to be installed for it.
pub(crate) fn compiler() -> Option<Compiler> {
    let program = std::env::current_exe().ok()?;
    Some(Compiler { program, arguments: vec!["compile-plugin".into()] })
}

/// Loads and checks one file.
///
/// # Errors
/// With the reason why it cannot run, in one line.
pub fn load_file(file: &Path, sidecar: &Sidecar, runtime: &Runtime) -> Result<Loaded, Refusal> {
    load_bytes(file, &read_component(file, sidecar).map_err(Refusal::Unfit)?, sidecar, runtime)
}

pub(super) fn load_bytes(file: &Path, bytes: &[u8], sidecar: &Sidecar, runtime: &Runtime) -> Result<Loaded, Refusal> {
    load_with_model(
        file,
        bytes,
        sidecar,
        |model| model.map(|model| read_model(model, &sidecar.limits)).transpose().map(Option::unwrap_or_default),
        runtime,
    )
}

/// With another way to the model than by the path that the sidecar gives.
pub(super) fn load_with_model(
    file: &Path,
    bytes: &[u8],
    sidecar: &Sidecar,
    model: impl FnOnce(Option<&Path>) -> Result<Model, String>,
    runtime: &Runtime,
) -> Result<Loaded, Refusal> {
    let compiled = match runtime.compile(bytes, &sidecar.limits.resolve()) {
        Ok(compiled) => compiled,
        Err(fault @ Fault::Load(_)) => return Err(Refusal::Broken(fault.to_string())),
        Err(fault) => return Err(Refusal::Unfit(fault.to_string())),
    };
    let model = model(sidecar.model.as_deref()).map_err(Refusal::Unfit)?;
    check(file, &compiled, sidecar, model, runtime).map_err(Refusal::Unfit)
}

fn check(file: &Path, compiled: &Compiled, sidecar: &Sidecar, model: Model, runtime: &Runtime) -> Result<Loaded, String> {
    if sidecar.input == PluginInput::Windows {
        return Err("`input = \"windows\"` is not supported by this version; set readings".into());
    }
    let in_words = |fault: Fault| fault.to_string();
    let limits = sidecar.limits.resolve();
    let file_stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let linked = runtime.link(compiled, limits.clone(), log_to(file_stem.clone())).map_err(in_words)?;
    check_kind(&linked, sidecar)?;
    let unconfigured = linked.describe().map_err(in_words)?;
    let params = complete_params(&unconfigured.params, &json_params(&sidecar.params)?)?;
    if unconfigured.needs_model && sidecar.model.is_none() {
        return Err(format!("it needs a model: set `model` in {}", file.with_extension("toml").display()));
    }
    let mut instance = start(&linked, &params, &model).map_err(in_words)?;
    let description = instance.description().clone();
    canary::run(&mut instance, linked.kind())
        .map_err(|fault| format!("it does not survive a batch of made-up readings: {fault}"))?;
    Ok(Loaded {
        file_stem,
        name: description.name.clone(),
        version: description.version.clone(),
        digest: compiled.digest().to_owned(),
        description,
        sidecar: sidecar.clone(),
        health: Health::new(),
        scores: Scores::default(),
        from_cache: compiled.from_cache(),
        model_digest: digest_of(&model),
        limits,
        linked,
        params,
        model,
        spares: Mutex::default(),
    })
}

fn digest_of(model: &Model) -> [u8; 32] {
    let mut digest = Sha256::new();
    for (part, bytes) in model {
        digest.update(part.as_bytes());
        digest.update((bytes.len() as u64).to_le_bytes());
        digest.update(bytes);
    }
    digest.finalize().into()
}

fn start(linked: &Linked, params: &str, model: &Model) -> Result<Instance, Fault> {
    let parts: Vec<_> = model.iter().map(|(part, bytes)| ModelPart { part, bytes }).collect();
    linked.start(params, &parts)
}

pub(crate) fn read_component(file: &Path, sidecar: &Sidecar) -> Result<Vec<u8>, String> {
    let length = std::fs::metadata(file).map_err(|error| format!("cannot read it: {error}"))?.len();
    let (length, limit) = (usize::try_from(length).unwrap_or(usize::MAX), sidecar.limits.resolve().component);
    if length > limit {
        return Err(Fault::ComponentSize { length, limit }.to_string());
    }
    read(file, limit as u64).map_err(|error| format!("cannot read it: {error}"))
}

pub(crate) fn json_params(params: &toml::Table) -> Result<Map<String, Value>, String> {
    match serde_json::to_value(params) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err("`[params]` is not a table".into()),
        Err(error) => Err(format!("`[params]` cannot be said in JSON: {error}")),
    }
}

pub(crate) fn check_kind(linked: &Linked, sidecar: &Sidecar) -> Result<(), String> {
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
pub(crate) fn read_model(path: &Path, limits: &sidecar::Limits) -> Result<Model, String> {
    let missing = |error| format!("cannot read its model {}: {error}; make one with `wattdog train`", path.display());
    let mut parts = Vec::new();
    let mut left = limits.model();
    for file in model_files(path).map_err(|error| missing(error.into()))? {
        let bytes = match read(&file, left) {
            Err(ReadError::Size(_)) => {
                let (file, most) = (file.display(), bytesize::ByteSize(limits.model()));
                return Err(format!(
                    "its model is larger than {most} with {file}: set `limits.model` in its sidecar, or a smaller model"
                ));
            }
            read => read.map_err(missing)?,
        };
        left -= bytes.len() as u64;
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        parts.push((part_of(path, &name).unwrap_or_default(), bytes));
    }
    parts.sort();
    Ok(parts)
}

/// All files of a model.
pub(super) fn model_files(path: &Path) -> std::io::Result<Vec<std::path::PathBuf>> {
    let mut files = vec![path.to_owned()];
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for entry in std::fs::read_dir(folder)?.filter_map(Result::ok) {
        if part_of(path, &entry.file_name().to_string_lossy()).is_some() {
            files.push(entry.path());
        }
    }
    Ok(files)
}

fn part_of(model: &Path, file_name: &str) -> Option<String> {
    let stem = model.file_stem()?.to_string_lossy();
    let part = file_name.strip_prefix(&format!("{stem}."))?.strip_suffix(".json")?;
    Some(part.to_owned())
}

pub(crate) fn log_to(plugin: String) -> LogSink {
    Arc::new(move |level, text| match level {
        Level::Debug => tracing::debug!(target: "wattdog::plugin", plugin, "{text}"),
        Level::Info => tracing::info!(target: "wattdog::plugin", plugin, "{text}"),
        Level::Warn => tracing::warn!(target: "wattdog::plugin", plugin, "{text}"),
        Level::Error => tracing::error!(target: "wattdog::plugin", plugin, "{text}"),
    })
}
