//! Readings that come now and then: nothing in them, too much in them, times out of order.

use serde_json::Value;
use wattdog_plugin_runtime::ColumnType;

use super::Verdict;
use super::subject::Subject;
use crate::domain::EventTime;
use crate::kit::driver::Driver;
use crate::kit::readings::Reading;
use crate::kit::rows::Rows;

/// Ordinary readings before the odd ones.
const BEFORE: usize = 64;
const DAY_US: i64 = 86_400_000_000;
/// 0001-01-01 and the last microsecond of 9999: a host takes what lies between.
const FIRST: EventTime = EventTime(-62_135_596_800_000_000);
const LAST: EventTime = EventTime(253_402_300_799_999_999);
const REMEDY: &str = "a row that cannot be judged gets NaN, and must not cost the others";

pub(super) fn values(subject: &Subject) -> Verdict {
    let ordinary = &subject.readings[0];
    let mut odd = Vec::new();
    let mut without = ordinary.clone();
    without.fields.clear();
    odd.push(("no values at all".to_owned(), without));
    for input in &subject.description.inputs {
        let values: &[(&str, Value)] = match input.type_ {
            ColumnType::Float => &[
                ("missing", Value::Null),
                ("0", 0.0.into()),
                ("-1", (-1.0).into()),
                ("1e9", 1e9.into()),
                ("1e-300", 1e-300.into()),
            ],
            ColumnType::Text => {
                &[("missing", Value::Null), ("an empty text", "".into()), ("a text of 2,000 letters", "ä".repeat(2_000).into())]
            }
        };
        for (words, value) in values {
            let mut reading = ordinary.clone();
            reading.fields.insert(input.name.clone(), value.clone());
            odd.push((format!("`{}` {words}", input.name), reading));
        }
    }
    // What was odd may show when it has become the past.
    for (words, days) in [("one day", 1), ("two days", 2)] {
        let time = EventTime((ordinary.time.0 + days * DAY_US).min(LAST.0));
        odd.push((format!("usual values {words} after odd ones, -1 and 1e9 among them"), Reading { time, ..ordinary.clone() }));
    }
    survives(subject, &odd)?;
    Ok("it survives values that are missing, negative, tiny and huge, and what comes after them".into())
}

pub(super) fn times(subject: &Subject) -> Verdict {
    let ordinary = &subject.readings[0];
    let at = |words: &str, time: EventTime| (words.to_owned(), Reading { time, ..ordinary.clone() });
    let now = subject.readings[BEFORE.min(subject.readings.len()) - 1].time;
    let after = |us: i64| EventTime((now.0 + us).clamp(FIRST.0, LAST.0));
    let odd = [
        at("a time that was there before", ordinary.time),
        at("the same time once more", ordinary.time),
        at("a time from a day before", after(-DAY_US)),
        at("a time from a year before", after(-365 * DAY_US)),
        at("a time before 1970", EventTime(-1)),
        at("a time of the year 1", FIRST),
        at("a time ten years ahead", after(3_653 * DAY_US)),
        at("a time of the year 9999", LAST),
        at("the usual time after that", after(1)),
    ];
    survives(subject, &odd)?;
    Ok("it survives times that repeat, go back, and lie before 1970 or in the years 1 and 9999".into())
}

/// After some ordinary readings each odd one in a batch of its own, so that its words can be said; then all in one.
fn survives(subject: &Subject, odd: &[(String, Reading)]) -> Result<(), String> {
    let before = BEFORE.min(subject.readings.len());
    let readings = subject.readings[..before].iter().chain(odd.iter().map(|(_, reading)| reading));
    let rows = Rows::new(readings, &subject.description.inputs);
    let mut driver = Driver::new(&subject.setup, &rows).map_err(|fault| fault.to_string())?;
    driver.send(0..before).map_err(|fault| fault.to_string())?;
    for (row, (words, _)) in (before..).zip(odd) {
        driver.send(row..row + 1).map_err(|fault| format!("on a reading with {words}: {fault}; {REMEDY}"))?;
    }
    driver.send(before..rows.count()).map_err(|fault| format!("on such readings in one batch: {fault}; {REMEDY}"))?;
    Ok(())
}
