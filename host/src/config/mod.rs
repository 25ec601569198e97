//! The configuration: one TOML file, every key with a default, environment variables over it.

mod bounds;
mod counter;
mod duration;
mod input_file;
mod load;
mod message;
mod secret;
mod units;

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use counter::{Counter, Gap};
pub use duration::Span;
pub use input_file::{Columns, FileFormat, Header, InputFile, Narrow, Wide};
pub use load::{ConfigError, load, load_given, load_text, parse_toml};
pub use message::{Framing, StampOf, TimestampUnit};
pub use secret::mask_password;

use crate::kafka::Settings;
use crate::registry::Trust;
use crate::{decode, window};
pub(crate) use secret::masked_url;

/// Everything that can be set.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where readings come from.
    pub kafka: Kafka,
    /// How a message becomes a reading.
    pub input: Input,
    /// Windows.
    pub window: Window,
    /// Names of the result topics.
    pub topics: Topics,
    /// Detectors and enrichers.
    pub plugins: Plugins,
    /// Where results go.
    pub sink: Sinks,
    /// Whom to tell of findings.
    pub alerts: crate::sink::alert::Config,
    /// How often state is written.
    pub state: State,
    /// Page, API and metrics.
    pub web: Web,
    /// Traces.
    pub telemetry: Telemetry,
}

/// `[kafka]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kafka {
    /// Addresses, separated by commas.
    pub bootstrap: String,
    /// Topic of the readings.
    pub topic: String,
    /// Consumer group; also the prefix of the groups of sinks.
    pub group: String,
    /// The name of this host, for static membership: one that is started again within the session's time gets its partitions
    /// back at once, and nobody else does meanwhile. Each host has its own.
    pub instance: Option<String>,
    /// Longest time between two transactions.
    pub commit_interval: Span,
    /// Most messages that a lane takes at once. Rows do not depend on it; a plugin's call costs less for each reading of a larger
    /// batch, and a smaller one stays in the processor's cache.
    pub max_poll_records: NonZeroU16,
    /// Create missing topics.
    pub create_topics: bool,
    /// Partitions of an input topic that had to be created.
    pub partitions: i32,
    /// Any librdkafka property but those that wattdog's guarantees depend on.
    #[serde(serialize_with = "secret::masked_secrets")]
    pub properties: BTreeMap<String, String>,
}

impl Default for Kafka {
    fn default() -> Self {
        Self {
            bootstrap: "localhost:29092".into(),
            topic: "university_consumption".into(),
            group: "wattdog".into(),
            instance: None,
            commit_interval: Span::from_millis(100),
            max_poll_records: const { NonZeroU16::new(4_096).unwrap() },
            create_topics: true,
            partitions: 3,
            properties: BTreeMap::new(),
        }
    }
}

/// `[input]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Input {
    /// Field with the event time. A field within an object is named with dots, as `meter.id`.
    pub timestamp: String,
    /// How its text is written, in the signs of `strptime`; left out: RFC 3339 or `YYYY-MM-DD HH:MM:SS`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp_format: Option<String>,
    /// What a number counts since 1970, where `timestamp_format` is left out.
    pub timestamp_unit: TimestampUnit,
    /// Which end of a reading's interval the timestamp is.
    pub stamp: StampOf,
    /// How long a reading's interval is, where the timestamp is its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Span>,
    /// Whose clock a time without an offset is of: an IANA name.
    pub time_zone: String,
    /// Where a message has several readings: `[]` where it is an array of them, `data[]` where its field `data` is. Fields are then those
    /// of a reading, and `$.` leads to those of the message around it. Left out: a message is one reading.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readings: Option<String>,
    /// What stands before the JSON of a message.
    pub framing: Framing,
    /// Field with the building; `@key`, `@key.2` and `@header.NAME` are the record's key, a part of it between slashes, and a header.
    pub building: String,
    /// Field with the floor; need not be there.
    pub floor: String,
    /// Fields that name a meter; left out, those of building and floor.
    pub meter: Vec<String>,
    /// How far an event time may lie after its Kafka record's time.
    pub max_future: Span,
    /// Largest message that is read.
    pub max_message: bytesize::ByteSize,
    /// Most meters of a partition: each is kept for good, in memory and in the state topic.
    pub max_meters: u32,
    /// What becomes of a reading that says again what its meter has said of that time.
    pub repeats: Repeats,
    /// Whether readings go through an internal topic that is keyed by building, before anything else.
    pub repartition: Repartition,
    /// How a file becomes records.
    #[serde(skip_serializing_if = "InputFile::is_default")]
    pub file: InputFile,
    /// What is measured, by name.
    pub measures: BTreeMap<String, Measure>,
}

