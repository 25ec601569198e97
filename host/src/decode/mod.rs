//! From bytes to columns: a message becomes a row of the batch, or a reject with its reason.

mod fields;
mod json;
mod plain;
mod timestamp;

use std::fmt::Write as _;

use crate::config::Input;
use crate::domain::{Batch, EventTime, MeterTable, Reason, Reject};
use fields::{Fields, Value};

/// A message as it came, without knowing from where.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its place in the log.
    pub offset: i64,
    /// When the log took it, milliseconds since the epoch; negative: not known.
    pub timestamp_ms: i64,
    /// None: a record without a value.
    pub payload: Option<&'a [u8]>,
}

/// Decodes JSON messages as the configuration describes them.
#[derive(Debug)]
pub struct Decoder {
    fields: Fields,
    max_message_bytes: usize,
    max_future_us: i64,
    meter_name: String,
    building: String,
    floor: String,
    values: Vec<f64>,
}

impl Decoder {
    /// For messages of this form.
    #[must_use]
    pub fn new(input: &Input) -> Self {
        Self {
            fields: Fields::new(input),
            max_message_bytes: usize::try_from(input.max_message.as_u64()).unwrap_or(usize::MAX),
            max_future_us: input.max_future.micros(),
            meter_name: String::new(),
            building: String::new(),
            floor: String::new(),
            values: Vec::new(),
        }
    }

    /// Appends the reading to `batch`, and its meter to `meters` where it is new. Allocates nothing for a known meter.
    ///
    /// # Errors
    /// With the reason why the message is not a reading; `batch` is then as it was.
    pub fn decode(&mut self, record: Record<'_>, meters: &mut MeterTable, batch: &mut Batch) -> Result<(), Reject> {
        let payload = record.payload.ok_or_else(|| reject(Reason::Empty, "the record has no value"))?;
        if payload.len() > self.max_message_bytes {
            let message = format!("{} bytes; a reading may have {} (`input.max_message`)", payload.len(), self.max_message_bytes);
            return Err(reject(Reason::Oversize, message));
        }
        let text = std::str::from_utf8(payload)
            .map_err(|error| reject(Reason::NotUtf8, format!("byte {} is not UTF-8", error.valid_up_to())))?;
        let mut values = self.fields.empty_row();
        if !plain::read(text, &self.fields, &mut values) {
            values.fill(Value::Absent);
            json::read(text, &self.fields, &mut values)?;
        }
        let event_time = self.event_time(&values, record.timestamp_ms)?;
        self.name_meter(&values)?;
        self.read_measures(&values)?;

        let floor = (!self.floor.is_empty()).then_some(self.floor.as_str());
        batch.meters.push(meters.intern(&self.meter_name, &self.building, floor));
        batch.offsets.push(record.offset);
        batch.record_times_ms.push(record.timestamp_ms);
        batch.event_times_us.push(event_time.0);
        for (column, value) in batch.measures.iter_mut().zip(&self.values) {
            column.push(*value);
        }
        Ok(())
    }

    fn event_time(&self, values: &[Value<'_>], record_time_ms: i64) -> Result<EventTime, Reject> {
        let field = self.fields.name(self.fields.timestamp);
        let time = timestamp::read(&values[self.fields.timestamp], field)?;
        if record_time_ms >= 0 {
            let limit = EventTime::from_millis(record_time_ms).0.saturating_add(self.max_future_us);
            if time.0 > limit {
                let message = format!(
                    "`{field}` {time} is {} s after the record's own time {}, more than `input.max_future` allows",
                    (time.0 - record_time_ms * 1_000) / 1_000_000,
                    EventTime::from_millis(record_time_ms)
                );
                return Err(reject(Reason::Future, message));
            }
        }
        Ok(time)
    }

    /// Leaves building, floor and meter name in their buffers.
    fn name_meter(&mut self, values: &[Value<'_>]) -> Result<(), Reject> {
        self.building.clear();
        self.floor.clear();
        self.meter_name.clear();
        let building = self.fields.building;
        write_name(&values[building], self.fields.name(building), &mut self.building)?;
        if self.building.is_empty() {
            return Err(reject(Reason::MissingField, format!("field `{}` is missing or empty", self.fields.name(building))));
        }
        write_name(&values[self.fields.floor], self.fields.name(self.fields.floor), &mut self.floor)?;
        for &field in &self.fields.meter {
            let before = self.meter_name.len();
            if before > 0 {
                self.meter_name.push('/');
            }
            let start = self.meter_name.len();
            write_name(&values[field], self.fields.name(field), &mut self.meter_name)?;
            if self.meter_name.len() == start {
                if field != self.fields.floor {
                    return Err(reject(Reason::MissingField, format!("field `{}` is missing or empty", self.fields.name(field))));
                }
                self.meter_name.truncate(before);
            }
        }
        if self.meter_name.is_empty() {
            self.meter_name.push_str(&self.building);
        }
        Ok(())
    }

    fn read_measures(&mut self, values: &[Value<'_>]) -> Result<(), Reject> {
        self.values.clear();
        for measure in &self.fields.measures {
            let name = self.fields.name(measure.field);
            let value = match &values[measure.field] {
                Value::Integer(value) => *value as f64,
                Value::Float(value) => *value,
                Value::Absent if measure.required => {
                    return Err(reject(Reason::MissingField, format!("field `{name}` is missing")));
                }
                Value::Absent => f64::NAN,
                other => return Err(wrong_type(name, other, "a number")),
            };
            if value < measure.min || value > measure.max {
                let message = format!("`{name}` {value} is outside [{}, {}]", measure.min, measure.max);
                return Err(reject(Reason::Range, message));
            }
            self.values.push(value);
        }
        Ok(())
    }
}

/// Appends a name: text as it is, a whole number in decimals, nothing for an absent field.
fn write_name(value: &Value<'_>, field: &str, out: &mut String) -> Result<(), Reject> {
    match value {
        Value::Text(text) => out.push_str(text),
        Value::Integer(number) => out.push_str(itoa::Buffer::new().format(*number)),
        Value::Float(number) => write!(out, "{number}").expect("a String takes every write"),
        Value::Absent => {}
        other => return Err(wrong_type(field, other, "text or a number")),
    }
    Ok(())
}

fn wrong_type(field: &str, value: &Value<'_>, wanted: &str) -> Reject {
    reject(Reason::WrongType, format!("field `{field}` is {}, not {wanted}", value.kind()))
}

fn reject(reason: Reason, message: impl Into<String>) -> Reject {
    Reject { reason, message: message.into() }
}

#[cfg(test)]
mod tests;
