//! Rows as JSON, the wire format of the result topics.
//!
//! Measure names come from the configuration, so field names are built once, here, and not for each row.

use std::borrow::Cow;
use std::io::Write as _;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Aggregation, Anomaly, MeasureStats, Severity, text};
use crate::domain::EventTime;

/// 0001-01-01T00:00:00Z and the last microsecond of 9999: what every store can hold, and say in four digits.
const FIRST_TIME: EventTime = EventTime(-62_135_596_800_000_000);
const LAST_TIME: EventTime = EventTime(253_402_300_799_999_999);

/// A record of a result topic that is not a row of ours.
#[derive(Debug, thiserror::Error)]
#[error("not a row of {table}: {source}")]
pub struct RowParseError {
    table: &'static str,
    source: serde_json::Error,
}

/// A field whose name comes from the configuration.
#[derive(Clone, Debug)]
struct Field {
    name: String,
    /// As it stands in JSON, with the colon.
    key: String,
}

impl Field {
    fn new(name: String) -> Self {
        let mut key = Vec::new();
        write_string(&name, &mut key);
        key.push(b':');
        Self { name, key: String::from_utf8(key).expect("a JSON string is text") }
    }
}

/// The key of a field whose name is known here.
macro_rules! key {
    ($name:literal) => {
        concat!("\"", $name, "\":")
    };
}

/// Writes and reads rows for one list of measures.
#[derive(Clone, Debug)]
pub struct RowFormat {
    measures: Vec<Field>,
    /// Average, smallest, largest, sum and count of each measure.
    statistics: Vec<[Field; 5]>,
}

impl RowFormat {
    /// For these measures, in the order of the configuration.
    #[must_use]
    pub fn new(measures: &[String]) -> Self {
        let statistics =
            |m: &String| ["avg", "min", "max", "sum", "count"].map(|statistic| Field::new(format!("{statistic}_{m}")));
        Self {
            measures: measures.iter().cloned().map(Field::new).collect(),
            statistics: measures.iter().map(statistics).collect(),
        }
    }

    /// Appends the row to `out`, its texts such as every store takes.
    pub fn write_aggregation(&self, row: &Aggregation, out: &mut Vec<u8>) {
        let mut object = ObjectWriter::begin(out);
        object.text(key!("building"), &text::name(&row.building));
        object.time(key!("window_start"), row.window_start);
        object.time(key!("window_end"), row.window_end);
        object.integer(key!("count"), row.count);
        for (fields, stats) in self.statistics.iter().zip(&row.measures) {
            for (field, value) in fields.iter().zip([stats.avg, stats.min, stats.max, stats.sum]) {
                object.number(&field.key, value);
            }
            match stats.count {
                Some(count) => object.integer(&fields[COUNT].key, count),
                None => object.raw(&fields[COUNT].key, "null"),
            }
        }
        object.integer(key!("revision"), row.revision);
        object.raw(key!("final"), if row.is_final { "true" } else { "false" });
        object.end();
    }

    /// Appends the row to `out`, its texts such as every store takes.
    pub fn write_anomaly(&self, row: &Anomaly<'_>, out: &mut Vec<u8>) {
        let mut object = ObjectWriter::begin(out);
        let mut id = [0; uuid::fmt::Hyphenated::LENGTH];
        object.text(key!("id"), row.id.hyphenated().encode_lower(&mut id));
        object.time(key!("detected_at"), row.detected_at);
        object.text(key!("building"), &text::name(&row.building));
        object.optional_integer(key!("floor"), row.floor);
        object.text(key!("meter"), &text::name(&row.meter));
        for (field, value) in self.measures.iter().zip(&row.measures) {
            object.number(&field.key, *value);
        }
        object.number(key!("distance"), row.distance.unwrap_or(f64::NAN));
        object.number(key!("threshold"), row.threshold.unwrap_or(f64::NAN));
        object.optional_integer(key!("cluster"), row.cluster);
        object.text(key!("severity"), row.severity.word());
        object.number(key!("score"), row.score);
        object.text(key!("reason"), &text::words(&row.reason));
        object.raw(key!("expected"), row.expected.as_deref().unwrap_or("null"));
        object.raw(key!("context"), row.context.as_deref().unwrap_or("null"));
        object.text(key!("detector"), &text::name(&row.detector));
        object.text(key!("detector_version"), &text::name(&row.detector_version));
        object.text(key!("detector_digest"), &text::name(&row.detector_digest));
        object.integer(key!("source_partition"), row.source_partition);
        object.integer(key!("source_offset"), row.source_offset);
        object.end();
    }

