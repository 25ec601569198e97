//! From file and environment to a checked [`Config`].

use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use wattdog_files::{ReadError, read_text};

use super::Config;

/// A longer configuration is refused.
const MOST_BYTES: u64 = 4 << 20;

/// Why there is no configuration, in one line.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read configuration {}: {source}; give another with --config", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: ReadError,
    },
    /// A key or value is wrong.
    #[error("{origin}: {message}")]
    Invalid {
        /// File and line, or environment variable.
        origin: String,
        /// What is wrong and what would be right.
        message: String,
    },
}

/// Loads `path`, or `wattdog.toml` in the working directory when it is there, else the defaults; then the environment.
///
/// # Errors
/// When the file is not readable or a key of file or environment is wrong.
pub fn load(path: Option<&Path>, environment: impl IntoIterator<Item = (String, String)>) -> Result<Config, ConfigError> {
    let default = Path::new("wattdog.toml");
    let path = path.or_else(|| default.exists().then_some(default));
    let text = match path {
        Some(path) => read_text(path, MOST_BYTES).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?,
        None => String::new(),
    };
    load_text(&text, &path.map_or_else(|| "defaults".into(), |p| p.display().to_string()), environment)
}

/// Loads the configuration of a file, where one is named.
///
/// # Errors
/// As [`load`].
pub fn load_given(path: Option<&Path>) -> Result<Option<Config>, ConfigError> {
    path.map(|path| load(Some(path), std::env::vars())).transpose()
}

/// Loads a configuration from its text; `origin` names it in errors.
///
/// # Errors
/// When a key of text or environment is wrong.
pub fn load_text(
    text: &str,
    origin: &str,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let mut config: Config = parse_toml(text, origin)?;
    let mut variables: Vec<_> = environment.into_iter().filter(|(name, _)| name.starts_with("WATTDOG__")).collect();
    variables.sort();
    let mut table: toml::Table = parse_toml(text, origin)?;
    let origin = if variables.is_empty() { origin.to_owned() } else { format!("{origin} and environment") };
    for (name, value) in variables {
        // Deserialised after each variable, so that an error names the one that caused it.
        let mut with = |value| {
            insert(&mut table, &name, value);
            Config::deserialize(table.clone())
        };
        let text = || toml::Value::String(value.clone());
        // A token of digits looks like a number.
        config = with(toml_value(&value).unwrap_or_else(text))
            .or_else(|error| with(text()).map_err(|_| error))
            .map_err(|error| ConfigError::Invalid { origin: name.clone(), message: with_nearest(error.message()) })?;
    }
    if table.get("input").and_then(|input| input.get("meter")).is_none() {
        config.input.meter = vec![config.input.building.clone(), config.input.floor.clone()];
    }
    config.validate().map_err(|message| ConfigError::Invalid { origin, message })?;
    Ok(config)
}

/// Reads TOML; an error names `origin`, the line and, for an unknown key, the nearest known one.
///
/// # Errors
/// When the text is not TOML, or not of this shape.
pub fn parse_toml<T: DeserializeOwned>(text: &str, origin: &str) -> Result<T, ConfigError> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        ConfigError::Invalid { origin: format!("{origin}, line {line}"), message: with_nearest(error.message()) }
    })
}

/// The value of a variable, where it is TOML.
fn toml_value(text: &str) -> Option<toml::Value> {
    toml::from_str::<toml::Table>(&format!("v = {text}")).ok()?.remove("v")
}

