//! What the stages of a lane say, written into its outbox and counted.

use std::ffi::CString;

use wattdog_plugin_runtime::Fault;

use crate::decode::Parts;
use crate::detect::Verdicts;
use crate::domain::{BuildingId, EventTime, Message, MeterTable, Reason, Reject};
use crate::enrich::Failures;
use crate::metrics::{Counter, FindingLabel, Metrics, ReasonLabel, TrapLabel};
use crate::registry::{Plugin, Role};
use crate::results::{Aggregation, Anomaly, Headers, MeasureStats, Outbox, ResultTopic, RowFormat, SENDER_HEADER, Severity};
use crate::window::{Accumulator, Window};

/// Where a lane stands in the input.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) topic: String,
    pub(super) partition: i32,
}

/// A counter for each component, role and severity seen.
type Counted = (String, Role, Severity, Counter);

/// Writes rows and dead letters.
pub(super) struct Results {
    pub(super) outbox: Outbox,
    format: RowFormat,
    place: Place,
    metrics: Metrics,
    findings: Vec<Counted>,
    read_headers: Vec<CString>,
    /// Where messages have several readings.
    parts: Option<Parts>,
    /// Nothing is said or counted.
    pub(super) muted: bool,
    /// Counts records without a value, where they are no readings.
    pub(super) tombstones: Option<Counter>,
}

impl Results {
    /// `read_headers` are those from which fields come.
    pub(super) fn new(
        format: RowFormat,
        place: Place,
        metrics: Metrics,
        read_headers: Vec<CString>,
        parts: Option<Parts>,
    ) -> Self {
        Self {
            parts,
            read_headers,
            outbox: Outbox::default(),
            format,
            place,
            metrics,
            findings: Vec::new(),
            muted: false,
            tombstones: None,
        }
    }

    /// What follows is said of another place; returns the one before.
    pub(super) fn set_place(&mut self, place: Place) -> Place {
        std::mem::replace(&mut self.place, place)
    }

    pub(super) fn window(&mut self, meters: &MeterTable, building: BuildingId, window: &Window) {
        if self.muted {
            return;
        }
        let name = meters.building(building);
        let row = Aggregation {
            building: name.to_owned(),
            window_start: EventTime(window.start_us),
            window_end: EventTime(window.end_us),
            count: window.count,
            revision: window.revision,
            is_final: window.is_final,
            measures: window.measures.iter().map(stats).collect(),
        };
        if window.is_final && window.revision == 0 {
            self.metrics.windows_closed.inc();
        }
        self.outbox.push(ResultTopic::Aggregations, name, |out| self.format.write_aggregation(&row, out));
    }

    /// A message that is in no result.
    pub(super) fn reject(&mut self, message: &Message<'_>, reject: &Reject, stage: &'static str) {
        if self.muted {
            return;
        }
        if let (Some(tombstones), Reason::Empty) = (&self.tombstones, reject.reason) {
            tombstones.inc();
            return;
        }
        let reason = ReasonLabel { reason: reject.reason.word().to_owned() };
        if reject.reason == Reason::Late {
            self.metrics.late.inc();
        }
        self.metrics.rejects.get_or_create(&reason).inc();
        self.metrics.dead_letters.get_or_create(&reason).inc();
        let mut headers = self.headers("reading", reject.reason, message, stage);
        headers.push(("message", reject.message.clone().into_bytes()));
        self.push_dead_letter(message, headers);
    }

    /// Counts a finding, without making a label for each.
    fn found(&mut self, plugin: &Plugin, severity: Severity) {
        let is_it = |(digest, role, of, _): &Counted| *of == severity && *role == plugin.role && *digest == plugin.digest;
        let at = self.findings.iter().position(is_it).unwrap_or_else(|| {
            let label = FindingLabel { plugin: plugin.label(), severity: severity.word().to_owned() };
            let counter = self.metrics.findings.get_or_create_owned(&label);
            self.findings.push((plugin.digest.clone(), plugin.role, severity, counter));
            self.findings.len() - 1
        });
        self.findings[at].3.inc();
    }

    /// An accepted reading that a plugin could not take.
    fn plugin_failed(&mut self, message: &Message<'_>, plugin: &Plugin, fault: &Fault, stage: &'static str) {
        if self.muted {
            return;
        }
        let trap = TrapLabel { plugin: plugin.label(), kind: fault.word().to_owned() };
        self.metrics.plugin_traps.get_or_create(&trap).inc();
        self.set_aside(message, Asked::of(plugin), Reason::Plugin, fault.word(), fault.to_string(), stage);
    }

    /// A reading that was sent again for a plugin which could not be asked.
    pub(super) fn not_scored(&mut self, message: &Message<'_>, plugin: &str, why: &str) {
        let asked = Asked { name: plugin, version: "", digest: "" };
        self.set_aside(message, asked, Reason::Plugin, "not-asked", why.to_owned(), "detect");
    }