    /// Reads a row of the topic of aggregations. Fields that it does not know are skipped.
    ///
    /// # Errors
    /// When it is not JSON, a field is missing or of another type, or a number or a time is one that not every store can hold.
    pub fn read_aggregation(&self, json: &[u8]) -> Result<Aggregation, RowParseError> {
        read(AggregationSeed(self), json).map_err(|source| RowParseError { table: "aggregations", source })
    }

    /// Reads a row of the topic of anomalies. Fields that it does not know are skipped.
    ///
    /// # Errors
    /// When it is not JSON, a field is missing or of another type, or a number or a time is one that not every store can hold.
    pub fn read_anomaly(&self, json: &[u8]) -> Result<Anomaly<'static>, RowParseError> {
        read(AnomalySeed(self), json).map_err(|source| RowParseError { table: "anomalies", source })
    }
}

fn read<'de, S: DeserializeSeed<'de>>(seed: S, json: &'de [u8]) -> Result<S::Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let row = seed.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(row)
}

/// Writes one flat JSON object; a number that JSON cannot say is null.
struct ObjectWriter<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> ObjectWriter<'a> {
    fn begin(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    /// `key` is quoted and has its colon.
    fn key(&mut self, key: &str) {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        self.out.extend_from_slice(key.as_bytes());
    }

    fn raw(&mut self, key: &str, json: &str) {
        self.key(key);
        self.out.extend_from_slice(json.as_bytes());
    }

    fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        write_string(value, self.out);
    }

    fn time(&mut self, key: &str, value: EventTime) {
        self.key(key);
        write!(self.out, "\"{value}\"").expect("a Vec takes every write");
    }

    fn number(&mut self, key: &str, value: f64) {
        self.key(key);
        write_number(value, self.out);
    }

    fn integer(&mut self, key: &str, value: impl itoa::Integer) {
        self.key(key);
        self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    fn optional_integer(&mut self, key: &str, value: Option<i32>) {
        match value {
            Some(value) => self.integer(key, value),
            None => self.raw(key, "null"),
        }
    }

    fn end(self) {
        self.out.push(b'}');
    }
}

/// Appends a JSON string.
pub(crate) fn write_string(text: &str, out: &mut Vec<u8>) {
    // Nearly every text stands for itself.
    if !text.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        return;
    }
    serde_json::to_writer(&mut *out, text).expect("a Vec takes every write and a string is valid JSON");
}

/// Appends the shortest JSON number that reads back as `value`, or null for NaN and infinities.
pub(crate) fn write_number(value: f64, out: &mut Vec<u8>) {
    if value.is_finite() {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    } else {
        out.extend_from_slice(b"null");
    }
}

/// The same in single precision, for what was estimated and not measured: it says as much in half the bytes.
pub(crate) fn write_estimate(value: f64, out: &mut Vec<u8>) {
    let rounded = value as f32;
    if rounded.is_finite() {
        out.extend_from_slice(ryu::Buffer::new().format_finite(rounded).as_bytes());
    } else {
        write_number(value, out);
    }
}

fn read_time<'de, A: MapAccess<'de>>(map: &mut A) -> Result<EventTime, A::Error> {
    let text: Cow<'de, str> = map.next_value()?;
    let in_every_store = |time: &EventTime| (FIRST_TIME..=LAST_TIME).contains(time);
    EventTime::parse(&text).filter(in_every_store).ok_or_else(|| A::Error::custom(format!("`{text}` is not an RFC 3339 time")))
}

/// As [`text::name`] and [`text::words`] make it, for rows of programs that did not.
fn read_text<'de, A: MapAccess<'de>>(map: &mut A, clean: fn(&str) -> Cow<'_, str>) -> Result<String, A::Error> {
    let text: Cow<'de, str> = map.next_value()?;
    Ok(clean(&text).into_owned())
}