/// `WATTDOG__SINK__POSTGRES__URL=x` sets `sink.postgres.url`.
fn insert(table: &mut toml::Table, name: &str, value: toml::Value) {
    let path: Vec<String> = name.split("__").skip(1).map(str::to_lowercase).collect();
    let Some((last, parents)) = path.split_last() else { return };
    let mut table = table;
    for key in parents {
        let entry = table.entry(key.clone()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        if !entry.is_table() {
            *entry = toml::Value::Table(toml::Table::new());
        }
        table = entry.as_table_mut().expect("made a table just above");
    }
    table.insert(last.clone(), value);
}

/// Adds the nearest known key to serde's message about an unknown one.
fn with_nearest(message: &str) -> String {
    let message = message.trim_end();
    if !message.starts_with("unknown field") {
        return message.to_owned();
    }
    let mut words = message.split('`').skip(1).step_by(2);
    let Some(unknown) = words.next() else { return message.to_owned() };
    let nearest = words.max_by(|a, b| strsim::jaro_winkler(unknown, a).total_cmp(&strsim::jaro_winkler(unknown, b)));
    match nearest {
        Some(nearest) => format!("unknown key `{unknown}`: did you mean `{nearest}`?"),
        None => format!("unknown key `{unknown}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_is_named_by_building_and_floor_wherever_these_are() {
        let meter = |text: &str, variables| load_text(text, "test", env(variables)).unwrap().input.meter;
        assert_eq!(meter("[input]\nbuilding = \"site.name\"", &[]), ["site.name", "floor"]);
        assert_eq!(meter("", &[("WATTDOG__INPUT__FLOOR", "level")]), ["building", "level"]);
        assert_eq!(meter("[input]\nbuilding = \"site\"\nmeter = [\"id\"]", &[]), ["id"]);
    }

    fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn defaults_are_the_reference_system() {
        let config = load_text("", "defaults", env(&[])).unwrap();
        assert_eq!(config.kafka.bootstrap, "localhost:29092");
        assert_eq!(config.measure_names(), ["electricity", "water"]);
        assert_eq!(config.window.size.to_string(), "30s");
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_the_nearest_known_one() {
        let error = load_text("[kafka]\ntopic = \"t\"\nbootstap = \"x\"\n", "wattdog.toml", env(&[])).unwrap_err();
        assert_eq!(error.to_string(), "wattdog.toml, line 3: unknown key `bootstap`: did you mean `bootstrap`?");
    }

    #[test]
    fn the_environment_goes_over_the_file_and_is_named_when_wrong() {
        let file = "[window]\nsize = \"30s\"\n";
        let config = load_text(file, "f", env(&[("WATTDOG__WINDOW__SIZE", "1m"), ("WATTDOG__KAFKA__PARTITIONS", "7")])).unwrap();
        assert_eq!((config.window.size.to_string().as_str(), config.kafka.partitions), ("1m", 7));
        assert_eq!(load_text(file, "f", env(&[("WATTDOG__WEB__TOKEN", "12345")])).unwrap().web.token.as_deref(), Some("12345"));
        let error = load_text(file, "f", env(&[("WATTDOG__INPUT__METER", "[]")])).unwrap_err();
        assert!(error.to_string().starts_with("f and environment: `input.meter`"), "{error}");
        let error = load_text(file, "f", env(&[("WATTDOG__WINDOW__SIZ", "1m")])).unwrap_err();
        assert_eq!(error.to_string(), "WATTDOG__WINDOW__SIZ: unknown key `siz`: did you mean `size`?");
    }

    #[test]
    fn the_example_has_every_key_with_its_default() {
        let example = include_str!("../../../examples/wattdog.toml");
        let mut config = load_text(example, "example", env(&[])).unwrap();
        config.sink = crate::config::Sinks::default();
        let defaults = load_text("", "defaults", env(&[])).unwrap();
        assert_eq!(toml::Value::try_from(&config).unwrap(), toml::Value::try_from(&defaults).unwrap());
        let keys = toml::Value::try_from(&defaults).unwrap();
        for key in keys["window"].as_table().unwrap().keys().chain(keys["input"].as_table().unwrap().keys()) {
            assert!(example.contains(key), "{key} is not explained");
        }
    }

    #[test]
    fn senseless_values_are_refused_by_name() {
        for (text, part) in [
            ("[window]\nsize = \"0s\"", "window.size"),
            ("[window]\nsize = \"soon\"", "length of time"),
            ("[input.measures.\"Gas m³\"]\nfield = \"g\"", "becomes a column"),
            ("[input.measures.gas]\nfield = \"g\"\nmin = 2.0\nmax = 1.0", "above max"),
            ("[input]\nmeter = []", "input.meter"),
            ("[input]\nbuilding = \"@key.0\"", "`input.building`"),
            ("[input]\nmeter = [\"@header.\"]", "`input.meter`"),
            ("[input.measures.gas]\nfield = \"$.\"", "`input.measures.gas.field`"),
            ("[input]\nreadings = \"data\"", "`input.readings`"),
            ("[input]\nreadings = \"a[].b[]\"", "`input.readings`"),
            ("[input]\nframing = \"avro\"", "`none` or `confluent`"),
            ("[input]\nstamp = \"end\"", "needs `input.interval`"),
            ("[input]\nstamp = \"end\"\ninterval = \"0s\"", "needs `input.interval`"),
            ("[input]\ninterval = \"30m\"", "`input.stamp"),
            ("[input]\ntimestamp_unit = \"minutes\"", "`auto`"),
            ("[input]\ntimestamp_unit = \"ms\"\ntimestamp_format = \"%s\"", "`input.timestamp_unit`"),
            ("[sink.sqlite]\nkeep = \"0d\"", "sink.sqlite.keep"),
            ("[input]\nrepeats = \"twice\"", "`drop` or `keep`"),
            ("[window]\nsize = \"7m\"\ntime_zone = \"Europe/Berlin\"", "`window.size` 7m"),
            ("[window]\ntime_zone = \"Europe/Berln\"", "`window.time_zone` \"Europe/Berln\""),
            ("[window]\nresend = \"-1d\"", "length of time"),
        ] {
            let error = load_text(text, "f", env(&[])).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
