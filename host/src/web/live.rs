//! What happens now, as server-sent events: made once for all that look, and not at all while nobody does.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use serde::Deserialize;
use tokio::sync::broadcast;

use crate::clock;
use crate::config::Config;
use crate::kafka::{KafkaError, Settings, Tail};

/// How often those who look hear of new rows.
const TICK: Duration = Duration::from_millis(500);
/// How often they hear how the host is.
const STATUS_INTERVAL: Duration = Duration::from_secs(2);
/// Most findings of one tick that are shown; of more, the latest.
const MOST_FINDINGS: usize = 50;
/// Likewise, windows of one building: one that ended, the next, and a correction or two.
const MOST_WINDOWS: usize = 4;
/// Most records of one tick that are looked at: all open windows of a few thousand buildings.
const MOST_RECORDS: usize = 4_000;
/// Of more, nothing is looked at for so long, so that those who look cost little at any rate.
const FLOOD_PAUSE: Duration = Duration::from_millis(1_500);
/// Ticks that wait for a slow browser; then it misses some, and is told.
const QUEUED: usize = 16;
/// How long to wait for a broker that is away.
const PATIENCE: Duration = Duration::from_secs(2);

/// Who looks, and what they are told.
#[derive(Clone)]
pub(super) struct Live(broadcast::Sender<Bytes>);

impl Live {
    /// Starts the thread that looks for them. `status`: how the host is, as JSON.
    pub(super) fn start(config: &Config, status: impl Fn() -> String + Send + 'static) -> std::io::Result<Self> {
        let live = Self(broadcast::Sender::new(QUEUED));
        let settings = Settings::of(&config.kafka);
        let teller = Teller {
            live: live.clone(),
            settings,
            aggregations: config.topics.aggregations.clone(),
            anomalies: config.topics.anomalies.clone(),
            status: Box::new(status),
        };
        std::thread::Builder::new().name("live".into()).spawn(move || teller.run())?;
        Ok(live)
    }

    /// From now on.
    pub(super) fn listen(&self) -> broadcast::Receiver<Bytes> {
        self.0.subscribe()
    }
}

/// The part of a row by which a later one replaces it.
#[derive(Deserialize)]
struct Key<'r> {
    #[serde(borrow)]
    window_start: Cow<'r, str>,
}

struct Teller {
    live: Live,
    settings: Settings,
    aggregations: String,
    anomalies: String,
    status: Box<dyn Fn() -> String + Send>,
}

impl Teller {
    /// To the end of the process.
    fn run(self) {
        let (mut tail, mut skipping) = (None, false);
        let mut last_status: Option<Instant> = None;
        loop {
            if self.live.0.receiver_count() == 0 {
                (tail, last_status, skipping) = (None, None, false);
                std::thread::sleep(TICK / 5);
                continue;
            }
            let now = clock::monotonic();
            if last_status.is_none_or(|last| now.duration_since(last) >= STATUS_INTERVAL) {
                last_status = Some(now);
                self.tell("status", (self.status)());
            }
            if tail.is_none() {
                tail = Tail::open(&self.settings, &[&self.aggregations, &self.anomalies]).ok();
            }
            let told = tail.as_mut().map(|tail| self.tick(tail, &mut skipping));
            if !matches!(told, Some(Ok(()))) {
                // The next one begins with what is new then.
                (tail, skipping) = (None, true);
                std::thread::sleep(PATIENCE);
            }
        }
    }

    /// `skipping`: rows have been skipped, and nobody was told yet.
    fn tick(&self, tail: &mut Tail, skipping: &mut bool) -> Result<(), KafkaError> {
        let flooded = self.rows(tail)?;
        if flooded {
            *skipping = true;
            return tail.rest(FLOOD_PAUSE);
        }
        // Only when it is over: every browser then asks for all that it shows.
        if std::mem::take(skipping) {
            self.tell("missed", "{}".to_owned());
        }
        Ok(())
    }

    fn tell(&self, event: &str, data: String) {
        // Whoever has gone meanwhile need not hear it.
        let _ = self.live.0.send(format!("event: {event}\ndata: {data}\n\n").into());
    }

    /// Tells a tick's rows, as they stand in the topics: of each building the last windows, and the last findings. True: there are
    /// more.
    fn rows(&self, tail: &mut Tail) -> Result<bool, KafkaError> {
        let mut windows = HashMap::<Box<[u8]>, BTreeMap<String, String>>::new();
        let mut findings = VecDeque::new();
        let flooded = tail.read(TICK, MOST_RECORDS, |topic, building, row| {
            let Ok(row) = std::str::from_utf8(row) else { return };
            if topic == self.aggregations {
                let Ok(Key { window_start }) = serde_json::from_str(row) else { return };
                let of_building = windows.entry(building.into()).or_default();
                of_building.insert(window_start.into_owned(), row.to_owned());
                if of_building.len() > MOST_WINDOWS {
                    of_building.pop_first();
                }
            } else {
                findings.push_back(row.to_owned());
                if findings.len() > MOST_FINDINGS {
                    findings.pop_front();
                }
            }
        })?;
        let windows: Vec<_> = windows.into_values().flat_map(BTreeMap::into_values).collect();
        let findings: Vec<_> = findings.into();
        if !windows.is_empty() || !findings.is_empty() {
            self.tell("rows", format!(r#"{{"windows":[{}],"anomalies":[{}]}}"#, windows.join(","), findings.join(",")));
        }
        Ok(flooded)
    }
}

/// What one listener gets: every tick, or word that some were missed.
pub(super) fn stream(live: &Live) -> impl futures_util::Stream<Item = Result<Bytes, std::convert::Infallible>> + use<> {
    let first = Bytes::from_static(b"retry: 2000\n\n");
    futures_util::stream::unfold((live.listen(), Some(first)), async |(mut receiver, first)| {
        if let Some(first) = first {
            return Some((Ok(first), (receiver, None)));
        }
        match receiver.recv().await {
            Ok(event) => Some((Ok(event), (receiver, None))),
            Err(broadcast::error::RecvError::Lagged(_)) => {
                Some((Ok(Bytes::from_static(b"event: missed\ndata: {}\n\n")), (receiver, None)))
            }
            Err(broadcast::error::RecvError::Closed) => None,
        }
    })
}
