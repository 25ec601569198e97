//! The way of a batch through one lane: decode, window, enrich, detect; what they say goes to the outbox.

use std::ffi::CStr;
use std::sync::Arc;

use smallvec::SmallVec;

use super::lane::Shared;
use super::results::{FailuresOn, Place, Results, VerdictsOn, message_at};
use super::stage_cpu::{Stage, StageCpu};
use crate::config::Config;
use crate::counter::{Counters, Grown, Implausible, Refused};
use crate::decode::{Decoder, Parts};
use crate::detect::{Detect, Source};
use crate::domain::{Batch, EventTime, Message, MeterId, MeterTable, Moved, Reason, Redriven, Reject};
use crate::enrich::Enrich;
use crate::metrics::{PartitionLabel, PluginLabel};
use crate::registry::{Lineup, Plugin, Role};
use crate::results::RowFormat;
use crate::state::LaneState;
use crate::wasm::{Cost, Kept, LanePlugin, Names, Succession, resume};
use crate::window::{Placed, Plan, Reading, Windows};

/// Rows with which a batch is full: as many as a poll has messages. A plugin's time is for a batch of about that size.
const FULL_BATCH: usize = 4_096;

pub(super) struct Stages {
    shared: Arc<Shared>,
    place: Place,
    decoder: Decoder,
    pub(super) enrich: Enrich,
    pub(super) detect: Detect,
    pub(super) results: Results,
    pub(super) cpu: StageCpu,
    batch: Batch,
    keep: Vec<bool>,
    /// What is processed was answered before: nothing is said or counted.
    replaying: bool,
}

impl Stages {
    pub(super) fn new(shared: Arc<Shared>, partition: i32) -> Self {
        let config = &shared.config;
        let measures = config.measure_names();
        let place = Place { topic: config.kafka.topic.clone(), partition };
        let format = RowFormat::new(&measures);
        let decoder = Decoder::new(&config.input);
        let read_headers = decoder.headers().map(CStr::to_owned).collect();
        let mut results = Results::new(format, place.clone(), shared.metrics.clone(), read_headers, Parts::of(&config.input));
        let label = PartitionLabel { partition: partition.to_string() };
        let tombstones = shared.metrics.tombstones.get_or_create(&label).clone();
        results.tombstones = shared.compacted.then_some(tombstones);
        Self {
            decoder,
            enrich: Enrich::default(),
            detect: Detect::default(),
            results,
            batch: Batch::new(measures.len()),
            keep: Vec::new(),
            replaying: false,
            cpu: StageCpu::new(&shared.metrics),
            place,
            shared,
        }
    }

    /// One step towards another lineup; true when [`Stages::adopt`] takes no longer than another one.
    pub(super) fn prepare(&mut self, next: &Lineup, state: &LaneState) -> bool {
        let enrichers = self.enrich.prepare(next, &state.meters);
        enrichers & self.detect.prepare(next, Names { meters: &state.meters, dictionaries: self.enrich.dictionaries() })
    }

    /// Runs another lineup from the next batch on.
    pub(super) fn adopt(&mut self, next: &Lineup, state: &LaneState) -> Vec<Succession> {
        // Detectors first: what they keep refers to the dictionaries of before.
        let mut successions = self.detect.adopt(next, Names { meters: &state.meters, dictionaries: self.enrich.dictionaries() });
        successions.extend(self.enrich.adopt(next, &state.meters));
        successions
    }

    /// Runs a first lineup, with what its plugins kept in an earlier life of the lane.
    pub(super) fn resume(&mut self, lineup: &Arc<Lineup>, state: &LaneState, mut kept: Vec<Kept>) {
        self.adopt(lineup, state);
        resume(self.enrich.plugins(), &mut kept);
        resume(self.detect.plugins(), &mut kept);
    }

    /// What is processed was answered before, and is only gone through again; or no longer.
    pub(super) fn set_replaying(&mut self, replaying: bool) {
        self.replaying = replaying;
        self.results.muted = replaying;
        self.detect.set_replaying(replaying);
        self.enrich.plugins().for_each(|plugin| plugin.set_replaying(replaying));
    }