    fn set_aside(
        &mut self,
        message: &Message<'_>,
        plugin: Asked<'_>,
        reason: Reason,
        kind: &'static str,
        text: String,
        stage: &'static str,
    ) {
        if self.muted {
            return;
        }
        let label = ReasonLabel { reason: reason.word().to_owned() };
        self.metrics.dead_letters.get_or_create(&label).inc();
        let mut headers = self.headers("scoring", reason, message, stage);
        headers.push(("message", text.into_bytes()));
        headers.push(("trap", kind.into()));
        headers.push(("plugin", plugin.name.into()));
        headers.push(("plugin_version", plugin.version.into()));
        headers.push(("plugin_digest", plugin.digest.into()));
        self.push_dead_letter(message, headers);
    }

    fn push_dead_letter(&mut self, message: &Message<'_>, headers: Headers) {
        let sender_headers = self.sender_headers(message);
        let payload = self.parts.as_mut().map_or(message.payload, |parts| parts.alone(message));
        self.outbox.push_dead_letter(&Message { payload, ..*message }, headers, sender_headers);
    }

    /// What fields are read from beside key and value, under names that are none of ours.
    fn sender_headers(&self, message: &Message<'_>) -> Vec<(String, Vec<u8>)> {
        let header = |name: &CString| {
            let value = message.headers?.header(name)?;
            Some((format!("{SENDER_HEADER}{}", name.to_string_lossy()), value.to_vec()))
        };
        self.read_headers.iter().filter_map(header).collect()
    }

    fn headers(&self, kind: &'static str, reason: Reason, message: &Message<'_>, stage: &'static str) -> Headers {
        let mut headers = vec![
            ("kind", kind.into()),
            ("reason", reason.word().into()),
            ("stage", stage.into()),
            ("topic", self.place.topic.clone().into_bytes()),
            ("partition", self.place.partition.to_string().into_bytes()),
            ("offset", message.offset.to_string().into_bytes()),
            ("timestamp", message.timestamp_ms.to_string().into_bytes()),
        ];
        headers.extend(message.element.map(|element| ("element", element.to_string().into_bytes())));
        headers
    }
}

/// The plugin that a reading was for.
#[derive(Clone, Copy, Debug)]
struct Asked<'a> {
    name: &'a str,
    /// Empty where none ran.
    version: &'a str,
    digest: &'a str,
}

impl<'a> Asked<'a> {
    fn of(plugin: &'a Plugin) -> Self {
        Self { name: &plugin.name, version: &plugin.version, digest: &plugin.digest }
    }
}

/// Takes a detector's verdicts on one batch, whose messages are still at hand.
pub(super) struct VerdictsOn<'a, 'm> {
    pub(super) results: &'a mut Results,
    pub(super) messages: &'a [Message<'m>],
    pub(super) offsets: &'a [i64],
    pub(super) elements: &'a [u32],
}

impl<'m> VerdictsOn<'_, 'm> {
    fn message(&self, row: usize) -> Option<Message<'m>> {
        message_at(self.messages, self.offsets[row], self.elements.get(row).copied())
    }
}

impl Verdicts for VerdictsOn<'_, '_> {
    fn found(&mut self, plugin: &Plugin, row: Anomaly<'_>) {
        self.results.found(plugin, row.severity);
        let format = &self.results.format;
        let topic = match plugin.role {
            Role::Shadow | Role::Warming => ResultTopic::ShadowAnomalies,
            Role::Active => ResultTopic::Anomalies,
        };
        self.results.outbox.push(topic, &row.building, |out| format.write_anomaly(&row, out));
    }

    fn failed(&mut self, plugin: &Plugin, row: usize, fault: &Fault) {
        let offset = self.offsets[row];
        tracing::debug!(plugin = plugin.name, version = plugin.version, offset, %fault, "a reading could not be scored");
        if let Some(message) = self.message(row) {
            self.results.plugin_failed(&message, plugin, fault, "detect");
        }
    }

    fn not_asked(&mut self, plugin: &Plugin, row: usize) {
        if let Some(message) = self.message(row) {
            let text = "the plugin has failed too often and is not asked".to_owned();
            self.results.set_aside(&message, Asked::of(plugin), Reason::Quarantined, "quarantined", text, "detect");
        }
    }
}

fn stats(of: &Accumulator) -> MeasureStats {
    MeasureStats { avg: of.mean(), min: of.min(), max: of.max(), sum: of.sum(), count: Some(of.count()) }
}

/// Takes what enrichers could not do with one batch.
pub(super) struct FailuresOn<'a, 'm> {
    pub(super) results: &'a mut Results,
    pub(super) messages: &'a [Message<'m>],
}

impl Failures for FailuresOn<'_, '_> {
    fn failed(&mut self, plugin: &Plugin, offset: i64, element: Option<u32>, fault: &Fault) {
        tracing::debug!(plugin = plugin.name, version = plugin.version, offset, %fault, "a reading could not be enriched");
        if let Some(message) = message_at(self.messages, offset, element) {
            self.results.plugin_failed(&message, plugin, fault, "enrich");
        }
    }
}

/// The message of an offset, with the reading of it that is meant; messages are in offset order.
pub(super) fn message_at<'m>(messages: &[Message<'m>], offset: i64, element: Option<u32>) -> Option<Message<'m>> {
    let at = messages.binary_search_by_key(&offset, |message| message.offset).ok()?;
    Some(Message { element, ..messages[at] })
}
