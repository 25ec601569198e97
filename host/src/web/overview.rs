//! How each building is: its last day, and today against the usual. Looked up once for all who ask at about the same time; who asks
//! again has the last answer at once, and past days come by and by.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::Mutex;

use crate::archive::{Archive, ArchiveError, Count, Range, Windows};
use crate::clock;
use crate::config::{Config, Span};
use crate::domain::EventTime;
use crate::results::Aggregation;
use crate::window::Tumbling;

/// An answer of this age is good enough for another who asks; what happens meanwhile comes as an event.
const FRESH: Duration = Duration::from_secs(2);
/// One of this age is good enough while the next is looked up.
const STALE: Duration = Duration::from_secs(60);
const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 24 * HOUR_US;
/// Of a sparkline, where windows are not longer; a day has 48 of them.
const BUCKET_S: i64 = 1_800;
/// Days before today that say what is usual.
const PAST_DAYS: usize = 28;
/// With so many of the same weekday, others say nothing.
const ENOUGH_WEEKDAYS: usize = 3;
/// Rows of a day: a thousand buildings and some.
const MOST_ROWS: u32 = 200_000;

/// The answer.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Overview {
    /// Start of the latest window of all, RFC 3339; none where there is none.
    latest: Option<String>,
    /// Start of the first point of the sparklines, seconds since the epoch.
    since_s: i64,
    /// Between two of their points.
    bucket_s: i64,
    /// By name.
    buildings: Vec<Building>,
}

/// One building.
#[derive(Clone, Debug, Serialize)]
struct Building {
    building: String,
    /// Start of its latest bucket, seconds since the epoch.
    seen_s: i64,
    /// By measure.
    measures: BTreeMap<String, Measure>,
    /// Findings of the last day, by severity.
    anomalies: BTreeMap<String, i64>,
}

/// One measure of one building, in its unit.
#[derive(Clone, Debug, Default, Serialize)]
struct Measure {
    /// Averages of the last day, the oldest first; null where there is none.
    averages: Vec<Option<f64>>,
    /// Sum since midnight.
    today: f64,
    /// The usual sum at this time of such a day; none before a first day has passed.
    usual: Option<f64>,
}

/// Sums of the hours of a past day, for each building and measure.
type Day = HashMap<String, Vec<[f64; 24]>>;

/// Past days by their midnights.
type Days = BTreeMap<EventTime, Arc<Day>>;

pub(super) struct Overviews {
    archive: Arc<Archive>,
    measures: Vec<String>,
    /// Between two points of a sparkline: a window at least, or there would be points without one.
    bucket_s: i64,
    /// From midnight to midnight.
    day: Tumbling,
    last: std::sync::Mutex<Option<(Instant, Arc<Overview>)>>,
    days: std::sync::Mutex<Days>,
    /// Held by whoever looks up the next answer, and by whoever looks up past days.
    asking: Mutex<()>,
    looking: Mutex<()>,
}

impl Overviews {
    /// Of rows in the time zone of the windows.
    pub(super) fn new(archive: Arc<Archive>, config: &Config) -> Result<Self, String> {
        let day = Tumbling::new(Span::from_secs(86_400), &config.window.time_zone)?;
        let bucket_s = BUCKET_S.max(config.window.size.micros() / 1_000_000);
        let (last, days, asking, looking) = Default::default();
        Ok(Self { archive, measures: config.measure_names(), bucket_s, day, last, days, asking, looking })
    }

    pub(super) async fn now(self: &Arc<Self>) -> Result<Arc<Overview>, ArchiveError> {
        match self.known(STALE) {
            Some((age, answer)) => {
                if age >= FRESH {
                    let this = Arc::clone(self);
                    tokio::spawn(async move {
                        if let Err(error) = this.refresh().await {
                            tracing::debug!(%error, "no newer overview");
                        }
                    });
                }
                Ok(answer)
            }
            None => self.refresh().await,
        }
    }

