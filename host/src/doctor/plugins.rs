//! The plugins: each is loaded as a host would.

use wattdog_plugin_runtime::{Runtime, RuntimeConfig};

use super::Finding;
use crate::config::Config;
use crate::registry::{self, compiler};

pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let plugins = &config.plugins;
    let dir = plugins.dir.display();
    let runtime = RuntimeConfig { cache_dir: plugins.cache_dir(), compiler: compiler(), ..RuntimeConfig::default() };
    let runtime = match Runtime::new(runtime) {
        Ok(runtime) => runtime,
        Err(fault) => return vec![Finding::bad("plugins", fault.to_string(), "run on a machine that has what it names")],
    };
    // A configuration with a key that is none was refused before.
    let trust = plugins.trust().unwrap_or_default();
    let examined = match registry::examine(&plugins.dir, &trust, &runtime) {
        Ok(examined) => examined,
        Err(error) => {
            return vec![Finding::bad("plugins", format!("cannot read {dir}: {error}"), "set `plugins.dir` to their folder")];
        }
    };
    if examined.is_empty() {
        let words = format!("there is none in {dir}: windows are made, and nothing is found");
        return vec![Finding::doubtful("plugins", words, "copy a detector there, as kmeans.wasm with kmeans.toml")];
    }
    examined
        .into_iter()
        .map(|examined| {
            let subject = format!("plugin {}", examined.file);
            match examined.plugin {
                Ok(Some(plugin)) => {
                    let (kind, mode) = (format!("{:?}", plugin.kind()), format!("{:?}", plugin.sidecar.mode));
                    Finding::good(subject, format!("{} {}, {kind}, {mode}", plugin.name, plugin.version).to_lowercase())
                }
                Ok(None) => Finding::good(subject, "off"),
                Err(reason) => Finding::bad(subject, reason, "`wattdog plugin check` says more"),
            }
        })
        .collect()
}
