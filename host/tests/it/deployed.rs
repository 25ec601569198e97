//! The queries of the files under `host/deploy`: of dashboards, of alerts in Grafana, of Prometheus' rules.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::servers::workspace;

pub(crate) fn folder() -> PathBuf {
    workspace().join("host/deploy")
}

/// The texts under this key, wherever it stands: `rawSql` or `expr`.
pub(crate) fn texts(key: &str) -> Vec<String> {
    let mut texts = Vec::new();
    each_file(&folder(), &mut |path| {
        let Some(extension) = path.extension() else { return };
        let text = std::fs::read_to_string(path).unwrap();
        let parsed: Value = match extension.to_str().unwrap() {
            "json" => serde_json::from_str(&text).unwrap(),
            "yml" | "yaml" => yaml_serde::from_str(&text).unwrap(),
            _ => return,
        };
        collect(&parsed, key, &mut texts);
    });
    texts
}

fn each_file(folder: &Path, take: &mut impl FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { each_file(&path, take) } else { take(&path) }
    }
}

fn collect(value: &Value, key: &str, texts: &mut Vec<String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| collect(value, key, texts)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == key => texts.push(text.clone()),
                    other => collect(other, key, texts),
                }
            }
        }
        _ => {}
    }
}
