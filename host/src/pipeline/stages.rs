//! The way of a batch through one lane: decode, enrich, window, detect; what they say goes to the outbox.

use std::sync::Arc;

use super::LaneState;
use super::lane::Shared;
use super::results::{Place, Results, VerdictsOn, message_at};
use crate::clock;
use crate::decode::{Decoder, Record};
use crate::detect::{Detect, Source};
use crate::domain::{Batch, EventTime, Reason, Reject};
use crate::enrich::Enrich;
use crate::kafka::Message;
use crate::metrics::PluginLabel;
use crate::results::RowFormat;
use crate::window::Placed;

pub(super) struct Stages {
    shared: Arc<Shared>,
    place: Place,
    decoder: Decoder,
    enrich: Enrich,
    detect: Detect,
    pub(super) results: Results,
    batch: Batch,
    keep: Vec<bool>,
}

impl Stages {
    pub(super) fn new(shared: Arc<Shared>, partition: i32) -> Self {
        let config = &shared.config;
        let measures = config.measure_names();
        let place = Place { topic: config.kafka.topic.clone(), partition };
        let format = RowFormat::new(&measures);
        Self {
            decoder: Decoder::new(&config.input),
            enrich: Enrich::new(&shared.registry.enrichers),
            detect: Detect::new(&shared.registry.detectors, &shared.registry.catalogue),
            results: Results::new(format, place.clone(), shared.metrics.clone(), config.window.size.micros()),
            batch: Batch::new(measures.len()),
            keep: Vec::new(),
            place,
            shared,
        }
    }

    /// Takes messages, in offset order and none seen before, all the way.
    pub(super) fn process(&mut self, messages: &[Message<'_>], state: &mut LaneState) {
        self.decode(messages, state);
        self.enrich(messages, state);
        self.window(messages, state);
        self.detect(messages, state);
        self.shared.metrics.readings.inc_by(self.batch.len() as u64);
    }

    fn decode(&mut self, messages: &[Message<'_>], state: &mut LaneState) {
        self.batch.clear();
        for message in messages {
            let record = Record { offset: message.offset, timestamp_ms: message.timestamp_ms, payload: message.payload };
            if let Err(reject) = self.decoder.decode(record, &mut state.meters, &mut self.batch) {
                self.results.reject(message, &reject, "decode");
            }
        }
    }

    fn enrich(&mut self, messages: &[Message<'_>], state: &LaneState) {
        let Self { enrich, batch, results, .. } = self;
        let offsets = batch.offsets.clone();
        enrich.run(batch, &state.meters, |plugin, row, fault| {
            tracing::warn!(plugin = plugin.name, offset = offsets[row], %fault, "a reading could not be enriched");
            if let Some(message) = message_at(messages, offsets[row]) {
                results.plugin_failed(message, plugin, fault, "enrich");
            }
        });
    }

    /// Puts every row into its window; rows that are too late leave the batch.
    fn window(&mut self, messages: &[Message<'_>], state: &mut LaneState) {
        let Self { batch, results, keep, .. } = self;
        let LaneState { meters, windows, .. } = state;
        keep.clear();
        for row in 0..batch.len() {
            let building = meters.meter(batch.meters[row]).building;
            let placed = windows.place(
                building,
                batch.event_time(row),
                |measure| batch.measures[measure][row],
                |building, window| results.window(meters, building, window),
            );
            keep.push(placed == Placed::Accepted);
            if let Placed::TooLate { watermark } = placed
                && let Some(message) = message_at(messages, batch.offsets[row])
            {
                results.reject(message, &too_late(batch.event_time(row), watermark), "window");
            }
        }
        if keep.contains(&false) {
            batch.retain(keep);
        }
    }

    fn detect(&mut self, messages: &[Message<'_>], state: &LaneState) {
        let Self { detect, enrich, batch, results, place, shared, .. } = self;
        if batch.is_empty() {
            return;
        }
        let source = Source { topic: &place.topic, partition: place.partition };
        let started = clock::monotonic();
        let mut verdicts = VerdictsOn { results, messages, offsets: &batch.offsets };
        detect.run(batch, &state.meters, enrich.dictionaries(), source, &mut verdicts);
        let seconds = started.elapsed().as_secs_f64();
        for (plugin, bytes) in detect.memory_bytes() {
            let label = PluginLabel { plugin: plugin.to_owned() };
            shared.metrics.plugin_call.get_or_create(&label).observe(seconds);
            shared.metrics.plugin_memory.get_or_create(&label).set(i64::try_from(bytes).unwrap_or(i64::MAX));
        }
    }
}

fn too_late(time: EventTime, watermark: EventTime) -> Reject {
    let message = format!("{time} is further behind its building's latest reading {watermark} than `window.allowed_lateness`");
    Reject { reason: Reason::Late, message }
}