/// Every store counts with a sign.
fn read_count<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<u64>, A::Error> {
    let count: Option<i64> = map.next_value()?;
    count.map(|count| u64::try_from(count).map_err(|_| A::Error::custom(format!("{count} is no count")))).transpose()
}

fn read_number<'de, A: MapAccess<'de>>(map: &mut A) -> Result<f64, A::Error> {
    Ok(map.next_value::<Option<f64>>()?.unwrap_or(f64::NAN))
}

fn read_object<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<String>, A::Error> {
    let raw: &RawValue = map.next_value()?;
    if raw.get() == "null" {
        return Ok(None);
    }
    text::object(raw.get().to_owned()).map(Some).map_err(A::Error::custom)
}

/// Place of a measure's count among its statistics.
const COUNT: usize = 4;

/// The statistic at this place, which is not the count.
fn slot(stats: &mut MeasureStats, statistic: usize) -> &mut f64 {
    match statistic {
        0 => &mut stats.avg,
        1 => &mut stats.min,
        2 => &mut stats.max,
        _ => &mut stats.sum,
    }
}

struct AggregationSeed<'a>(&'a RowFormat);

impl AggregationSeed<'_> {
    /// The places of the measure and of its statistic that have this name.
    fn statistic(&self, name: &str) -> Option<(usize, usize)> {
        let at = |fields: &[Field; 5]| fields.iter().position(|field| field.name == name);
        self.0.statistics.iter().enumerate().find_map(|(measure, fields)| Some((measure, at(fields)?)))
    }
}

impl<'de> DeserializeSeed<'de> for AggregationSeed<'_> {
    type Value = Aggregation;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Aggregation, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for AggregationSeed<'_> {
    type Value = Aggregation;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an aggregation")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Aggregation, A::Error> {
        let mut measures = vec![MeasureStats::NOTHING; self.0.measures.len()];
        let (mut building, mut start, mut end, mut count) = (None, None, None, None);
        let (mut revision, mut is_final) = (0, false);
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match &*key {
                "building" => building = Some(read_text(&mut map, text::name)?),
                "window_start" => start = Some(read_time(&mut map)?),
                "window_end" => end = Some(read_time(&mut map)?),
                "count" => count = read_count(&mut map)?,
                "revision" => revision = u32::try_from(map.next_value::<i32>()?).map_err(A::Error::custom)?,
                "final" => is_final = map.next_value()?,
                name => match self.statistic(name) {
                    Some((measure, COUNT)) => measures[measure].count = read_count(&mut map)?,
                    Some((measure, statistic)) => *slot(&mut measures[measure], statistic) = read_number(&mut map)?,
                    None => drop(map.next_value::<IgnoredAny>()?),
                },
            }
        }
        Ok(Aggregation {
            building: building.ok_or_else(|| A::Error::missing_field("building"))?,
            window_start: start.ok_or_else(|| A::Error::missing_field("window_start"))?,
            window_end: end.ok_or_else(|| A::Error::missing_field("window_end"))?,
            count: count.ok_or_else(|| A::Error::missing_field("count"))?,
            revision,
            is_final,
            measures,
        })
    }
}

struct AnomalySeed<'a>(&'a RowFormat);