impl Default for Input {
    fn default() -> Self {
        Self {
            timestamp: "timestamp".into(),
            timestamp_format: None,
            timestamp_unit: TimestampUnit::Auto,
            stamp: StampOf::Begin,
            interval: None,
            time_zone: "UTC".into(),
            readings: None,
            framing: Framing::None,
            building: "building".into(),
            floor: "floor".into(),
            meter: vec!["building".into(), "floor".into()],
            max_future: Span::from_secs(300),
            max_message: bytesize::ByteSize::kib(64),
            max_meters: 1_000_000,
            repeats: Repeats::Drop,
            repartition: Repartition::Auto,
            file: InputFile::default(),
            measures: BTreeMap::from([
                ("electricity".into(), Measure::new("electricity", "kWh")),
                ("water".into(), Measure::new("water", "L")),
            ]),
        }
    }
}

/// `[input] repeats`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Repeats {
    /// Dead letter `repeat`; each reading costs some eight bytes while its window can be corrected.
    Drop,
    /// A reading like every other.
    Keep,
}

/// `[input] repartition`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Repartition {
    /// Where a group that has read nothing yet finds a building in two partitions; and ever after.
    Auto,
    /// Always.
    Always,
    /// The input is keyed by building.
    Never,
}

/// `[input.measures.<name>]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// Field of the message.
    pub field: String,
    /// Unit of its values, in every row.
    #[serde(default)]
    pub unit: String,
    /// Unit of the field, where it is another one of the same quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_in: Option<String>,
    /// What the field's number is multiplied with.
    #[serde(default = "Measure::scale_default")]
    pub scale: f64,
    /// What the number means.
    #[serde(default)]
    pub kind: MeasureKind,
    /// Of a counter: where it begins at 0 again, in `unit`; left out: only a reset brings it there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollover: Option<f64>,
    /// More about a counter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter: Option<Counter>,
    /// Smallest value that is believed.
    #[serde(default = "Measure::min_default")]
    pub min: f64,
    /// Largest value that is believed.
    #[serde(default = "Measure::max_default")]
    pub max: f64,
    /// False: a reading without it is taken, the value missing.
    #[serde(default = "Measure::required_default")]
    pub required: bool,
}

impl Measure {
    pub(crate) fn new(field: &str, unit: &str) -> Self {
        Self {
            field: field.into(),
            unit: unit.into(),
            sent_in: None,
            scale: Self::scale_default(),
            kind: MeasureKind::Interval,
            rollover: None,
            counter: None,
            min: Self::min_default(),
            max: Self::max_default(),
            required: true,
        }
    }

    /// What the field's number is multiplied with to be in `unit`.
    #[must_use]
    pub fn factor(&self) -> f64 {
        self.scale * self.sent_in.as_ref().and_then(|sent_in| units::factor(sent_in, &self.unit)).unwrap_or(1.0)
    }

    /// True where `sent_in` is a unit of the same quantity as `unit`.
    #[must_use]
    pub fn converts(&self) -> bool {
        self.sent_in.as_ref().is_none_or(|sent_in| units::factor(sent_in, &self.unit).is_some())
    }

    fn validate(&self, name: &str) -> Result<(), String> {
        let key = |key: &str| format!("`input.measures.{name}.{key}`");
        if self.min > self.max || self.min.is_nan() || self.max.is_nan() {
            return Err(format!("`input.measures.{name}`: min {} is above max {}", self.min, self.max));
        }
        if !self.scale.is_finite() || self.scale == 0.0 {
            return Err(format!("{} is {}; write a number that is neither 0 nor infinite", key("scale"), self.scale));
        }
        if let Some(sent_in) = &self.sent_in
            && units::factor(sent_in, &self.unit).is_none()
        {
            let from_to = format!("from {sent_in:?} to {:?}", self.unit);
            return Err(format!("{}: no way is known {from_to}; give the factor as `scale`", key("sent_in")));
        }
        counter::validate(name, self.kind, self.rollover, self.counter.as_ref())
    }