    /// Was something decided since this was last asked that a replay could not decide again?
    pub(super) fn take_decided(&mut self) -> bool {
        self.enrich.plugins().chain(self.detect.plugins()).fold(false, |decided, plugin| decided | plugin.take_decided())
    }

    /// Has every plugin store what it knows of meters. False: one of them cannot now.
    pub(super) fn store_all(&mut self, state: &LaneState) -> bool {
        let enrichers = self.enrich.store_all(&state.meters);
        enrichers & self.detect.store_all(Names { meters: &state.meters, dictionaries: self.enrich.dictionaries() })
    }

    /// What a detector keeps about meters.
    pub(super) fn states_of(&mut self, file_stem: &str, state: &LaneState) -> Vec<(MeterId, Vec<u8>)> {
        let names = Names { meters: &state.meters, dictionaries: self.enrich.dictionaries() };
        self.detect.states_of(file_stem, names)
    }

    /// What bringing instances to where others were has taken since this was last asked.
    pub(super) fn take_restoring(&mut self) -> Cost {
        let plugins = self.enrich.plugins().chain(self.detect.plugins());
        plugins
            .map(LanePlugin::take_restoring)
            .fold(Cost::default(), |sum, cost| Cost { elapsed: sum.elapsed + cost.elapsed, cpu: sum.cpu + cost.cpu })
    }

    /// The detector of a file that is to be warmed up, or is.
    pub(super) fn warming(&mut self, file_stem: &str) -> Option<&mut LanePlugin> {
        self.detect.plugins().find(|detector| detector.plugin().role == Role::Warming && detector.plugin().file_stem == file_stem)
    }

    /// The detector of a file that is warmed up begins with nothing, and remembers rows from here on.
    pub(super) fn hold_anew(&mut self, file_stem: &str) {
        if let Some(detector) = self.warming(file_stem) {
            *detector = LanePlugin::new(Arc::clone(detector.plugin()));
            detector.hold();
        }
    }

