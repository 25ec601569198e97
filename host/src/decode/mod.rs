//! From bytes to columns: a message becomes a row of the batch, or a reject with its reason.

mod epoch;
mod fields;
mod framing;
mod json;
mod measures;
mod name;
mod parts;
mod plain;
mod reader;
mod repeated_hours;
mod source;
mod timestamp;

use std::ffi::CStr;

use crate::config::{Input, TimestampUnit};
use crate::domain::{Batch, EventTime, Message, MeterId, MeterTable, Reason, Reject, escape_part};
pub(crate) use parts::Parts;

use fields::{Fields, Row, Value};
use reader::{Opened, Reader};
use source::Source;
use timestamp::{Stamp, Times};

/// Checks the keys of `[input]` that say how messages are read.
///
/// # Errors
/// Naming the key that cannot be used.
pub(crate) fn check(input: &Input) -> Result<(), String> {
    Times::new(input)?;
    Reader::new(input).map(drop)
}

/// A number that is a plausible time in seconds, milliseconds, microseconds or nanoseconds since 1970.
pub(crate) fn time_from_number(number: &str) -> Option<EventTime> {
    epoch::micros(number, TimestampUnit::Auto).map(EventTime)
}

/// Decodes JSON messages as the configuration describes them.
#[derive(Debug)]
pub struct Decoder {
    reader: Reader,
    max_future_us: i64,
    max_meters: usize,
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
            reader: Reader::new(input).expect("a configuration is checked before it is used"),
            max_future_us: input.max_future.micros(),
            max_meters: input.max_meters as usize,
            times: Times::new(input).expect("a configuration is checked before it is used"),
            meter_name: String::new(),
            building: String::new(),
            values: Vec::new(),
            timed: MeterTable::default(),
        }
    }

    /// Appends the message's reading, or each of its readings, to `batch`, and new meters to `meters`. Allocates nothing for a message
    /// that is one reading of a known meter.
    ///
    /// # Errors
    /// With the reason why the message, or the first of its readings that is rejected, is no reading. A rejected reading leaves nothing
    /// in `batch`.
    pub fn decode(&mut self, message: &Message<'_>, meters: &mut MeterTable, batch: &mut Batch) -> Result<(), Reject> {
        let mut first = Ok(());
        self.decode_each(message, meters, batch, |_, reject| {
            if first.is_ok() {
                first = Err(reject);
            }
        });
        first
    }

    /// As [`Decoder::decode`], and gives each reject to `rejected`: with the index of its reading, where the message has several.
    pub fn decode_each(
        &mut self,
        message: &Message<'_>,
        meters: &mut MeterTable,
        batch: &mut Batch,
        mut rejected: impl FnMut(Option<u32>, Reject),
    ) {
        if self.reader.fields.readings.is_none() {
            let mut values = self.reader.fields.empty_row();
            let read = self.reader.read(message, &mut values);
            if let Err(reject) = read.and_then(|()| self.reading(&values, message, meters, batch)) {
                rejected(None, reject);
            }
            return;
        }
        let opened = match self.open(message) {
            Ok(opened) => opened,
            Err(reject) => return rejected(None, reject),
        };
        let mut values = self.reader.fields.empty_row();
        let count = opened.elements.len();
        let indices = match message.element.map(|only| only as usize) {
            None => 0..count,
            // A dead letter has its reading alone.
            Some(_) if count == 1 => 0..1,
            Some(only) if only < count => only..only + 1,
            Some(only) => {
                let text = format!("the message has {count} readings, and reading {only} is asked for");
                return rejected(message.element, reject(Reason::MissingField, text));
            }
        };
        for (index, element) in indices.zip(message.element.unwrap_or_default()..) {
            let read = self.reader.element(&opened, index, &mut values);
            match read.and_then(|()| self.reading(&values, message, meters, batch)) {
                Ok(()) => batch.elements.push(element),
                Err(reject) => rejected(Some(element), reject),
            }
        }
    }

    /// The readings of a message that has several.
    fn open<'m>(&self, message: &Message<'m>) -> Result<Opened<'m>, Reject> {
        let readings = self.reader.fields.readings.as_ref().expect("asked for where messages have several readings");
        self.reader.open(message, readings)
    }

    /// Appends one reading.
    #[inline]
    fn reading(
        &mut self,
        values: &[Value<'_>],
        message: &Message<'_>,
        meters: &mut MeterTable,
        batch: &mut Batch,
    ) -> Result<(), Reject> {
        let stamp = self.stamp(values)?;
        self.name_meter(values)?;
        let building = name::text(&values[self.reader.fields.building]).unwrap_or_default();
        let known = meters.known(&self.meter_name, building);
        let stamp = stamp.resolve(&meters.passes, known);
        let event_time = self.event_time(stamp, message.timestamp_ms)?;
        let near = self.times.is_near_repeated_hour(stamp);
        // The order of its messages is a meter's own, whatever their values. One that is redriven is out of order.
        if let (Some(meter), None) = (known, message.redriven) {
            meters.passes.follow(meter, stamp, near);
        }
        self.read_measures(values)?;

        let meter = match known {
            Some(meter) => meter,
            None => {
                let meter = self.new_meter(values, meters)?;
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

    /// The building that a message names, be it a reading or not; of several readings, the first one's.
    pub fn building(&mut self, message: &Message<'_>) -> Option<&str> {
        let values = self.first_row(message)?;
        self.name_building(&values).then_some(&self.building)
    }

    /// Leaves the building's name in its buffer, also one that a lane rejects: it goes the way of its building. False: there is none.
    fn name_building(&mut self, values: &[Value<'_>]) -> bool {
        let Fields { building, .. } = self.reader.fields;
        let value = &values[building];
        self.building.clear();
        self.building.push_str(name::text(value).unwrap_or_default());
        !self.building.is_empty()
    }

    /// When a message says that it was taken, be the rest of it a reading or not; of several readings, the first one's.
    pub fn time(&mut self, message: &Message<'_>) -> Option<EventTime> {
        let values = self.first_row(message)?;
        let stamp = self.stamp(&values).ok()?;
        let has_name = self.name_meter(&values).is_ok();
        let building = name::text(&values[self.reader.fields.building]).unwrap_or_default();
        let known = self.timed.known(&self.meter_name, building).filter(|_| has_name);
        let stamp = stamp.resolve(&self.timed.passes, known);
        let near = self.times.is_near_repeated_hour(stamp);
        if has_name && (known.is_some() || near && self.timed.count() < self.max_meters) {
            let meter = self.timed.intern(&self.meter_name, building, None);
            self.timed.passes.follow(meter, stamp, near);
        }
        self.event_time(stamp, message.timestamp_ms).ok()
    }

    /// The values of a message, or of its first reading.
    fn first_row<'m>(&mut self, message: &Message<'m>) -> Option<Row<'m>> {
        let mut values = self.reader.fields.empty_row();
        if self.reader.fields.readings.is_none() {
            self.reader.read(message, &mut values).ok()?;
        } else {
            let opened = self.open(message).ok()?;
            let index = message.element.map_or(0, |only| only as usize).min(opened.elements.len() - 1);
            self.reader.element(&opened, index, &mut values).ok()?;
        }
        Some(values)
    }

    /// Gives `take` the message for each building that it names, with the value that has the readings of this building alone. A message
    /// of one building, or of none, keeps its value.
    pub fn by_building(&mut self, message: &Message<'_>, mut take: impl FnMut(Option<&str>, Option<&[u8]>)) {
        let opened = match self.reader.fields.readings {
            Some(_) if message.element.is_none() => self.open(message).ok(),
            _ => None,
        };
        let Some(Opened { array: Some(array), .. }) = &opened else { return take(self.building(message), message.payload) };
        let opened = opened.as_ref().expect("just seen");
        let mut values = self.reader.fields.empty_row();
        // In the order in which they come.
        let mut buildings: Vec<(Option<String>, Vec<&str>)> = Vec::new();
        for (index, element) in opened.elements.iter().enumerate() {
            let has_name = self.reader.element(opened, index, &mut values).is_ok() && self.name_building(&values);
            let building = has_name.then_some(self.building.as_str());
            match buildings.iter_mut().find(|(known, _)| known.as_deref() == building) {
                Some((_, elements)) => elements.push(element),
                None => buildings.push((building.map(str::to_owned), vec![element])),
            }
        }
        let payload = message.payload.unwrap_or_default();
        for (building, elements) in &buildings {
            if buildings.len() == 1 {
                take(building.as_deref(), message.payload);
            } else {
                take(building.as_deref(), Some(&parts::with_readings(payload, array, elements)));
            }
        }
    }

    /// Does a field come from the record's key?
    #[must_use]
    pub fn reads_key(&self) -> bool {
        self.reader.fields.beside.iter().any(|(_, source)| source.is_of_key())
    }

    /// The headers from which fields come.
    pub fn headers(&self) -> impl Iterator<Item = &CStr> {
        self.reader.fields.beside.iter().filter_map(|(_, source)| Source::header(source))
    }

    #[inline]
    fn stamp(&mut self, values: &[Value<'_>]) -> Result<Stamp, Reject> {
        let Fields { timestamp, .. } = self.reader.fields;
        self.times.read(&values[timestamp], self.reader.fields.name(timestamp))
    }

    /// Where a reading's interval begins, unless its stamp lies in the future of its record.
    #[inline]
    fn event_time(&self, stamp: EventTime, record_time_ms: i64) -> Result<EventTime, Reject> {
        let field = self.reader.fields.name(self.reader.fields.timestamp);
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
    #[inline]
    fn name_meter(&mut self, values: &[Value<'_>]) -> Result<(), Reject> {
        let Fields { building, floor, ref meter, .. } = self.reader.fields;
        // Whether the meter is known or not makes no difference to what is taken.
        for place in [building, floor] {
            name::check(&values[place], self.reader.fields.name(place))?;
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
                name::check(&values[place], self.reader.fields.name(place))?;
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
        reject(Reason::MissingField, format!("field `{}` is missing or empty", self.reader.fields.name(field)))
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
        let (building, floor) = (text(self.reader.fields.building), text(self.reader.fields.floor));
        Ok(meters.intern(&self.meter_name, building, (!floor.is_empty()).then_some(floor)))
    }

    #[inline]
    fn read_measures(&mut self, values: &[Value<'_>]) -> Result<(), Reject> {
        self.values.clear();
        let fields = &self.reader.fields;
        for measure in &fields.measures {
            self.values.push(measures::read(&values[measure.field], measure, fields.name(measure.field))?);
        }
        Ok(())
    }
}

#[cold]
fn wrong_type(field: &str, value: &Value<'_>, wanted: &str) -> Reject {
    reject(Reason::WrongType, format!("field `{field}` is {}, not {wanted}", value.kind()))
}

#[cold]
fn reject(reason: Reason, message: impl Into<String>) -> Reject {
    Reject { reason, message: message.into() }
}

#[cfg(test)]
mod tests;
