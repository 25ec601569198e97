//! Records in the form of another configuration: decoded by one, written for the other.

use crate::config::{Input, StampOf};
use crate::decode::Decoder;
use crate::domain::{Batch, EventTime, Message, MeterTable, Reject};

/// Writes readings as a configuration reads them: times by RFC 3339, measures in its units.
pub(crate) struct Encoder {
    decoder: Decoder,
    meters: MeterTable,
    batch: Batch,
    target: Input,
    /// Column of the batch, field of the record, factor to the field's unit; of each measure.
    fields: Vec<(usize, String, f64)>,
    /// Fields that name a meter beside building and floor.
    meter: Vec<String>,
}

impl Encoder {
    /// From records that `source` decodes to those that `target` does.
    pub(crate) fn new(source: &Input, target: &Input) -> Self {
        let field = |(column, name): (usize, &String)| {
            let (field, factor) = target.measures.get(name).map_or((name.clone(), 1.0), |to| (to.field.clone(), to.factor()));
            (column, field, factor)
        };
        let others = source.meter.iter().filter(|field| **field != source.building && **field != source.floor);
        Self {
            decoder: Decoder::new(source),
            meters: MeterTable::default(),
            batch: Batch::new(source.measures.len()),
            target: target.clone(),
            fields: source.measures.keys().enumerate().map(field).collect(),
            meter: others.cloned().collect(),
        }
    }

    /// A time as the target reads it.
    fn written(&self, time: EventTime) -> String {
        let shift = match (self.target.stamp, self.target.interval) {
            (StampOf::End, Some(interval)) => interval.micros(),
            _ => 0,
        };
        let time = EventTime(time.0 + shift);
        let Some(format) = &self.target.timestamp_format else { return time.to_string() };
        let zone = jiff::tz::TimeZone::get(&self.target.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
        let zoned = jiff::Timestamp::from_microsecond(time.0).map(|instant| instant.to_zoned_datetime(zone));
        zoned.and_then(|zoned| jiff::fmt::strtime::format(format, &zoned)).unwrap_or_else(|_| time.to_string())
    }

    /// Puts the reading into `out`. Returns its time and building.
    ///
    /// # Errors
    /// With the reason why it is no reading.
    pub(crate) fn encode(&mut self, record: &[u8], out: &mut Vec<u8>) -> Result<(EventTime, &str), Reject> {
        self.batch.clear();
        let message = Message::of(record);
        self.decoder.decode(&message, &mut self.meters, &mut self.batch)?;
        let time = self.batch.event_time(0);
        let meter = self.meters.meter(self.batch.meters[0]);
        let building = self.meters.building(meter.building);
        out.clear();
        out.push(b'{');
        text(&self.target.timestamp, &self.written(time), out);
        out.push(b',');
        text(&self.target.building, building, out);
        if let Some(floor) = &meter.floor {
            out.push(b',');
            text(&self.target.floor, floor, out);
        }
        if !self.meter.is_empty() {
            let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(record).unwrap_or_default();
            for field in &self.meter {
                if let Some(name) = fields.get(field).and_then(|value| value.as_str()) {
                    out.push(b',');
                    text(field, name, out);
                }
            }
        }
        for (column, field, factor) in &self.fields {
            let value = self.batch.measures[*column][0];
            if value.is_finite() {
                out.push(b',');
                serde_json::to_writer(&mut *out, field).expect("a Vec takes every write");
                out.push(b':');
                out.extend_from_slice(ryu::Buffer::new().format_finite(value / factor).as_bytes());
            }
        }
        out.push(b'}');
        Ok((time, building))
    }
}

fn text(name: &str, value: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(&mut *out, name).expect("a Vec takes every write");
    out.push(b':');
    serde_json::to_writer(out, value).expect("a Vec takes every write");
}

/// Times of records, as a lane would decode them one after the other.
pub(super) struct Decoded {
    meters: MeterTable,
    batch: Batch,
}

impl Decoded {
    pub(super) fn new(input: &Input) -> Self {
        Self { meters: MeterTable::default(), batch: Batch::new(input.measures.len()) }
    }

    /// None: no reading.
    pub(super) fn decode(&mut self, decoder: &mut Decoder, record: &[u8]) -> Option<EventTime> {
        self.batch.clear();
        let message = Message::of(record);
        decoder.decode(&message, &mut self.meters, &mut self.batch).ok()?;
        Some(self.batch.event_time(0))
    }
}