    fn scale_default() -> f64 {
        1.0
    }
    fn min_default() -> f64 {
        0.0
    }
    fn max_default() -> f64 {
        1e9
    }
    fn required_default() -> bool {
        true
    }
}

/// `[input.measures.<name>] kind`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MeasureKind {
    /// How much there was since the reading before, or how much there is now: the value as it is.
    #[default]
    Interval,
    /// A register's total: the value is its growth since the meter's previous accepted reading.
    Counter,
}

/// `[window]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Window {
    /// Length of a tumbling window.
    pub size: Span,
    /// Whose midnights and hours windows begin at: an IANA name.
    pub time_zone: String,
    /// How long after its end a window takes late readings.
    pub allowed_lateness: Span,
    /// How far back a building that was silent for longer than that may send again; nothing switches it off.
    pub resend: Span,
    /// A building that is silent for so long holds no window open, in time of the input's records; nothing switches it off.
    pub idle_after: Span,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            size: Span::from_secs(30),
            time_zone: "UTC".into(),
            allowed_lateness: Span::from_secs(3_600),
            resend: Span::from_secs(86_400),
            idle_after: Span::from_secs(600),
        }
    }
}

/// `[topics]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Topics {
    /// Rows of windows.
    pub aggregations: String,
    /// Rows of findings.
    pub anomalies: String,
    /// Rows of findings of detectors in the shadow.
    pub shadow_anomalies: String,
    /// What was set aside.
    pub dead_letters: String,
    /// What lanes know, compacted.
    pub state: String,
    /// The readings, keyed by building, where the input is not.
    pub repartition: String,
}

impl Default for Topics {
    fn default() -> Self {
        Self {
            aggregations: "wattdog.aggregations".into(),
            anomalies: "wattdog.anomalies".into(),
            shadow_anomalies: "wattdog.shadow-anomalies".into(),
            dead_letters: "wattdog.dead-letters".into(),
            state: "wattdog.state".into(),
            repartition: "wattdog.repartition".into(),
        }
    }
}

/// `[plugins]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plugins {
    /// Folder of components and their sidecar files.
    pub dir: PathBuf,
    /// Folder of compiled components.
    pub cache: Option<PathBuf>,
    /// Record of every load, swap, refusal, promotion and quarantine, a JSON object a line.
    pub audit: Option<PathBuf>,
    /// Take only components with a valid minisign signature beside them.
    pub require_signature: bool,
    /// Public keys, as the second line of a `minisign.pub` file.
    pub trusted_keys: Vec<String>,
    /// Longest time between two looks at the folder; events of the file system come earlier, where there are any.
    pub poll: Span,
}

impl Default for Plugins {
    fn default() -> Self {
        Self {
            dir: "plugins".into(),
            cache: None,
            audit: None,
            require_signature: false,
            trusted_keys: Vec::new(),
            poll: Span::from_secs(2),
        }
    }
}

impl Plugins {
    /// Whose components run.
    ///
    /// # Errors
    /// Naming the key that is none.
    pub fn trust(&self) -> Result<Trust, String> {
        if self.require_signature { Trust::in_keys(&self.trusted_keys) } else { Ok(Trust::anybody()) }
    }

    /// Where compiled components are; none where no folder is known to be this user's.
    #[must_use]
    pub fn cache_dir(&self) -> Option<PathBuf> {
        self.cache.clone().or_else(|| Some(user_folder("XDG_CACHE_HOME", ".cache")?.join("wattdog/plugins")))
    }

    /// Where the audit record is.
    ///
    /// # Errors
    /// When the key is left out and no folder is known to be this user's.
    pub fn audit_file(&self) -> Result<PathBuf, String> {
        let default = || Some(user_folder("XDG_STATE_HOME", ".local/state")?.join("wattdog/plugins.jsonl"));
        self.audit.clone().or_else(default).ok_or_else(|| {
            "no folder is known to be this user's (`HOME` is not set): set `plugins.audit` to a file in a folder that this user alone \
             can write to"
                .into()
        })
    }
}