    /// Takes messages, in offset order and none seen before, all the way.
    pub(super) fn process(&mut self, messages: &[Message<'_>], state: &mut LaneState) {
        let Some(last) = messages.last() else { return };
        state.next_offset = Some(last.offset + 1);
        for part in messages.chunk_by(|one, next| one.redriven.is_none() && next.redriven.is_none()) {
            match &part[0].redriven {
                Some(redriven) => self.score_again(&part[0], redriven, state),
                None => self.process_new(part, state),
            }
        }
        if !self.replaying {
            self.count_costs();
        }
    }

    /// Takes readings and rejects in one batch; in several where messages have many readings each.
    fn process_new(&mut self, mut messages: &[Message<'_>], state: &mut LaneState) {
        while !messages.is_empty() {
            let taken = self.decode(messages, state);
            self.process_batch(&messages[..taken], state);
            messages = &messages[taken..];
        }
    }

    fn process_batch(&mut self, messages: &[Message<'_>], state: &mut LaneState) {
        self.tell_moved(&mut state.meters);
        self.cpu.lap(Stage::Decode);
        self.window(messages, state);
        self.cpu.lap(Stage::Window);
        self.enrich(messages, state);
        self.cpu.lap(Stage::Enrich);
        self.detect(messages, state);
        self.cpu.lap(Stage::Detect);
        if !self.replaying {
            self.shared.metrics.readings.inc_by(self.batch.len() as u64);
        }
    }

    /// One detector scores it, as the reading that it was. It is in a window already, and whoever remembers rows has it.
    fn score_again(&mut self, message: &Message<'_>, redriven: &Redriven<'_>, state: &mut LaneState) {
        let Redriven { plugin, topic, partition, offset, timestamp_ms } = *redriven;
        let messages = [Message { offset, timestamp_ms, ..*message }];
        let here = self.results.set_place(Place { topic: topic.to_owned(), partition });
        self.batch.clear();
        let outcome = self.decoder.decode(&messages[0], &mut state.meters, &mut self.batch);
        if let Err(reject) = outcome {
            self.results.not_scored(&messages[0], plugin, &format!("it is no reading any more: {}", reject.message));
        } else if !state.counters.are_none() {
            let why = "what its counter had grown by is not known any more; windows have it";
            self.results.not_scored(&messages[0], plugin, why);
        } else {
            let Self { detect, enrich, batch, results, .. } = self;
            enrich.run_stateless(batch, &state.meters, &mut FailuresOn { results, messages: &messages });
            let mut verdicts = VerdictsOn { results, messages: &messages, offsets: &batch.offsets, elements: &batch.elements };
            let source = Source { topic, partition };
            let is_it = |other: &Plugin| other.name == plugin && other.role == Role::Active;
            if !detect.run_those(is_it, batch, &state.meters, enrich.dictionaries(), source, &mut verdicts) {
                results.not_scored(&messages[0], plugin, "no detector of this name runs; start it, and send this again");
            }
        }
        self.results.set_place(here);
    }

    /// Decodes messages until the batch is full, and says how many.
    fn decode(&mut self, messages: &[Message<'_>], state: &mut LaneState) -> usize {
        let _span = tracing::trace_span!("decode").entered();
        self.batch.clear();
        for (taken, message) in messages.iter().enumerate() {
            if self.batch.len() >= FULL_BATCH {
                return taken;
            }
            let Self { decoder, results, batch, .. } = self;
            decoder.decode_each(message, &mut state.meters, batch, |element, reject| {
                results.reject(&Message { element, ..*message }, &reject, "decode");
            });
        }
        messages.len()
    }

    /// Says which meters have a name that another building had before them: they are other meters, or were moved.
    fn tell_moved(&self, meters: &mut MeterTable) {
        for Moved { meter, before, is_first } in meters.take_moved().into_iter().filter(|_| !self.replaying) {
            self.shared.metrics.moved_meters.inc();
            if is_first {
                let (meter, before) = (meters.meter(meter), meters.building(before));
                tracing::warn!(
                    meter = meter.name,
                    building = meters.building(meter.building),
                    before,
                    "a meter's name was seen in another building before: these are two meters, and what is known of one is not known \
                     of the other. Where every building numbers its meters from 1, all is well; else the meter was moved, or `building` \
                     is wrong. Each name is said once; `wattdog_moved_meters_total` counts all"
                );
            }
        }
    }

    /// Puts every row into its window, and books what its counters have grown by. Rejected rows leave the batch and book nothing.
    fn window(&mut self, messages: &[Message<'_>], state: &mut LaneState) {
        let _span = tracing::trace_span!("window").entered();
        let Self { batch, results, keep, .. } = self;
        let LaneState { meters, windows, counters, .. } = state;
        #[cfg(test)]
        if self.shared.planted == Some(super::simulation::Planted::WatermarkFirst) {
            super::simulation::move_watermarks_first(batch, meters, windows);
        }
        keep.clear();
        for row in 0..batch.len() {
            let meter = batch.meters[row];
            let reading = Reading {
                building: meters.meter(meter).building,
                said: batch.said(row, meters.fingerprint(meter)),
                time: batch.event_time(row),
                record_time_ms: batch.record_times_ms[row],
            };
            let refused = counters.weigh(batch, row);
            let plans = plans(counters, windows, &reading);
            for (Grown { measure, growth, .. }, plan) in &plans {
                batch.measures[*measure][row] = plan.own(*growth);
            }
            let placed = match refused {
                Some(_) => windows.check(&reading),
                None => windows.place(
                    reading,
                    |measure| batch.measures[measure][row],
                    |building, window| results.window(meters, building, window),
                ),
            };
            let reject = match (placed, refused) {
                (Placed::Accepted, None) => {
                    counters.book(meter);
                    for (Grown { measure, growth, .. }, plan) in &plans {
                        windows.spread(reading.building, *measure, plan, *growth);
                    }
                    keep.push(true);
                    continue;
                }
                (Placed::Accepted, Some(refused)) => {
                    counters.doubt(meter);
                    implausible(&self.shared.config, refused)
                }
                (Placed::TooLate { window_end, watermark }, _) => too_late(reading.time, window_end, watermark),
                (Placed::Repeat, _) => repeat(&meters.meter(meter).name, reading.time),
            };
            keep.push(false);
            if let Some(message) = message_at(messages, batch.offsets[row], batch.element(row)) {
                results.reject(&message, &reject, "window");
            }
        }
        windows.publish_corrected(|building, window| results.window(meters, building, window));
        if keep.contains(&false) {
            batch.retain(keep);
        }
    }

    fn enrich(&mut self, messages: &[Message<'_>], state: &LaneState) {
        let _span = tracing::trace_span!("enrich").entered();
        let Self { enrich, batch, results, .. } = self;
        if batch.is_empty() {
            return;
        }
        enrich.run(batch, &state.meters, &mut FailuresOn { results, messages });
    }

    fn detect(&mut self, messages: &[Message<'_>], state: &LaneState) {
        let _span = tracing::trace_span!("detect").entered();
        let Self { detect, enrich, batch, results, place, .. } = self;
        if batch.is_empty() {
            return;
        }
        let source = Source { topic: &place.topic, partition: place.partition };
        let mut verdicts = VerdictsOn { results, messages, offsets: &batch.offsets, elements: &batch.elements };
        detect.run(batch, &state.meters, enrich.dictionaries(), source, &mut verdicts);
    }

    fn count_costs(&mut self) {
        let metrics = &self.shared.metrics;
        for plugin in self.enrich.plugins().chain(self.detect.plugins()) {
            let cost = plugin.take_cost();
            plugin.plugin().health.spent(cost.cpu);
            let label = PluginLabel { plugin: plugin.plugin().label() };
            metrics.plugin_call.get_or_create(&label).observe(cost.elapsed.as_secs_f64());
            metrics.plugin_cpu.get_or_create(&label).inc_by(cost.cpu.as_secs_f64());
        }
    }

    /// Bytes of memory of each plugin's instance.
    pub(super) fn memory(&mut self) -> impl Iterator<Item = (String, usize)> {
        self.enrich.plugins().chain(self.detect.plugins()).map(|plugin| (plugin.plugin().label(), plugin.memory_bytes()))
    }
}

/// Which growths of the weighed reading are those of a gap, and how they are spread.
fn plans(counters: &Counters, windows: &mut Windows, reading: &Reading) -> SmallVec<[(Grown, Plan); 1]> {
    counters.spread().filter_map(|grown| Some((grown, windows.plan(reading, grown.since_us)?))).collect()
}

fn too_late(time: EventTime, window_end: EventTime, watermark: EventTime) -> Reject {
    let message = format!(
        "{time} is of a window that ended at {window_end}, and its building's latest reading is of {watermark}, which is further on \
         than `window.allowed_lateness`"
    );
    Reject { reason: Reason::Late, message }
}

fn implausible(config: &Config, Refused { measure, why }: Refused) -> Reject {
    let Implausible { value, growth, since_us, limit } = why;
    let (name, measure) = config.input.measures.iter().nth(measure).expect("a counter is a measure");
    let (field, unit, since) = (&measure.field, &measure.unit, EventTime(since_us));
    let by = match measure.counter.as_ref().and_then(|counter| counter.max_rate) {
        Some(rate) => format!("`input.measures.{name}.counter.max_rate` {rate} an hour"),
        None => format!("this meter's history; `input.measures.{name}.counter.max_rate` sets it"),
    };
    let message = format!(
        "`{field}` {value} {unit} is {growth:.3} more than counted until {since}, and at most {limit:.3} is plausible by {by}. If the next \
         readings go on from there, the meter was exchanged and counts from there"
    );
    Reject { reason: Reason::Growth, message }
}

fn repeat(meter: &str, time: EventTime) -> Reject {
    let message =
        format!("meter \"{meter}\" has said the same values of {time} before; `input.repeats = \"keep\"` would take it again");
    Reject { reason: Reason::Repeat, message }
}
