//! Green Button: readings as XML of the Energy Services Provider Interface (NAESB REQ.21), as utilities give them to customers.

use std::io::BufRead;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::error::Fault;

/// What a reading of the feed measures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ReadingType {
    /// Number of the unit: 72 is Wh.
    uom: Option<i64>,
    power_of_ten: i64,
    /// 1 and 2 are electricity, 7 gas, 9 water.
    commodity: Option<i64>,
    /// 4 is an amount of the interval, 1 and 3 what a register shows.
    accumulation: Option<i64>,
}

/// A measure of the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) measure: &'static str,
    pub(super) unit: &'static str,
}

impl ReadingType {
    /// The measure and the unit of its values.
    pub(super) fn kind(&self) -> Result<Kind, Fault> {
        if matches!(self.accumulation, Some(1 | 3)) {
            return Err(Fault::of_form(
                "the readings are those of a register (accumulationBehaviour 1 or 3), not amounts of an interval",
            ));
        }
        match (self.uom, self.commodity) {
            (Some(72), None | Some(0..=2)) => Ok(Kind { measure: "electricity", unit: "Wh" }),
            (Some(42), Some(9)) => Ok(Kind { measure: "water", unit: "m³" }),
            (Some(134), Some(9)) => Ok(Kind { measure: "water", unit: "L" }),
            (Some(128), Some(9)) => Ok(Kind { measure: "water", unit: "gal" }),
            (uom, commodity) => {
                let number = |number: Option<i64>| number.map_or_else(|| "none".to_owned(), |number| number.to_string());
                Err(Fault::of_form(format!(
                    "readings with uom {} and commodity {} are not converted; uom 72 (Wh) of electricity and volumes of water are",
                    number(uom),
                    number(commodity)
                )))
            }
        }
    }
}

/// Gives each reading to `take` as a JSON object: the beginning of its interval, the building, its amount.
pub(super) fn for_each_reading(
    reader: &mut dyn BufRead,
    building: &str,
    take: &mut dyn FnMut(&ReadingType, &[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<Result<(), Fault>> {
    let mut xml = Reader::from_reader(reader);
    let (mut buffer, mut path, mut record): (Vec<u8>, Vec<String>, Vec<u8>) = (Vec::new(), Vec::new(), Vec::new());
    let (mut known, mut next) = (None::<ReadingType>, ReadingType::default());
    let (mut start, mut value) = (None::<i64>, None::<i64>);
    loop {
        match xml.read_event_into(&mut buffer) {
            Ok(Event::Start(tag)) => path.push(tag.local_name().as_ref().to_owned()),
            Ok(Event::Text(text)) => {
                let number = text.trim().parse::<i64>().ok();
                let names: Vec<&str> = path.iter().rev().take(3).map(String::as_str).collect();
                match names[..] {
                    ["uom", "ReadingType", ..] => next.uom = number.or(next.uom),
                    ["powerOfTenMultiplier", "ReadingType", ..] => next.power_of_ten = number.unwrap_or(next.power_of_ten),
                    ["commodity", "ReadingType", ..] => next.commodity = number.or(next.commodity),
                    ["accumulationBehaviour", "ReadingType", ..] => next.accumulation = number.or(next.accumulation),
                    ["start", "timePeriod", "IntervalReading"] => start = number.or(start),
                    ["value", "IntervalReading", ..] => value = number.or(value),
                    _ => {}
                }
            }
            Ok(Event::End(_)) => match path.pop().as_deref() {
                Some("ReadingType") => {
                    let read = std::mem::take(&mut next);
                    if known.as_ref().is_some_and(|known| *known != read) {
                        let message = "several kinds of readings in one file; ask for a file of each, or write them as CSV";
                        return Ok(Err(Fault::of_form(message)));
                    }
                    known = Some(read);
                }
                Some("IntervalReading") => {
                    let Some(kind) = &known else {
                        return Ok(Err(Fault::of_form(
                            "no ReadingType stands before the first reading, so its unit is not known",
                        )));
                    };
                    let measure = match kind.kind() {
                        Ok(kind) => kind.measure,
                        Err(fault) => return Ok(Err(fault)),
                    };
                    record.clear();
                    let object = serde_json::json!({ "timestamp": start.take(), "building": building });
                    let object = object.to_string();
                    record.extend_from_slice(object.trim_end_matches('}').as_bytes());
                    if let Some(value) = value.take() {
                        record.extend_from_slice(format!(",\"{measure}\":{value}e{}", kind.power_of_ten).as_bytes());
                    }
                    record.push(b'}');
                    take(kind, &record)?;
                }
                _ => {}
            },
            Ok(Event::Eof) if !path.is_empty() => return Ok(Err(Fault::of_form("the XML is cut off"))),
            Ok(Event::Eof) => return Ok(Ok(())),
            Ok(_) => {}
            Err(error) => return Ok(Err(Fault::of_form(format!("not XML at byte {}: {error}", xml.error_position())))),
        }
        buffer.clear();
    }
}
