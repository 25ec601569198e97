//! Questions to MongoDB. Only what every server of its protocol answers is asked, so buckets are made here.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use mongodb::bson::{Bson, DateTime, Document, doc};
use mongodb::error::{Error, Result};
use mongodb::options::ClientOptions;
use mongodb::{Client, Collection, Cursor};
use tokio::sync::OnceCell;

use super::{Count, Findings, MOST_CONNECTIONS, Range, Windows};
use crate::domain::EventTime;
use crate::results::{Aggregation, Anomaly, MeasureStats, Severity};
use crate::sink::mongodb::Config;

pub(super) struct Mongo {
    config: Config,
    measures: Vec<String>,
    timeout: Duration,
    client: OnceCell<Client>,
}

impl Mongo {
    pub(super) fn new(config: &Config, measures: &[String], timeout: Duration) -> Self {
        Self { config: config.clone(), measures: measures.to_vec(), timeout, client: OnceCell::new() }
    }

    async fn collection(&self, name: &str) -> Result<Collection<Document>> {
        let client = self.client.get_or_try_init(|| async {
            let mut options = ClientOptions::parse(&self.config.url).await?;
            options.max_pool_size.get_or_insert(MOST_CONNECTIONS);
            options.server_selection_timeout.get_or_insert(self.timeout / 2);
            options.app_name.get_or_insert_with(|| "wattdog".into());
            Client::with_options(options)
        });
        Ok(client.await?.database(&self.config.database).collection(name))
    }

    pub(super) async fn latest(&self) -> Result<Option<EventTime>> {
        let latest = self.collection("aggregations").await?.find_one(doc! {}).sort(doc! { "window_start": -1 }).await?;
        latest.map(|row| time(&row, "window_start")).transpose()
    }

    pub(super) async fn windows(&self, windows: &Windows) -> Result<Vec<Aggregation>> {
        let mut filter = doc! { "window_start": range(windows.range) };
        if let Some(building) = &windows.building {
            filter.insert("building", building);
        }
        let aggregations = self.collection("aggregations").await?;
        let found = aggregations.find(filter).sort(doc! { "window_start": -1, "building": 1 });
        match windows.bucket_s {
            None => self.as_stored(found.limit(windows.limit.into()).await?).await,
            Some(seconds) => self.in_buckets(found.await?, seconds * 1_000_000, windows.limit as usize).await,
        }
    }

    async fn as_stored(&self, mut rows: Cursor<Document>) -> Result<Vec<Aggregation>> {
        let mut answer = Vec::new();
        while rows.advance().await? {
            answer.push(self.window(&rows.deserialize_current()?)?);
        }
        Ok(answer)
    }

    /// `rows`: the latest first.
    async fn in_buckets(&self, mut rows: Cursor<Document>, micros: i64, limit: usize) -> Result<Vec<Aggregation>> {
        let mut buckets = BTreeMap::<(Reverse<EventTime>, String), Bucket>::new();
        while rows.advance().await? {
            let row = self.window(&rows.deserialize_current()?)?;
            let start = EventTime(row.window_start.0.div_euclid(micros) * micros);
            let begins_another = buckets.last_key_value().is_none_or(|((Reverse(earliest), _), _)| start < *earliest);
            if begins_another && buckets.len() >= limit {
                break;
            }
            let key = (Reverse(start), row.building.clone());
            buckets.entry(key).or_insert_with(|| Bucket::new(start, &row)).add(&row);
        }
        Ok(buckets.into_values().take(limit).map(Bucket::finish).collect())
    }

    fn window(&self, row: &Document) -> Result<Aggregation> {
        let measure = |name: &String| {
            let at = |statistic: &str| number(row, &format!("{statistic}_{name}")).unwrap_or(f64::NAN);
            let count = integer(row, &format!("count_{name}")).map(i64::unsigned_abs);
            MeasureStats { avg: at("avg"), min: at("min"), max: at("max"), sum: at("sum"), count }
        };
        Ok(Aggregation {
            building: text(row, "building")?,
            window_start: time(row, "window_start")?,
            window_end: time(row, "window_end")?,
            count: integer(row, "count").unwrap_or_default().unsigned_abs(),
            revision: integer(row, "revision").and_then(|revision| u32::try_from(revision).ok()).unwrap_or_default(),
            is_final: row.get_bool("final").unwrap_or_default(),
            measures: self.measures.iter().map(measure).collect(),
        })
    }

