//! From bytes to columns: a message becomes a row of the batch, or a reject with its reason.

mod epoch;
mod fields;
mod json;
mod name;
mod plain;
mod repeated_hours;
mod timestamp;

use crate::config::{Input, TimestampUnit};
use crate::domain::{Batch, EventTime, Message, MeterId, MeterTable, Reason, Reject, escape_part};
use fields::{Fields, Value};

use timestamp::Stamp;
pub(crate) use timestamp::Times;

/// A number that is a plausible time in seconds, milliseconds, microseconds or nanoseconds since 1970.
pub(crate) fn time_from_number(number: &str) -> Option<EventTime> {
    epoch::micros(number, TimestampUnit::Auto).map(EventTime)
}

/// Decodes JSON messages as the configuration describes them.
#[derive(Debug)]
pub struct Decoder {
    fields: Fields,
    max_message_bytes: usize,
    max_future_us: i64,
    max_meters: usize,
    shape: plain::Shape,
    times: Times,
    meter_name: String,
    building: String,
    values: Vec<f64>,
    /// Of [`Decoder::time`], whose callers have no table.
    timed: MeterTable,
}

impl Decoder {
    /// For messages of this form.
    #[must_use]
    pub fn new(input: &Input) -> Self {
        Self {
            fields: Fields::new(input),
            max_message_bytes: usize::try_from(input.max_message.as_u64()).unwrap_or(usize::MAX),
            max_future_us: input.max_future.micros(),
            max_meters: input.max_meters as usize,
            shape: plain::Shape::default(),
            times: Times::new(input).expect("a configuration is checked before it is used"),
            meter_name: String::new(),
            building: String::new(),
            values: Vec::new(),
            timed: MeterTable::default(),
        }
    }

    /// Appends the reading to `batch`, and its meter to `meters` where it is new. Allocates nothing for a known meter.
    ///
    /// # Errors
    /// With the reason why the message is not a reading; `batch` is then as it was.
    pub fn decode(&mut self, message: &Message<'_>, meters: &mut MeterTable, batch: &mut Batch) -> Result<(), Reject> {
        let mut values = self.fields.empty_row();
        self.read(message, &mut values)?;
        let stamp = self.stamp(&values)?;
        self.name_meter(&values)?;
        let building = name::text(&values[self.fields.building]).unwrap_or_default();
        let known = meters.known(&self.meter_name, building);
        let stamp = stamp.resolve(&meters.passes, known);
        let event_time = self.event_time(stamp, message.timestamp_ms)?;
        let near = self.times.is_near_repeated_hour(stamp);
        // The order of its messages is a meter's own, whatever their values. One that is redriven is out of order.
        if let (Some(meter), None) = (known, message.redriven) {
            meters.passes.follow(meter, stamp, near);
        }
        self.read_measures(&values)?;

        let meter = match known {
            Some(meter) => meter,
            None => {
                let meter = self.new_meter(&values, meters)?;
                meters.passes.follow(meter, stamp, near);
                meter
            }
        };
        batch.meters.push(meter);
        batch.offsets.push(message.offset);
        batch.record_times_ms.push(message.timestamp_ms);
        batch.event_times_us.push(event_time.0);
        for (column, value) in batch.measures.iter_mut().zip(&self.values) {
            column.push(*value);
        }
        Ok(())
    }

    /// The building that a message names, be it a reading or not.
    pub fn building(&mut self, message: &Message<'_>) -> Option<&str> {
        let mut values = self.fields.empty_row();
        self.read(message, &mut values).ok()?;
        let building = self.fields.building;
        self.building.clear();
        name::check(&values[building], self.fields.name(building)).ok()?;
        self.building.push_str(name::text(&values[building])?);
        (!self.building.is_empty()).then_some(&self.building)
    }

    /// When a message says that it was taken, be the rest of it a reading or not.
    pub fn time(&mut self, message: &Message<'_>) -> Option<EventTime> {
        let mut values = self.fields.empty_row();
        self.read(message, &mut values).ok()?;
        let stamp = self.stamp(&values).ok()?;
        let has_name = self.name_meter(&values).is_ok();
        let building = name::text(&values[self.fields.building]).unwrap_or_default();
        let known = self.timed.known(&self.meter_name, building).filter(|_| has_name);
        let stamp = stamp.resolve(&self.timed.passes, known);
        let near = self.times.is_near_repeated_hour(stamp);
        if has_name && (known.is_some() || near && self.timed.count() < self.max_meters) {
            let meter = self.timed.intern(&self.meter_name, building, None);
            self.timed.passes.follow(meter, stamp, near);
        }
        self.event_time(stamp, message.timestamp_ms).ok()
    }

    /// The message's fields.
    fn read<'m>(&mut self, message: &Message<'m>, values: &mut [Value<'m>]) -> Result<(), Reject> {
        let payload = message.payload.ok_or_else(|| reject(Reason::Empty, "the record has no value"))?;
        if payload.len() > self.max_message_bytes {
            let message = format!("{} bytes; a reading may have {} (`input.max_message`)", payload.len(), self.max_message_bytes);
            return Err(reject(Reason::Oversize, message));
        }
        let text = std::str::from_utf8(payload)
            .map_err(|error| reject(Reason::NotUtf8, format!("byte {} is not UTF-8", error.valid_up_to())))?;
        if !plain::read(text, &self.fields, &mut self.shape, values) {
            values.fill(Value::Absent);
            json::read(text, &self.fields, values)?;
        }
        Ok(())
    }