/// A folder of the user's, by its variable or under the home folder, so that the program's own folder may be read-only. Never one that
/// all users share.
fn user_folder(variable: &str, under_home: &str) -> Option<PathBuf> {
    let home = || Some(std::env::home_dir()?.join(under_home));
    std::env::var_os(variable).map(PathBuf::from).or_else(home).filter(|folder| folder.is_absolute())
}

/// `[sink.*]`: a sink is on when its table is there.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sinks {
    /// `[sink.postgres]`
    pub postgres: Option<crate::sink::postgres::Config>,
    /// `[sink.mongodb]`
    pub mongodb: Option<crate::sink::mongodb::Config>,
    /// `[sink.sqlite]`
    pub sqlite: Option<crate::sink::sqlite::Config>,
    /// `[sink.console]`
    pub console: Option<crate::sink::console::Config>,
}

/// `[state]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct State {
    /// How often what changed is written.
    pub interval: Span,
}

impl Default for State {
    fn default() -> Self {
        Self { interval: Span::from_secs(30) }
    }
}

/// `[web]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Web {
    /// Address and port; loopback unless set otherwise.
    pub listen: String,
    /// Who looks at page, API and metrics has to have it.
    #[serde(serialize_with = "secret::masked", skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl Default for Web {
    fn default() -> Self {
        Self { listen: "127.0.0.1:8080".into(), token: None }
    }
}

/// `[telemetry]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// Where OpenTelemetry traces go, by OTLP over HTTP; nowhere when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otlp: Option<String>,
    /// The share of batches, transactions and requests that are traced, from 0 to 1.
    pub sample: f64,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { otlp: None, sample: 0.01 }
    }
}

impl Config {
    /// Names of the measures, in the order of every column list.
    #[must_use]
    pub fn measure_names(&self) -> Vec<String> {
        self.input.measures.keys().cloned().collect()
    }

    fn validate(&self) -> Result<(), String> {
        bounds::check(self)?;
        window::Rules::new(self)?;
        decode::check(&self.input)?;
        self.input.file.validate()?;
        if self.window.allowed_lateness.micros() < 0 || self.input.max_future.micros() < 0 {
            return Err("`window.allowed_lateness` and `input.max_future` must not be negative".into());
        }
        if self.input.measures.is_empty() {
            return Err("`input.measures` names no measure: add `[input.measures.<name>]` with its `field`".into());
        }
        if self.input.meter.is_empty() {
            return Err("`input.meter` names no field: a meter needs at least one".into());
        }
        let Sinks { postgres, mongodb, sqlite, .. } = &self.sink;
        let stores = [
            ("postgres", postgres.as_ref().map(|sink| (sink.timeout, sink.keep))),
            ("mongodb", mongodb.as_ref().map(|sink| (sink.timeout, sink.keep))),
            ("sqlite", sqlite.as_ref().map(|sink| (sink.timeout, sink.keep))),
        ];
        for (sink, limits) in stores {
            let Some((timeout, keep)) = limits else { continue };
            if timeout.micros() <= 0 {
                return Err(format!("`sink.{sink}.timeout` must be longer than nothing"));
            }
            if keep.is_some_and(|keep| keep.micros() <= 0) {
                return Err(format!("`sink.{sink}.keep` must be longer than nothing; leave it out to keep all rows"));
            }
        }
        Settings::of(&self.kafka).validate()?;
        self.alerts.validate()?;
        if !(0.0..=1.0).contains(&self.telemetry.sample) {
            return Err(format!("`telemetry.sample` is {}; write a share from 0 to 1", self.telemetry.sample));
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        if self.web.token.iter().any(|token| token.is_empty() || !token.bytes().all(plain)) {
            return Err(
                "`web.token` becomes a part of addresses and of a cookie: letters, digits and `-_.~`, at least one".into()
            );
        }
        self.plugins.trust()?;
        if self.plugins.require_signature && self.plugins.trusted_keys.is_empty() {
            return Err("`plugins.require_signature` needs `plugins.trusted_keys`: without a key nothing could run".into());
        }
        for (name, measure) in &self.input.measures {
            let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            if !plain || !name.starts_with(|c: char| c.is_ascii_lowercase()) || name.len() > 48 {
                return Err(format!(
                    "`input.measures.{name}`: a measure's name becomes a column: lower-case letters, digits and `_`, at most 48"
                ));
            }
            measure.validate(name)?;
        }
        Ok(())
    }
}
