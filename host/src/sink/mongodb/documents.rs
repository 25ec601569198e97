//! Rows as documents, with the field names of the tables.

use mongodb::bson::{Bson, DateTime, Document, doc};
use uuid::Uuid;

use crate::domain::EventTime;
use crate::results::{Aggregation, Anomaly};

/// Of building and window start, so that an update goes by the key that every server looks up fastest.
fn id(row: &Aggregation) -> String {
    let name = format!("{}/{}", row.building, row.window_start.0);
    Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()).to_string()
}

/// Finds the row's window, unless what is there says more.
pub(super) fn no_newer_than(row: &Aggregation) -> Document {
    let (revision, count) = (i64::from(row.revision), row.count as i64);
    let mut no_newer = vec![
        doc! { "revision": { "$lt": revision } },
        doc! { "revision": revision, "final": row.is_final, "count": { "$lte": count } },
    ];
    if row.is_final {
        no_newer.push(doc! { "revision": revision, "final": false });
    }
    doc! { "_id": id(row), "$or": no_newer }
}

pub(super) fn aggregation(row: &Aggregation, measures: &[String]) -> Document {
    let mut document = doc! {
        "_id": id(row),
        "building": &row.building,
        "window_start": time(row.window_start),
        "window_end": time(row.window_end),
        "count": row.count as i64,
        "revision": row.revision as i64,
        "final": row.is_final,
        "recorded_at": DateTime::now(),
    };
    for (measure, stats) in measures.iter().zip(&row.measures) {
        for (statistic, value) in [("avg", stats.avg), ("min", stats.min), ("max", stats.max), ("sum", stats.sum)] {
            document.insert(format!("{statistic}_{measure}"), number(value));
        }
        document.insert(format!("count_{measure}"), stats.count.map(|count| count as i64));
    }
    document
}

pub(super) fn anomaly(row: &Anomaly<'_>, measures: &[String]) -> Document {
    let mut document = doc! {
        "_id": row.id.to_string(),
        "detected_at": time(row.detected_at),
        "building": &*row.building,
        "floor": row.floor,
        "meter": &*row.meter,
        "distance": row.distance,
        "threshold": row.threshold,
        "cluster": row.cluster,
        "severity": row.severity.word(),
        "score": number(row.score),
        "reason": &*row.reason,
        "expected": json(row.expected.as_deref()),
        "context": json(row.context.as_deref()),
        "detector": &*row.detector,
        "detector_version": &*row.detector_version,
        "detector_digest": &*row.detector_digest,
        "source_partition": row.source_partition,
        "source_offset": row.source_offset,
        "recorded_at": DateTime::now(),
    };
    for (measure, value) in measures.iter().zip(&row.measures) {
        document.insert(measure, number(*value));
    }
    document
}

/// To the millisecond, which is what BSON has.
pub(super) fn time(time: EventTime) -> DateTime {
    DateTime::from_millis(time.0.div_euclid(1_000))
}

/// Null for what is not finite: servers of this protocol differ on it.
fn number(value: f64) -> Bson {
    if value.is_finite() { Bson::Double(value) } else { Bson::Null }
}

/// Keys with dots, as `calendar.local_hour`, become documents within documents, as queries expect.
fn json(text: Option<&str>) -> Bson {
    let Some(serde_json::Value::Object(fields)) = text.and_then(|text| serde_json::from_str(text).ok()) else {
        return Bson::Null;
    };
    let mut document = Document::new();
    for (key, value) in fields {
        let value = Bson::try_from(value).unwrap_or(Bson::Null);
        match key.split_once('.') {
            Some((outer, inner)) => match document.get_document_mut(outer) {
                Ok(nested) => drop(nested.insert(inner, value)),
                Err(_) => drop(document.insert(outer, doc! { inner: value })),
            },
            None => drop(document.insert(key, value)),
        }
    }
    Bson::Document(document)
}