impl<'de> DeserializeSeed<'de> for AnomalySeed<'_> {
    type Value = Anomaly<'static>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Anomaly<'static>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for AnomalySeed<'_> {
    type Value = Anomaly<'static>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an anomaly")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Anomaly<'static>, A::Error> {
        let mut row = Anomaly {
            id: uuid::Uuid::nil(),
            detected_at: EventTime::MIN,
            building: Cow::default(),
            floor: None,
            meter: Cow::default(),
            measures: smallvec::smallvec![f64::NAN; self.0.measures.len()],
            distance: None,
            threshold: None,
            cluster: None,
            severity: Severity::Minor,
            score: f64::NAN,
            reason: Cow::default(),
            expected: None,
            context: None,
            detector: Cow::default(),
            detector_version: Cow::default(),
            detector_digest: Cow::default(),
            source_partition: 0,
            source_offset: 0,
        };
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match &*key {
                "id" => row.id = map.next_value()?,
                "detected_at" => row.detected_at = read_time(&mut map)?,
                "building" => row.building = read_text(&mut map, text::name)?.into(),
                "floor" => row.floor = map.next_value()?,
                "meter" => row.meter = read_text(&mut map, text::name)?.into(),
                "distance" => row.distance = map.next_value()?,
                "threshold" => row.threshold = map.next_value()?,
                "cluster" => row.cluster = map.next_value()?,
                "severity" => row.severity = map.next_value()?,
                "score" => row.score = read_number(&mut map)?,
                "reason" => row.reason = read_text(&mut map, text::words)?.into(),
                "expected" => row.expected = read_object(&mut map)?,
                "context" => row.context = read_object(&mut map)?,
                "detector" => row.detector = read_text(&mut map, text::name)?.into(),
                "detector_version" => row.detector_version = read_text(&mut map, text::name)?.into(),
                "detector_digest" => row.detector_digest = read_text(&mut map, text::name)?.into(),
                "source_partition" => row.source_partition = map.next_value()?,
                "source_offset" => row.source_offset = map.next_value()?,
                name => match self.0.measures.iter().position(|field| field.name == name) {
                    Some(at) => row.measures[at] = read_number(&mut map)?,
                    None => drop(map.next_value::<IgnoredAny>()?),
                },
            }
        }
        if row.id.is_nil() {
            return Err(A::Error::missing_field("id"));
        }
        if row.detected_at == EventTime::MIN {
            return Err(A::Error::missing_field("detected_at"));
        }
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format() -> RowFormat {
        RowFormat::new(&["electricity".to_owned(), "water".to_owned()])
    }

    #[test]
    fn an_aggregation_reads_back_as_it_was_written() {
        let row = Aggregation {
            building: "Building \"Ä\"".into(),
            window_start: EventTime(-30_000_000),
            window_end: EventTime(0),
            count: 3,
            revision: 2,
            is_final: true,
            measures: vec![
                MeasureStats { avg: 0.1 + 0.2, min: -1e-300, max: 220.0, sum: 1e18, count: Some(2) },
                MeasureStats { avg: 1.0, min: 1.0, max: 1.0, sum: 1.0, count: Some(1) },
            ],
        };
        let mut json = Vec::new();
        format().write_aggregation(&row, &mut json);
        assert_eq!(format().read_aggregation(&json).unwrap(), row, "{}", String::from_utf8_lossy(&json));
    }

    #[test]
    fn a_row_of_an_older_program_has_no_counts_of_measures() {
        let json = br#"{"building":"A","window_start":"2026-01-15T00:00:00Z","window_end":"2026-01-15T01:00:00Z","count":3,
            "avg_electricity":2.0,"min_electricity":1.0,"max_electricity":3.0,"sum_electricity":6.0,"count_water":null}"#;
        let row = format().read_aggregation(json).unwrap();
        assert_eq!(row.measures[0], MeasureStats { avg: 2.0, min: 1.0, max: 3.0, sum: 6.0, count: None });
        assert_eq!(row.measures[1].count, None);
        assert_eq!([row.measures[0].weight(row.count), row.measures[1].weight(row.count)], [3, 0]);
    }

    #[test]
    fn an_anomaly_reads_back_as_it_was_written() {
        let row = Anomaly {
            id: uuid::Uuid::from_u128(7),
            detected_at: EventTime(1_764_864_120_000_001),
            building: "A".into(),
            floor: Some(4),
            meter: "A/4".into(),
            measures: smallvec::smallvec![271.0, 456.0],
            distance: Some(1.87),
            threshold: Some(1.86),
            cluster: Some(2),
            severity: Severity::Critical,
            score: 1.0054,
            reason: "high, \"very\"".into(),
            expected: Some(r#"{"electricity":{"value":150.0}}"#.into()),
            context: None,
            detector: "kmeans".into(),
            detector_version: "1.0.0".into(),
            detector_digest: "ab".into(),
            source_partition: 1,
            source_offset: 42,
        };
        let mut json = Vec::new();
        format().write_anomaly(&row, &mut json);
        assert_eq!(format().read_anomaly(&json).unwrap(), row, "{}", String::from_utf8_lossy(&json));
    }

    #[test]
    fn a_record_that_is_no_row_is_refused_with_its_reason() {
        let error = format().read_aggregation(br#"{"building":"A"}"#).unwrap_err();
        assert_eq!(error.to_string(), "not a row of aggregations: missing field `window_start` at line 1 column 16");
    }
}
