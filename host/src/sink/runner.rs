//! The life of a sink: read, write, commit; wait while its store is away; set aside what the store refuses.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::batch::Place;
use super::outage::Outage;
use super::retention::{Retention, SLICE};
use super::{RowBatch, SetAside, Sink, SinkError, Standing};
use crate::clock;
use crate::kafka::{LostRows, ResultReader};
use crate::metrics::{LostLabel, Metrics, SinkLabel};
use crate::results::{ResultTopic, RowFormat};

const POLL: Duration = Duration::from_millis(200);
/// How often the lag is asked for.
const LAG_INTERVAL: Duration = Duration::from_secs(2);
/// How often partitions may come and go while the store is asked.
const SERVE_INTERVAL: Duration = Duration::from_millis(100);
/// How long a store may keep a stop waiting; what it has by then or not is written again.
const LAST_ANSWER: Duration = Duration::from_secs(5);
/// How long a wait may keep a stop waiting.
const STOP_INTERVAL: Duration = Duration::from_millis(100);

/// A running sink.
pub struct SinkHandle {
    name: &'static str,
    stop: Arc<AtomicBool>,
    standing: Standing,
    thread: JoinHandle<()>,
}

impl SinkHandle {
    /// Asks it to finish its batch and end.
    pub fn request_stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Its name, and what can be asked about its store while it runs.
    #[must_use]
    pub fn standing(&self) -> (&'static str, Standing) {
        (self.name, self.standing.clone())
    }

    /// Waits for it.
    pub fn join(self) {
        self.request_stop();
        if self.thread.join().is_err() {
            tracing::error!(sink = self.name, "a sink ended in a panic");
        }
    }
}

/// Starts a sink on a thread of its own; what it awaits runs on `runtime`.
///
/// # Errors
/// When the system has no thread left.
pub fn spawn<S: Sink + 'static>(
    sink: S,
    reader: ResultReader,
    format: RowFormat,
    aside: SetAside,
    metrics: Metrics,
    runtime: Handle,
) -> std::io::Result<SinkHandle> {
    let stop = Arc::new(AtomicBool::new(false));
    let name = sink.name();
    metrics.begin_sink(name);
    let standing = Standing::default();
    let runner = Runner {
        reader,
        format,
        aside,
        retention: Retention::new(name, sink.keep()),
        sink,
        metrics,
        runtime,
        stop: Arc::clone(&stop),
        standing: standing.clone(),
        taken: RowBatch::default(),
        ready: false,
        lag_asked: clock::monotonic(),
    };
    let thread = std::thread::Builder::new().name(format!("sink-{name}")).spawn(move || runner.run())?;
    Ok(SinkHandle { name, stop, standing, thread })
}

struct Runner<S> {
    sink: S,
    reader: ResultReader,
    format: RowFormat,
    aside: SetAside,
    retention: Retention,
    metrics: Metrics,
    runtime: Handle,
    stop: Arc<AtomicBool>,
    standing: Standing,
    /// A row of each table that the store took.
    taken: RowBatch,
    /// The store is connected and has its tables.
    ready: bool,
    lag_asked: Instant,
}

impl<S: Sink> Runner<S> {
    fn run(mut self) {
        self.follow();
        self.reader.leave();
    }