    pub(super) async fn findings(&self, findings: &Findings) -> Result<Vec<Anomaly<'static>>> {
        let mut filter = doc! { "detected_at": range(findings.range) };
        for (field, value) in [("building", &findings.building), ("detector", &findings.detector)] {
            if let Some(value) = value {
                filter.insert(field, value);
            }
        }
        if !findings.severities.is_empty() {
            let words: Vec<&str> = findings.severities.iter().map(|severity| severity.word()).collect();
            filter.insert("severity", doc! { "$in": words });
        }
        if let Some((time, id)) = findings.after {
            let time = date(time);
            let earlier = doc! { "detected_at": { "$lt": time } };
            filter.insert("$or", vec![earlier, doc! { "detected_at": time, "_id": { "$lt": id.to_string() } }]);
        }
        let order = doc! { "detected_at": -1, "_id": -1 };
        let anomalies = self.collection("anomalies").await?;
        let mut rows = anomalies.find(filter).sort(order).limit(findings.limit.into()).await?;
        let mut answer = Vec::new();
        while rows.advance().await? {
            answer.push(self.finding(&rows.deserialize_current()?)?);
        }
        Ok(answer)
    }

    fn finding(&self, row: &Document) -> Result<Anomaly<'static>> {
        let (id, severity) = (text(row, "_id")?, text(row, "severity")?);
        let small = |field| integer(row, field).and_then(|value| i32::try_from(value).ok());
        Ok(Anomaly {
            id: id.parse().map_err(|_| wrong("_id"))?,
            detected_at: time(row, "detected_at")?,
            building: text(row, "building")?.into(),
            floor: small("floor"),
            meter: text(row, "meter")?.into(),
            measures: self.measures.iter().map(|measure| number(row, measure).unwrap_or(f64::NAN)).collect(),
            distance: number(row, "distance"),
            threshold: number(row, "threshold"),
            cluster: small("cluster"),
            severity: Severity::of_word(&severity).ok_or_else(|| wrong("severity"))?,
            score: number(row, "score").unwrap_or(f64::NAN),
            reason: text(row, "reason")?.into(),
            expected: row.get_document("expected").ok().map(|expected| text_of(expected.clone())),
            context: row.get_document("context").ok().map(|context| text_of(flat(context))),
            detector: text(row, "detector")?.into(),
            detector_version: text(row, "detector_version")?.into(),
            detector_digest: text(row, "detector_digest")?.into(),
            source_partition: small("source_partition").unwrap_or_default(),
            source_offset: integer(row, "source_offset").unwrap_or_default(),
        })
    }

    pub(super) async fn counts(&self, within: Range) -> Result<Vec<Count>> {
        let fields = doc! { "building": 1, "severity": 1 };
        let anomalies = self.collection("anomalies").await?;
        let mut rows = anomalies.find(doc! { "detected_at": range(within) }).projection(fields).await?;
        let mut counts = BTreeMap::<(String, String), i64>::new();
        while rows.advance().await? {
            let row = rows.deserialize_current()?;
            *counts.entry((text(&row, "building")?, text(&row, "severity")?)).or_default() += 1;
        }
        Ok(counts.into_iter().map(|((building, severity), count)| Count { building, severity, count }).collect())
    }
}

/// Windows that begin together.
struct Bucket {
    /// Its means are sums until the end, each window's mean as heavy as the readings of the measure.
    row: Aggregation,
}

impl Bucket {
    fn new(start: EventTime, like: &Aggregation) -> Self {
        let nothing = MeasureStats { avg: 0.0, sum: 0.0, ..MeasureStats::NOTHING };
        let measures = vec![nothing; like.measures.len()];
        Self { row: Aggregation { window_start: start, count: 0, is_final: true, measures, ..like.clone() } }
    }

    fn add(&mut self, window: &Aggregation) {
        let row = &mut self.row;
        for (all, one) in row.measures.iter_mut().zip(&window.measures) {
            let weight = one.weight(window.count);
            *all.count.get_or_insert_default() += weight;
            if one.avg.is_nan() {
                continue;
            }
            all.avg += one.avg * weight as f64;
            (all.min, all.max) = (all.min.min(one.min), all.max.max(one.max));
            all.sum += one.sum;
        }
        row.window_end = row.window_end.max(window.window_end);
        row.count += window.count;
        row.revision = row.revision.max(window.revision);
        row.is_final &= window.is_final;
    }

    fn finish(mut self) -> Aggregation {
        for all in &mut self.row.measures {
            let weight = all.count.unwrap_or_default();
            all.avg /= weight as f64;
            if weight == 0 {
                all.sum = f64::NAN;
            }
        }
        self.row
    }
}

/// To the millisecond, which is what BSON has.
fn date(time: EventTime) -> DateTime {
    DateTime::from_millis(time.0.div_euclid(1_000))
}

fn range(range: Range) -> Document {
    doc! { "$gte": date(range.since), "$lt": date(range.until) }
}

/// What is not what our sink writes.
fn wrong(field: &str) -> Error {
    Error::custom(format!("a document has another `{field}` than wattdog writes"))
}

fn time(row: &Document, field: &str) -> Result<EventTime> {
    let time = row.get_datetime(field).map_err(|_| wrong(field))?;
    Ok(EventTime::from_millis(time.timestamp_millis()))
}

fn text(row: &Document, field: &str) -> Result<String> {
    row.get_str(field).map(str::to_owned).map_err(|_| wrong(field))
}

fn integer(row: &Document, field: &str) -> Option<i64> {
    match row.get(field)? {
        Bson::Int32(value) => Some((*value).into()),
        Bson::Int64(value) => Some(*value),
        _ => None,
    }
}

fn number(row: &Document, field: &str) -> Option<f64> {
    row.get_f64(field).ok()
}

/// Documents within documents become keys with dots again, as `calendar.local_hour`.
fn flat(context: &Document) -> Document {
    let mut flat = Document::new();
    for (outer, value) in context {
        match value {
            Bson::Document(nested) => {
                flat.extend(nested.iter().map(|(inner, value)| (format!("{outer}.{inner}"), value.clone())))
            }
            value => drop(flat.insert(outer, value)),
        }
    }
    flat
}

fn text_of(document: Document) -> String {
    Bson::Document(document).into_relaxed_extjson().to_string()
}
