//! Components that were compiled when their contract was released. Every later host has to run them, and they must say the same.
//!
//! They are never built again: `fixtures/v1` holds the first release's `stuck-meter` (a detector with state) and `site` (an
//! enricher with text).

use std::path::Path;
use std::sync::Arc;

use wattdog_plugin_runtime::{Batch, Column, ColumnParam, Instance, Limits, Meter, Runtime, RuntimeConfig, complete_params};

const HOUR_US: i64 = 3_600_000_000;

fn start(component: &str, params: serde_json::Value) -> Instance {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(component);
    let runtime = Runtime::new(RuntimeConfig::default()).unwrap();
    let compiled = runtime.compile(&std::fs::read(file).unwrap(), &Limits::default()).unwrap();
    let linked = runtime.link(&compiled, Limits::default(), Arc::new(|_, _| {})).unwrap();
    let params = complete_params(&linked.describe().unwrap().params, params.as_object().unwrap()).unwrap();
    linked.start(&params, &[]).unwrap()
}

fn meter() -> Meter<'static> {
    Meter { code: 0, name: "Tower/1", building: "Tower", floor: Some("1") }
}

fn batch<'a>(times: &'a [i64], columns: &'a [ColumnParam<'a>], new_meters: &'a [Meter<'a>]) -> Batch<'a> {
    let meters: &[u32] = &[0; 4];
    Batch {
        rows: times.len() as u32,
        meters: &meters[..times.len()],
        event_times_us: times,
        columns,
        new_meters,
        new_entries: &[],
    }
}

#[test]
fn a_detector_of_the_first_release_says_what_it_said_and_hands_its_state_on() {
    let mut instance = start("v1/stuck-meter.wasm", serde_json::json!({ "hours": 2.0 }));
    let scored = instance.score(&batch(&[0, HOUR_US], &[ColumnParam::Floats(&[5.0, 5.0])], &[meter()])).unwrap();
    assert_eq!((scored.scores, scored.findings.rows), (vec![0.0, 0.5], vec![]));

    let states = instance.export_state(&[0]).unwrap();
    let states: Vec<_> = states.iter().map(|(meter, bytes)| (*meter, bytes.as_slice())).collect();
    let mut successor = start("v1/stuck-meter.wasm", serde_json::json!({ "hours": 2.0 }));
    successor.import_state(instance.description().state_version, &[meter()], &states).unwrap();
    let scored = successor.score(&batch(&[2 * HOUR_US, 3 * HOUR_US], &[ColumnParam::Floats(&[5.0, 5.0])], &[])).unwrap();
    assert_eq!((scored.scores, scored.findings.rows), (vec![1.0, 1.5], vec![1]));
    assert_eq!(scored.findings.reasons, ["electricity has stayed at 5 kWh for 3 h"]);
}

#[test]
fn an_enricher_of_the_first_release_says_what_it_said() {
    let building = serde_json::json!({ "Tower": { "floor_area_m2": 50.0, "use": "office", "occupancy": 9 } });
    let mut instance = start("v1/site.wasm", serde_json::json!({ "buildings": building }));
    let columns: Vec<_> = instance.description().inputs.iter().map(|_| ColumnParam::Floats(&[100.0, f64::NAN])).collect();
    let enriched = instance.enrich(&batch(&[0, 1], &columns, &[meter()])).unwrap();
    let outputs: Vec<_> = instance.description().outputs.iter().map(|output| output.name.as_str()).collect();
    let column = |name: &str| &enriched.columns[outputs.iter().position(|output| *output == name).unwrap()];
    assert!(matches!(column("floor_area_m2"), Column::Floats(values) if values == &[50.0, 50.0]));
    assert!(matches!(column("use"), Column::Codes(codes) if codes == &[0, 0]));
    assert_eq!(enriched.new_entries[0].values, ["office"]);
}