    /// The last answer and its age, where that is less.
    fn known(&self, limit: Duration) -> Option<(Duration, Arc<Overview>)> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, answer) = last.as_ref()?;
        Some((at.elapsed(), Arc::clone(answer))).filter(|(age, _)| *age < limit)
    }

    /// Another answer, or the one for which somebody else has just asked.
    async fn refresh(self: &Arc<Self>) -> Result<Arc<Overview>, ArchiveError> {
        let _asking = self.asking.lock().await;
        if let Some((_, answer)) = self.known(FRESH) {
            return Ok(answer);
        }
        let answer = Arc::new(self.ask().await?);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((clock::monotonic(), Arc::clone(&answer)));
        Ok(answer)
    }

    async fn ask(self: &Arc<Self>) -> Result<Overview, ArchiveError> {
        let Some(latest) = self.archive.latest().await? else {
            return Ok(Overview { latest: None, since_s: 0, bucket_s: self.bucket_s, buildings: Vec::new() });
        };
        let bucket_us = self.bucket_s * 1_000_000;
        // A bucket is no shorter than a window, and findings of the latest window are later than its start.
        let until = EventTime(latest.0 + bucket_us);
        let since = EventTime((latest.0 - DAY_US).div_euclid(bucket_us) * bucket_us + bucket_us);
        let day = Range { since, until };
        let (rows, counts) = tokio::try_join!(self.windows(day, self.bucket_s), self.archive.counts(day))?;
        let midnights = midnights(latest, self.day.clone());
        let days = self.days_of(&midnights);
        let Some(&today) = midnights.first() else { unreachable!("today has begun") };
        let mut buildings = BTreeMap::<&str, Building>::new();
        for row in &rows {
            self.add(buildings.entry(&row.building).or_insert_with(|| self.building(&row.building)), row, since, today);
        }
        let usual = Usual { days: &days, midnights: &midnights, hours: (latest.0 - today.0) as f64 / HOUR_US as f64 };
        for (name, building) in &mut buildings {
            for (index, measure) in self.measures.iter().enumerate() {
                building.measures.entry(measure.clone()).or_default().usual = usual.sum(name, index);
            }
        }
        for Count { building, severity, count } in counts {
            if let Some(building) = buildings.get_mut(building.as_str()) {
                building.anomalies.insert(severity, count);
            }
        }
        Ok(Overview {
            latest: Some(latest.to_string()),
            since_s: since.0 / 1_000_000,
            bucket_s: self.bucket_s,
            buildings: buildings.into_values().collect(),
        })
    }

    async fn windows(&self, range: Range, bucket_s: i64) -> Result<Vec<Aggregation>, ArchiveError> {
        self.archive.windows(&Windows { building: None, range, bucket_s: Some(bucket_s), limit: MOST_ROWS }).await
    }

    fn building(&self, name: &str) -> Building {
        let points = (DAY_US / 1_000_000 + self.bucket_s - 1) / self.bucket_s;
        let nothing = || Measure { averages: vec![None; points as usize], ..Measure::default() };
        let measures = self.measures.iter().map(|measure| (measure.clone(), nothing())).collect();
        Building { building: name.to_owned(), seen_s: 0, measures, anomalies: BTreeMap::new() }
    }

    fn add(&self, building: &mut Building, row: &Aggregation, since: EventTime, today: EventTime) {
        let start_s = row.window_start.0.div_euclid(1_000_000);
        building.seen_s = building.seen_s.max(start_s);
        let point = usize::try_from((start_s - since.0 / 1_000_000) / self.bucket_s).unwrap_or(0);
        for (name, stats) in self.measures.iter().zip(&row.measures) {
            let Some(measure) = building.measures.get_mut(name) else { continue };
            if let Some(average) = measure.averages.get_mut(point) {
                *average = stats.avg.is_finite().then_some(stats.avg);
            }
            if row.window_start >= today && stats.sum.is_finite() {
                measure.today += stats.sum;
            }
        }
    }

    /// Past days as far as they are known; the others are looked up meanwhile, one after the other, the latest first.
    fn days_of(self: &Arc<Self>, midnights: &[EventTime]) -> Days {
        let mut days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        days.retain(|midnight, _| midnights.contains(midnight));
        let pairs = midnights.iter().copied().zip(midnights[1..].iter().copied());
        let missing: Vec<_> = pairs.filter(|(_, since)| !days.contains_key(since)).collect();
        if !missing.is_empty() {
            let this = Arc::clone(self);
            tokio::spawn(async move {
                let Ok(_looking) = this.looking.try_lock() else { return };
                for (until, since) in missing {
                    match this.look_up(since, until).await {
                        Ok(day) => this.days.lock().unwrap_or_else(PoisonError::into_inner).insert(since, Arc::new(day)),
                        Err(error) => return tracing::debug!(%error, "what is usual is not known yet"),
                    };
                }
            });
        }
        days.clone()
    }

    /// Asked for once; late readings change little of what is usual.
    async fn look_up(&self, since: EventTime, until: EventTime) -> Result<Day, ArchiveError> {
        let mut day = Day::new();
        for row in self.windows(Range { since, until }, HOUR_US / 1_000_000).await? {
            let hour = usize::try_from((row.window_start.0 - since.0) / HOUR_US).unwrap_or(0).min(23);
            let hours = day.entry(row.building).or_insert_with(|| vec![[0.0; 24]; self.measures.len()]);
            for (hours, stats) in hours.iter_mut().zip(&row.measures) {
                hours[hour] += if stats.sum.is_finite() { stats.sum } else { 0.0 };
            }
        }
        Ok(day)
    }
}

/// Midnights, today's first, then those of past days.
fn midnights(now: EventTime, mut day: Tumbling) -> Vec<EventTime> {
    let today = EventTime(day.bounds(now).start_us);
    let before = |midnight: &EventTime| Some(EventTime(day.bounds(EventTime(midnight.0 - 1)).start_us));
    std::iter::successors(Some(today), before).take(PAST_DAYS + 1).collect()
}

/// What past days say.
struct Usual<'d> {
    days: &'d Days,
    midnights: &'d [EventTime],
    /// Of today, that have passed.
    hours: f64,
}

impl Usual<'_> {
    /// The median of past days' sums up to this hour: of those of the same weekday where there are enough, else of all.
    fn sum(&self, building: &str, measure: usize) -> Option<f64> {
        let of_day = |back: usize| {
            let hours = &self.days.get(self.midnights.get(back)?)?.get(building)?[measure];
            let share = |hour: usize| (self.hours - hour as f64).clamp(0.0, 1.0);
            Some(hours.iter().enumerate().map(|(hour, sum)| sum * share(hour)).sum::<f64>())
        };
        let same_weekday: Vec<f64> = (7..self.midnights.len()).step_by(7).filter_map(of_day).collect();
        let sums = if same_weekday.len() >= ENOUGH_WEEKDAYS {
            same_weekday
        } else {
            (1..self.midnights.len()).filter_map(of_day).collect()
        };
        median(sums)
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}
