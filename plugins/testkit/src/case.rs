//! One recorded case: a sidecar file, readings and what is expected of them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use wattdog_plugin::Description;
use wattdog_plugin::shell::{Config, ModelPart};

/// A case as it is in its folder.
pub(crate) struct Case {
    folder: PathBuf,
    sidecar: toml::Table,
    pub(crate) readings: Vec<Reading>,
}

/// One line of `readings.jsonl`.
pub(crate) struct Reading {
    pub(crate) event_time_us: i64,
    pub(crate) building: String,
    pub(crate) floor: Option<String>,
    pub(crate) fields: Map<String, Value>,
}

impl Reading {
    /// The meter's name as the host makes it.
    pub(crate) fn meter(&self) -> String {
        self.floor.as_ref().map_or_else(|| self.building.clone(), |floor| format!("{}/{floor}", self.building))
    }
}

impl Case {
    pub(crate) fn read(folder: &Path) -> Self {
        let sidecar = text(&folder.join("plugin.toml")).parse().unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let readings = lines(&folder.join("readings.jsonl")).into_iter().map(reading).collect();
        Self { folder: folder.into(), sidecar, readings }
    }

    /// The parameters with the described defaults, and the model's files, as the host would send them.
    pub(crate) fn config(&self, description: &Description) -> Config {
        let mut params = Map::new();
        for param in &description.params {
            if let Some(default) = &param.default {
                params.insert(param.name.clone(), serde_json::from_str(default).expect("a default is JSON"));
            }
        }
        if let Some(given) = self.sidecar.get("params") {
            let given = serde_json::to_value(given).expect("TOML without dates is JSON");
            params.extend(given.as_object().expect("params is a table").clone());
        }
        for name in params.keys() {
            let known = description.params.iter().any(|param| param.name == *name);
            let folder = self.folder.display();
            assert!(known, "{folder}/plugin.toml: the plugin has no parameter `{name}`; correct the case, or remove it");
        }
        Config { params: Value::Object(params).to_string(), model: self.model() }
    }

    fn model(&self) -> Vec<ModelPart> {
        let Some(file) = self.sidecar.get("model").and_then(toml::Value::as_str) else { return Vec::new() };
        let main = self.folder.join(file);
        let stem = main.file_stem().expect("a model has a name").to_string_lossy().into_owned();
        let siblings = fs::read_dir(main.parent().expect("a model is in a folder")).expect("the model's folder is readable");
        let names = siblings.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned());
        let part_of = |name: &str| Some(name.strip_prefix(&stem)?.strip_suffix(".json")?.trim_start_matches('.').to_owned());
        let part = |name: String| Some(ModelPart { part: part_of(&name)?, bytes: text(&main.with_file_name(&name)).into() });
        names.filter_map(part).collect()
    }

    pub(crate) fn expected(&self) -> Vec<Value> {
        lines(&self.folder.join("expected.jsonl"))
    }

    pub(crate) fn write_expected(&self, answers: &[Value]) {
        let lines: String = answers.iter().map(|answer| format!("{answer}\n")).collect();
        fs::write(self.folder.join("expected.jsonl"), lines).expect("expected.jsonl can be written");
    }
}

fn text(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn lines(file: &Path) -> Vec<Value> {
    let parse = |(number, line): (usize, &str)| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{}, line {}: {error}", file.display(), number + 1))
    };
    text(file).lines().enumerate().map(parse).collect()
}

fn reading(line: Value) -> Reading {
    let Value::Object(fields) = line else { panic!("a reading is a JSON object, not {line}") };
    let field = |name: &str| fields.get(name).and_then(Value::as_str);
    let timestamp: jiff::Timestamp =
        field("timestamp").and_then(|text| text.parse().ok()).expect("a reading has an RFC 3339 `timestamp`");
    let floor = fields.get("floor").map(|floor| floor.as_str().map_or_else(|| floor.to_string(), str::to_owned));
    Reading {
        event_time_us: timestamp.as_microsecond(),
        building: field("building").expect("a reading has a `building`").into(),
        floor,
        fields,
    }
}
