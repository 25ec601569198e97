//! Scores a row by its electricity, in the words of a contract that does not exist.
#![cfg(target_family = "wasm")]
#![allow(missing_docs, unreachable_pub, clippy::all, reason = "mostly generated, and read by nobody but the tests")]

wit_bindgen::generate!({ path: "wit", world: "detector", generate_all });

use exports::wattdog::plugin::detection::{self, Findings, Scored};
use exports::wattdog::plugin::lifecycle;
use wattdog::plugin::types::{Batch, Column, ColumnSpec, ColumnType, Config, Description, Error, Meter, MeterState};

struct Another;

impl lifecycle::Guest for Another {
    fn describe() -> Description {
        let input = ColumnSpec { name: "electricity".into(), type_: ColumnType::Float, unit: "kWh".into(), required: true };
        Description {
            name: "another".into(),
            version: "2.0.0".into(),
            about: "Of a second version of the contract.".into(),
            inputs: vec![input],
            outputs: vec![],
            params: vec![],
            numbers: vec![],
            needs_model: false,
            stateful: true,
            state_version: 1,
            oldest_state_version: 1,
        }
    }

    fn configure(_: Config) -> Result<(), Error> {
        Ok(())
    }

    fn export_state(meters: Vec<u32>) -> Result<Vec<MeterState>, Error> {
        Ok(meters.into_iter().map(|meter| MeterState { meter, bytes: vec![2] }).collect())
    }

    fn import_state(_: u32, _: Vec<Meter>, states: Vec<MeterState>) -> Result<(), Error> {
        if states.is_empty() { Err(Error::NotYet("there is no state to read".into())) } else { Ok(()) }
    }

    fn forget(_: Vec<u32>) {}
}

impl detection::Guest for Another {
    fn score(batch: Batch) -> Result<Scored, Error> {
        let [Column::Floats(values)] = &batch.columns[..] else { return Err(Error::InvalidInput("no electricity".into())) };
        let findings = Findings {
            rows: vec![],
            severities: vec![],
            expected: vec![],
            expected_low: vec![],
            expected_high: vec![],
            blame: vec![],
            numbers: vec![],
            reasons: vec![],
        };
        Ok(Scored { scores: values.clone(), confidences: vec![0.5; values.len()], findings })
    }
}

export!(Another);
