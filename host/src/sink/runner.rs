//! The life of a sink: read, write, commit; wait while its store is away; set aside what the store refuses.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rand::RngExt as _;
use tokio::runtime::Handle;

use super::{RowBatch, Sink, SinkError};
use crate::clock;
use crate::kafka::ResultReader;
use crate::metrics::{Metrics, SinkLabel};
use crate::results::{ResultTopic, RowFormat};

const POLL: Duration = Duration::from_millis(200);
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);
/// How often the lag is asked for.
const LAG_INTERVAL: Duration = Duration::from_secs(2);

/// A running sink.
pub struct SinkHandle {
    name: &'static str,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl SinkHandle {
    /// Asks it to finish its batch and end.
    pub fn request_stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
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
    metrics: Metrics,
    runtime: Handle,
) -> std::io::Result<SinkHandle> {
    let stop = Arc::new(AtomicBool::new(false));
    let name = sink.name();
    let runner = Runner { sink, reader, format, metrics, runtime, stop: Arc::clone(&stop), ready: false };
    let thread = std::thread::Builder::new().name(format!("sink-{name}")).spawn(move || runner.run())?;
    Ok(SinkHandle { name, stop, thread })
}

struct Runner<S> {
    sink: S,
    reader: ResultReader,
    format: RowFormat,
    metrics: Metrics,
    runtime: Handle,
    stop: Arc<AtomicBool>,
    ready: bool,
}

impl<S: Sink> Runner<S> {
    fn run(mut self) {
        let mut asked = clock::monotonic();
        while !self.stopping() {
            let mut batch = self.read();
            if self.ready && asked.elapsed() >= LAG_INTERVAL {
                asked = clock::monotonic();
                if let Some(lag) = self.reader.lag() {
                    self.metrics.sink_lag.get_or_create(&self.label()).set(lag);
                }
            }
            if batch.is_empty() {
                continue;
            }
            batch.deduplicate();
            if !self.store(batch) {
                return;
            }
            self.reader.commit();
        }
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn label(&self) -> SinkLabel {
        SinkLabel { sink: self.sink.name().to_owned() }
    }

    fn read(&mut self) -> RowBatch {
        let mut batch = RowBatch::default();
        let Self { reader, format, .. } = self;
        let name = self.sink.name();
        reader.read(POLL, |topic, json| {
            let parsed = match topic {
                ResultTopic::Aggregations => format.read_aggregation(json).map(|row| batch.aggregations.push(row)),
                ResultTopic::Anomalies => format.read_anomaly(json).map(|row| batch.anomalies.push(row)),
                ResultTopic::ShadowAnomalies => format.read_anomaly(json).map(|row| batch.shadow_anomalies.push(row)),
                ResultTopic::DeadLetters | ResultTopic::State => unreachable!("no row, so not read for a sink"),
            };
            if let Err(error) = parsed {
                tracing::warn!(sink = name, %error, "a record of a result topic is left out");
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
                }
                Some(Err(reason)) if part.len() == 1 => {
                    tracing::error!(sink = self.sink.name(), reason, row = ?part, "the store refuses a row; it is left out");
                }
                Some(Err(_)) => parts.extend(part.halves().into_iter().rev().filter(|half| !half.is_empty())),
            }
        }
        true
    }

    /// Writes, waiting while the store is away. None: stopped meanwhile; an error: the store's words on a row.
    fn write_patiently(&mut self, batch: &RowBatch) -> Option<Result<(), String>> {
        let mut outage = Outage::new(self.sink.name());
        loop {
            let answer = self.runtime.block_on(async {
                if !self.ready {
                    self.sink.prepare().await?;
                }
                self.sink.write(batch).await
            });
            match answer {
                Ok(()) => {
                    self.ready = true;
                    outage.over();
                    return Some(Ok(()));
                }
                Err(SinkError::Refused(reason)) => return Some(Err(reason)),
                Err(SinkError::Unavailable(reason)) => {
                    self.ready = false;
                    if self.stopping() {
                        return None;
                    }
                    outage.wait(&reason);
                }
            }
        }
    }
}

/// Says that a store is away, at growing intervals, and that it is back.
struct Outage {
    sink: &'static str,
    since: Option<std::time::Instant>,
    backoff: Duration,
}

impl Outage {
    fn new(sink: &'static str) -> Self {
        Self { sink, since: None, backoff: FIRST_BACKOFF }
    }

    fn wait(&mut self, reason: &str) {
        self.since.get_or_insert_with(clock::monotonic);
        tracing::warn!(sink = self.sink, reason, "the store is away; rows wait in Kafka, nothing is lost");
        // Jitter, so that several hosts do not come back at the same instant.
        std::thread::sleep(self.backoff.mul_f64(rand::rng().random_range(0.5..1.0)));
        self.backoff = (self.backoff * 2).min(LONGEST_BACKOFF);
    }

    fn over(&self) {
        if let Some(since) = self.since {
            tracing::info!(sink = self.sink, seconds = since.elapsed().as_secs(), "the store is back");
        }
    }
}
