//! `plugins/<name>.toml`: how a plugin runs.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wattdog_files::read_text;
use wattdog_plugin_runtime as runtime;

use crate::config::{Span, parse_toml};

/// What the sidecar says the plugin is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PluginKind {
    /// Judges rows.
    Detector,
    /// Adds columns.
    Enricher,
}

/// Whether it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Its results are results.
    #[default]
    Active,
    /// Its results are stored apart.
    Shadow,
    /// It does not run.
    Off,
}

/// What it reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PluginInput {
    /// Each reading.
    #[default]
    Readings,
    /// Each closed window.
    Windows,
}

/// The file; every key has a default.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sidecar {
    /// Must be what the component is, where it is said.
    pub kind: Option<PluginKind>,
    /// Whether it runs.
    pub mode: Mode,
    /// What it reads.
    pub input: PluginInput,
    /// Model file, relative to the sidecar.
    pub model: Option<PathBuf>,
    /// Enrichers: lower runs first.
    pub order: i64,
    /// How far back a detector that keeps something about meters begins, where there is no state for it; "0s": with what comes.
    pub warm_start: Span,
    /// What the plugin's description lists.
    pub params: toml::Table,
    /// What it may take.
    pub limits: Limits,
}

/// Two weeks: every hour of the week twice.
const WARM_START: Span = Span::from_secs(14 * 86_400);

impl Default for Sidecar {
    fn default() -> Self {
        Self {
            kind: None,
            mode: Mode::default(),
            input: PluginInput::default(),
            model: None,
            order: 0,
            warm_start: WARM_START,
            params: toml::Table::new(),
            limits: Limits::default(),
        }
    }
}

/// `[limits]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    batch_time: Option<Span>,
    start_time: Option<Span>,
    #[serde(serialize_with = "exactly")]
    memory: Option<bytesize::ByteSize>,
    #[serde(serialize_with = "exactly")]
    output: Option<bytesize::ByteSize>,
    log_lines: Option<u32>,
    #[serde(serialize_with = "exactly")]
    state: Option<bytesize::ByteSize>,
    tables: Option<usize>,
    instances: Option<usize>,
    #[serde(serialize_with = "exactly")]
    component: Option<bytesize::ByteSize>,
    #[serde(serialize_with = "exactly")]
    model: Option<bytesize::ByteSize>,
    compile_time: Option<Span>,
    #[serde(serialize_with = "exactly")]
    compile_memory: Option<bytesize::ByteSize>,
}

/// The crate itself rounds to a tenth of a unit.
fn exactly<S: serde::Serializer>(size: &Option<bytesize::ByteSize>, serializer: S) -> Result<S::Ok, S::Error> {
    size.map(|size| format!("{} B", size.as_u64())).serialize(serializer)
}

/// Ten times the model of a thousand meters with a value for each hour of the week.
const MODEL_BYTES: u64 = 64 << 20;

impl Limits {
    /// Bytes of all parts of a model together.
    pub(super) fn model(&self) -> u64 {
        self.model.map_or(MODEL_BYTES, |size| size.as_u64())
    }

    /// For the runtime, defaults filled in.
    #[must_use]
    pub fn resolve(&self) -> runtime::Limits {
        let default = runtime::Limits::default();
        let bytes = |size: Option<bytesize::ByteSize>, default| {
            size.map_or(default, |size| usize::try_from(size.as_u64()).unwrap_or(usize::MAX))
        };
        runtime::Limits {
            batch_time: self.batch_time.map_or(default.batch_time, Span::duration),
            start_time: self.start_time.map_or(default.start_time, Span::duration),
            memory: bytes(self.memory, default.memory),
            output: bytes(self.output, default.output),
            log_lines: self.log_lines.unwrap_or(default.log_lines),
            state: bytes(self.state, default.state),
            tables: self.tables.unwrap_or(default.tables),
            instances: self.instances.unwrap_or(default.instances),
            component: bytes(self.component, default.component),
            compile_time: self.compile_time.map_or(default.compile_time, Span::duration),
            compile_memory: self.compile_memory.map_or(default.compile_memory, |size| size.as_u64()),
        }
    }
}

impl Sidecar {
    /// A longer file is refused.
    pub(crate) const MOST_BYTES: u64 = 1 << 20;

    /// The sidecar beside a component; defaults where there is none.
    ///
    /// # Errors
    /// Naming file, line and key.
    pub fn beside(component: &Path) -> Result<Self, String> {
        let path = component.with_extension("toml");
        match read_text(&path, Self::MOST_BYTES) {
            Ok(text) => {
                let mut sidecar: Self = parse_toml(&text, &path.display().to_string()).map_err(|error| error.to_string())?;
                sidecar.model = sidecar.model.map(|model| path.parent().unwrap_or(Path::new("")).join(model));
                Ok(sidecar)
            }
            Err(error) if error.is_missing() => Ok(Self::default()),
            Err(error) => Err(format!("cannot read {}: {error}", path.display())),
        }
    }

    /// Every key, so that it says the same when defaults are others.
    pub(super) fn to_toml(&self) -> String {
        toml::to_string(self).expect("what came from TOML has a form in it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_as_it_was_from_its_own_toml() {
        let text = r#"
            kind = "detector"
            mode = "shadow"
            model = "models/a b.json"
            order = -3
            warm_start = "90s"
            [params]
            threshold = 0.1
            hours = [1, 2]
            nested = { at = 2026-01-01T00:00:00Z }
            [limits]
            batch_time = "1500us"
            memory = "1234567B"
            compile_memory = "16EB"
        "#;
        let sidecar: Sidecar = toml::from_str(text).unwrap();
        assert_eq!(toml::from_str::<Sidecar>(&sidecar.to_toml()).unwrap(), sidecar);
        assert_eq!(toml::from_str::<Sidecar>(&Sidecar::default().to_toml()).unwrap(), Sidecar::default());
    }
}