    fn stamp(&mut self, values: &[Value<'_>]) -> Result<Stamp, Reject> {
        let Fields { timestamp, .. } = self.fields;
        self.times.read(&values[timestamp], self.fields.name(timestamp))
    }

    /// Where a reading's interval begins, unless its stamp lies in the future of its record.
    fn event_time(&self, stamp: EventTime, record_time_ms: i64) -> Result<EventTime, Reject> {
        let field = self.fields.name(self.fields.timestamp);
        let time = self.times.begin_of(stamp);
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

    /// Leaves the meter's name in its buffer: the configured fields, or else the building.
    ///
    /// A name of several parts is unambiguous: `/` within a part is escaped. A name of one part is that part as it is.
    fn name_meter(&mut self, values: &[Value<'_>]) -> Result<(), Reject> {
        let Fields { building, floor, ref meter, .. } = self.fields;
        // Whether the meter is known or not makes no difference to what is taken.
        for place in [building, floor] {
            name::check(&values[place], self.fields.name(place))?;
        }
        if values[building].is_nameless() {
            return Err(self.nameless(building));
        }
        let is_building_alone = || meter.iter().all(|field| *field == building || values[*field].is_nameless());
        let is_composed = meter.len() > 1 && !is_building_alone();
        self.meter_name.clear();
        for &place in meter {
            if values[place].is_nameless() {
                if place == floor {
                    continue;
                }
                return Err(self.nameless(place));
            }
            if place != building && place != floor {
                name::check(&values[place], self.fields.name(place))?;
            }
            if !self.meter_name.is_empty() {
                self.meter_name.push('/');
            }
            let part = self.meter_name.len();
            self.meter_name.push_str(name::text(&values[place]).unwrap_or_default());
            if is_composed {
                escape_part(&mut self.meter_name, part);
            }
        }
        if self.meter_name.is_empty() {
            self.meter_name.push_str(name::text(&values[building]).unwrap_or_default());
        }
        Ok(())
    }

    fn nameless(&self, field: usize) -> Reject {
        reject(Reason::MissingField, format!("field `{}` is missing or empty", self.fields.name(field)))
    }

    /// A meter that is seen for the first time, with its building and floor.
    fn new_meter(&self, values: &[Value<'_>], meters: &mut MeterTable) -> Result<MeterId, Reject> {
        if meters.count() >= self.max_meters {
            let (name, limit) = (&self.meter_name, self.max_meters);
            let message =
                format!("\"{name}\" would be one more than the {limit} meters that a partition may have (`input.max_meters`)");
            return Err(reject(Reason::TooManyMeters, message));
        }
        let text = |place: usize| name::text(&values[place]).unwrap_or_default();
        let (building, floor) = (text(self.fields.building), text(self.fields.floor));
        Ok(meters.intern(&self.meter_name, building, (!floor.is_empty()).then_some(floor)))
    }

    fn read_measures(&mut self, values: &[Value<'_>]) -> Result<(), Reject> {
        self.values.clear();
        for measure in &self.fields.measures {
            let name = self.fields.name(measure.field);
            let value = match &values[measure.field] {
                Value::Number(number) => number.value,
                Value::Absent if measure.required => {
                    return Err(reject(Reason::MissingField, format!("field `{name}` is missing")));
                }
                Value::Absent => f64::NAN,
                Value::Text(text) => number_of_text(text).ok_or_else(|| no_number(name, text))?,
                other => return Err(wrong_type(name, other, "a number")),
            };
            if value.is_infinite() {
                return Err(reject(Reason::NotFinite, format!("`{name}` is too large for a number")));
            }
            let value = value * measure.factor;
            if value < measure.min || value > measure.max {
                let message = format!("`{name}` {value} is outside [{}, {}]", measure.min, measure.max);
                return Err(reject(Reason::Range, message));
            }
            self.values.push(value);
        }
        Ok(())
    }
}

/// A number in quotes, as meters' telegrams and some gateways send it.
fn number_of_text(text: &str) -> Option<f64> {
    let text = text.trim_ascii();
    epoch::is_number(text).then(|| text.parse().ok()).flatten()
}

fn no_number(field: &str, text: &str) -> Reject {
    const SHOWN: usize = 40;
    let shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    let more = if text.chars().nth(SHOWN).is_some() { "…" } else { "" };
    reject(Reason::WrongType, format!("field `{field}` is the text \"{shown}{more}\", not a number"))
}

fn wrong_type(field: &str, value: &Value<'_>, wanted: &str) -> Reject {
    reject(Reason::WrongType, format!("field `{field}` is {}, not {wanted}", value.kind()))
}

fn reject(reason: Reason, message: impl Into<String>) -> Reject {
    Reject { reason, message: message.into() }
}

#[cfg(test)]
mod tests;