    /// Until it is told to stop.
    fn follow(&mut self) {
        self.tell_away(Duration::ZERO);
        if !self.connect_patiently() {
            return;
        }
        while !self.stopping() {
            let mut batch = self.read();
            self.tell_lost();
            self.tell_lag();
            batch.deduplicate();
            if !batch.is_empty() && !self.store(batch) {
                return;
            }
            if !self.write_dead_letters() {
                return;
            }
            self.reader.commit();
            self.delete_old_rows();
        }
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn label(&self) -> SinkLabel {
        SinkLabel { sink: self.sink.name().to_owned() }
    }

    fn tell_lag(&mut self) {
        if self.lag_asked.elapsed() < LAG_INTERVAL {
            return;
        }
        self.lag_asked = clock::monotonic();
        let queued = i64::try_from(self.reader.queued()).unwrap_or(i64::MAX);
        self.metrics.sink_queued.get_or_create(&self.label()).set(queued);
        if let Some(lag) = self.reader.lag() {
            self.metrics.sink_lag.get_or_create(&self.label()).set(lag);
        }
    }

    /// Rows that were deleted before this sink read them.
    fn tell_lost(&mut self) {
        for LostRows { topic, partition, offsets } in self.reader.take_lost() {
            let (sink, rows) = (self.sink.name(), offsets.end - offsets.start);
            let label = LostLabel::of(sink, &topic, partition);
            self.metrics.lost_records.get_or_create(&label).inc_by(rows.unsigned_abs());
            tracing::error!(
                sink,
                topic,
                partition,
                from = offsets.start,
                until = offsets.end,
                "the broker has deleted {rows} rows that this store never had: the topic's `retention.ms` or `retention.bytes` is \
                 smaller than what the store was behind, or they were deleted on demand"
            );
        }
    }

    fn tell_away(&self, time: Duration) {
        self.metrics.sink_away.get_or_create(&self.label()).set(time.as_secs_f64());
    }

    fn read(&mut self) -> RowBatch {
        let mut batch = RowBatch::default();
        let Self { reader, format, aside, .. } = self;
        reader.read(POLL, |topic, message| {
            let (json, place) = (message.payload().unwrap_or_default(), Place::of(message));
            let parsed = match topic {
                ResultTopic::Aggregations => format.read_aggregation(json).map(|row| batch.aggregations.push(row, place)),
                ResultTopic::Anomalies => format.read_anomaly(json).map(|row| batch.anomalies.push(row, place)),
                ResultTopic::ShadowAnomalies => format.read_anomaly(json).map(|row| batch.shadow_anomalies.push(row, place)),
                ResultTopic::DeadLetters | ResultTopic::State | ResultTopic::Repartition => {
                    unreachable!("no row, so not read for a sink")
                }
            };
            if let Err(error) = parsed {
                aside.unreadable(topic, message, &error.to_string());
            }
        });
        batch
    }

    /// Stores a batch whole or, where the store refuses a row, without that row. False: stopped before it was stored.
    fn store(&mut self, batch: RowBatch) -> bool {
        let mut parts = vec![batch];
        while let Some(part) = parts.pop() {
            match self.write_patiently(&part) {
                None => return false,
                Some(Ok(())) => {
                    self.metrics.sink_rows.get_or_create(&self.label()).inc_by(part.len() as u64);
                    self.taken.remember_one_of_each(&part);
                }
                Some(Err(words)) if part.len() == 1 => self.aside.refused(&part, &words),
                Some(Err(_)) => parts.extend(part.halves().into_iter().rev().filter(|half| !half.is_empty())),
            }
        }
        true
    }

    /// Connects before there are rows, so that a store that is away is known. False: stopped before it answered.
    fn connect_patiently(&mut self) -> bool {
        let mut outage = Outage::new(self.sink.name());
        while let Err(error) = self.ask(async |_| Ok(())) {
            if !self.wait(&mut outage, &error.to_string()) {
                return false;
            }
        }
        self.is_back(&outage);
        true
    }

    /// Writes, waiting while the store is away. None: stopped meanwhile; an error: the store's words on a row, or on several of which
    /// one may be at fault.
    fn write_patiently(&mut self, batch: &RowBatch) -> Option<Result<(), String>> {
        let _span = tracing::trace_span!("store", sink = self.sink.name(), rows = batch.len()).entered();
        let mut outage = Outage::new(self.sink.name());
        let mut suspected = false;
        loop {
            let reason = match self.ask(async |sink| sink.write(batch).await) {
                Err(SinkError::Unavailable(reason)) => reason,
                // The row is at fault where the store takes another one both before and after it is tried again.
                Err(SinkError::Unclear(reason)) if batch.len() == 1 => {
                    let before = std::mem::replace(&mut suspected, self.takes_another(batch));
                    match (before, suspected) {
                        (true, true) => return Some(Err(reason)),
                        (false, true) => continue,
                        (_, false) => reason,
                    }
                }
                answer => {
                    self.is_back(&outage);
                    return Some(answer.map_err(|refusal| refusal.to_string()));
                }
            };
            if !self.wait(&mut outage, &reason) {
                return None;
            }
        }
    }

    /// Whether the store takes a row of the same table that it took before: then it is not at fault.
    fn takes_another(&mut self, than: &RowBatch) -> bool {
        let another = self.taken.of_the_tables_of(than);
        !another.is_empty() && self.ask(async |sink| sink.write(&another).await).is_ok()
    }

    /// While the store is away. False: told to stop.
    fn wait(&mut self, outage: &mut Outage, reason: &str) -> bool {
        let wait = outage.goes_on(reason, "the store is away; rows wait in Kafka, nothing is lost");
        self.tell_away(outage.elapsed());
        if let Some(since) = outage.since() {
            self.standing.set_away(since, reason);
        }
        self.pause(wait)
    }

    fn is_back(&self, outage: &Outage) {
        outage.over();
        self.tell_away(Duration::ZERO);
        self.standing.set_there();
    }

    /// The store's answer, after connecting where that is to be done. What it cannot prepare is never a row's fault.
    fn ask<T>(&mut self, question: impl AsyncFnOnce(&mut S) -> Result<T, SinkError>) -> Result<T, SinkError> {
        let Self { sink, ready, runtime, reader, stop, .. } = self;
        let mut stopping = None;
        let answer = runtime.block_on(async {
            let mut answer = std::pin::pin!(async {
                if !*ready {
                    sink.prepare().await.map_err(|error| SinkError::Unavailable(error.to_string()))?;
                }
                question(sink).await
            });
            // A store that takes its time holds up no rebalance of the group.
            loop {
                tokio::select! {
                    answer = &mut answer => break answer,
                    () = tokio::time::sleep(SERVE_INTERVAL) => reader.serve(Duration::ZERO),
                }
                if stop.load(Ordering::Relaxed) && stopping.get_or_insert_with(clock::monotonic).elapsed() > LAST_ANSWER {
                    break Err(SinkError::Unavailable(format!("no answer within {LAST_ANSWER:?} after it was told to stop")));
                }
            }
        });
        *ready = !matches!(answer, Err(SinkError::Unavailable(_)));
        answer
    }

    /// Waits, and meanwhile says how far it is behind and lets partitions go to others. False: told to stop.
    fn pause(&mut self, time: Duration) -> bool {
        let end = clock::monotonic() + time;
        while !self.stopping() {
            let left = end.saturating_duration_since(clock::monotonic());
            if left.is_zero() {
                return true;
            }
            self.reader.serve(left.min(STOP_INTERVAL));
            self.tell_lag();
        }
        false
    }

    /// Writes dead letters, waiting while the broker is away. False: stopped before they were written.
    fn write_dead_letters(&mut self) -> bool {
        let mut outage = Outage::new(self.sink.name());
        while let Err(error) = self.aside.write() {
            let wait = outage.goes_on(&error.to_string(), "rows cannot be set aside; the sink waits, nothing is lost");
            if !self.pause(wait) {
                return false;
            }
        }
        true
    }

    /// Deletes one slice of what was kept long enough, so that new rows wait for one statement and not for all.
    fn delete_old_rows(&mut self) {
        let Some(before) = self.retention.due() else { return };
        match self.ask(async |sink| sink.delete_older(before, SLICE).await) {
            Ok(rows) => {
                self.metrics.sink_deleted.get_or_create(&self.label()).inc_by(rows);
                self.retention.deleted(rows);
            }
            Err(error) => self.retention.failed(&error.to_string()),
        }
    }
}
