//! A few made-up rows that every plugin has to survive before it meets a real one.

use wattdog_plugin_runtime::{Batch, ColumnParam, ColumnType, DictionaryAppendParam, Fault, Instance, Kind, Meter};

const METERS: u32 = 4;
const ROWS: u32 = 64;
/// 2026-01-01T00:00:00Z
const START_US: i64 = 1_767_225_600_000_000;
const STEP_US: i64 = 900_000_000;

/// Four meters, a quarter of an hour between rows, some of them late, values by the day, some missing, one of each kind of text.
/// A stateful plugin gives the state away and takes it back. What it answers is checked as always, and thrown away.
pub(crate) fn run(instance: &mut Instance, kind: Kind) -> Result<(), Fault> {
    let description = instance.description().clone();
    let meters: Vec<u32> = (0..ROWS).map(|row| row % METERS).collect();
    let times: Vec<i64> =
        (0..i64::from(ROWS)).map(|row| START_US + (if row % 10 == 9 { row - 8 } else { row }) * STEP_US).collect();
    let value = |row: u32, input: usize| match row % 13 {
        12 => f64::NAN,
        _ => 100.0 * (1.0 + input as f64) + 50.0 * (f64::from(row) / 10.0).sin(),
    };
    let floats: Vec<Vec<f64>> =
        (0..description.inputs.len()).map(|input| (0..ROWS).map(|row| value(row, input)).collect()).collect();
    let codes: Vec<u32> = (0..ROWS).map(|row| if row % 5 == 4 { u32::MAX } else { row % 2 }).collect();
    let columns: Vec<_> = description
        .inputs
        .iter()
        .zip(&floats)
        .map(|(input, floats)| match input.type_ {
            ColumnType::Float => ColumnParam::Floats(floats),
            ColumnType::Text => ColumnParam::Codes(&codes),
        })
        .collect();
    let texts = ["one", "other"];
    let new_entries: Vec<_> = (0..)
        .zip(&description.inputs)
        .filter(|(_, input)| input.type_ == ColumnType::Text)
        .map(|(column, _)| DictionaryAppendParam { column, first_code: 0, values: &texts })
        .collect();
    let names: Vec<String> = (0..METERS).map(|meter| format!("Canary/{meter}")).collect();
    let new_meters: Vec<_> = (0..)
        .zip(&names)
        .map(|(code, name)| Meter { code, name, building: "Canary", floor: (code > 0).then_some("1") })
        .collect();
    let batch = Batch {
        rows: ROWS,
        meters: &meters,
        event_times_us: &times,
        columns: &columns,
        new_meters: &new_meters,
        new_entries: &new_entries,
    };
    match kind {
        Kind::Detector => instance.score(&batch).map(drop)?,
        Kind::Enricher => instance.enrich(&batch).map(drop)?,
    }
    if description.stateful {
        let codes: Vec<u32> = (0..METERS).collect();
        let states = instance.export_state(&codes)?;
        let states: Vec<_> = states.iter().map(|(meter, bytes)| (*meter, bytes.as_slice())).collect();
        instance.import_state(description.state_version, &new_meters, &states)?;
        instance.forget(&codes)?;
    }
    Ok(())
}
