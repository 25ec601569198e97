//! Shows that a second version can stand beside the first: a contract that does not exist, with a component made for it.
//!
//! It has a renamed field, a new type of column, a new error and a new list in its answers; the module is all that running it takes.

mod bindings {
    #![allow(missing_docs, reason = "generated")]

    wasmtime::component::bindgen!({
        path: "tests/guests/another/wit",
        world: "detector",
        ownership: Borrowing { duplicate_if_necessary: true },
        imports: { default: trappable },
    });
}

use wasmtime::Store;
use wasmtime::component::{HasSelf, Instance, InstancePre, Linker};

use super::v1_bindings::wattdog::plugin::host::Host as _;
use super::v1_bindings::wattdog::plugin::types as newest;
use super::{Answer, Calls, Exports, link_fault};
use crate::compiled::Kind;
use crate::fault::Fault;
use crate::guest::Guest;
use crate::{Batch, ColumnParam, ColumnSpec, ColumnType, Description, Enriched, Findings, Level, Meter, Scored, Severity};
use bindings::exports::wattdog::plugin::{detection, lifecycle};
use bindings::wattdog::plugin::{host, types};

pub(super) fn offer(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    host::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)
}

impl types::Host for Guest {}

impl host::Host for Guest {
    fn log(&mut self, level: host::Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            host::Level::Debug => Level::Debug,
            host::Level::Info => Level::Info,
            host::Level::Warn => Level::Warn,
            host::Level::Error => Level::Error,
        };
        newest_log(self, level, message)
    }
}

fn newest_log(guest: &mut Guest, level: Level, message: String) -> wasmtime::Result<()> {
    guest.log(level, message)
}

pub(super) fn find(pre: &InstancePre<Guest>) -> Result<Box<dyn Exports>, Fault> {
    let lifecycle = lifecycle::GuestIndices::new(pre).map_err(link_fault)?;
    let detection = detection::GuestIndices::new(pre).map_err(link_fault)?;
    Ok(Box::new(Found { lifecycle, detection }))
}

struct Found {
    lifecycle: lifecycle::GuestIndices,
    detection: detection::GuestIndices,
}

impl Exports for Found {
    fn kind(&self) -> Kind {
        Kind::Detector
    }

    fn load(&self, store: &mut Store<Guest>, instance: &Instance) -> wasmtime::Result<Box<dyn Calls>> {
        let lifecycle = self.lifecycle.load(&mut *store, instance)?;
        Ok(Box::new(Functions { lifecycle, detection: self.detection.load(store, instance)? }))
    }
}

struct Functions {
    lifecycle: lifecycle::Guest,
    detection: detection::Guest,
}

impl Calls for Functions {
    fn describe(&self, store: &mut Store<Guest>) -> wasmtime::Result<Description> {
        let of = self.lifecycle.call_describe(store)?;
        Ok(Description {
            name: of.name,
            version: of.version,
            summary: of.about,
            inputs: of.inputs.into_iter().map(column_spec).collect::<wasmtime::Result<_>>()?,
            outputs: Vec::new(),
            params: Vec::new(),
            numbers: Vec::new(),
            needs_model: of.needs_model,
            stateful: of.stateful,
            state_version: of.state_version,
            oldest_state_version: of.oldest_state_version,
        })
    }

    fn configure(&self, store: &mut Store<Guest>, config: &newest::Config<'_>) -> Answer<()> {
        let model: Vec<_> = config.model.iter().map(|part| types::ModelPart { part: part.part, bytes: part.bytes }).collect();
        let config = types::Config { params: config.params, model: &model };
        Ok(self.lifecycle.call_configure(store, config)?.map_err(error))
    }

    fn score(&self, store: &mut Store<Guest>, batch: &Batch<'_>) -> Answer<Scored> {
        let columns: Vec<_> = batch.columns.iter().map(column).collect();
        let new_meters: Vec<_> = batch.new_meters.iter().map(meter).collect();
        let new_entries: Vec<_> = batch
            .new_entries
            .iter()
            .map(|new| types::DictionaryAppend { column: new.column, first_code: new.first_code, values: new.values })
            .collect();
        let batch = types::Batch {
            rows: batch.rows,
            meters: batch.meters,
            event_times_us: batch.event_times_us,
            columns: &columns,
            new_meters: &new_meters,
            new_entries: &new_entries,
        };
        // What the newest has no place for is left out.
        let answer = self.detection.call_score(store, batch)?;
        Ok(answer.map(|scored| Scored { scores: scored.scores, findings: findings(scored.findings) }).map_err(error))
    }

    fn enrich(&self, _: &mut Store<Guest>, _: &Batch<'_>) -> Answer<Enriched> {
        wasmtime::bail!("this version has no enrichers")
    }

    fn export_state(&self, store: &mut Store<Guest>, meters: &[u32]) -> Answer<Vec<newest::MeterStateResult>> {
        let states = self.lifecycle.call_export_state(store, meters)?;
        let state = |state: types::MeterStateResult| newest::MeterStateResult { meter: state.meter, bytes: state.bytes };
        Ok(states.map(|states| states.into_iter().map(state).collect()).map_err(error))
    }

    fn import_state(
        &self,
        store: &mut Store<Guest>,
        version: u32,
        meters: &[Meter<'_>],
        states: &[newest::MeterStateParam<'_>],
    ) -> Answer<()> {
        let meters: Vec<_> = meters.iter().map(meter).collect();
        let states: Vec<_> =
            states.iter().map(|state| types::MeterStateParam { meter: state.meter, bytes: state.bytes }).collect();
        Ok(self.lifecycle.call_import_state(store, version, &meters, &states)?.map_err(error))
    }

    fn forget(&self, store: &mut Store<Guest>, meters: &[u32]) -> wasmtime::Result<()> {
        self.lifecycle.call_forget(store, meters)
    }
}

fn column_spec(of: types::ColumnSpec) -> wasmtime::Result<ColumnSpec> {
    let type_ = match of.type_ {
        types::ColumnType::Float => ColumnType::Float,
        types::ColumnType::Text => ColumnType::Text,
        types::ColumnType::Integer => wasmtime::bail!("it reads whole numbers, which this host does not have"),
    };
    Ok(ColumnSpec { name: of.name, type_, unit: of.unit, required: of.required })
}

fn column<'a>(of: &ColumnParam<'a>) -> types::Column<'a> {
    match *of {
        ColumnParam::Floats(values) => types::Column::Floats(values),
        ColumnParam::Codes(codes) => types::Column::Codes(codes),
    }
}

fn meter<'a>(of: &Meter<'a>) -> types::Meter<'a> {
    types::Meter { code: of.code, name: of.name, building: of.building, floor: of.floor }
}

fn findings(of: detection::Findings) -> Findings {
    let severity = |severity: &detection::Severity| match severity {
        detection::Severity::Minor => Severity::Minor,
        detection::Severity::Anomaly => Severity::Anomaly,
        detection::Severity::Critical => Severity::Critical,
    };
    Findings {
        rows: of.rows,
        severities: of.severities.iter().map(severity).collect(),
        expected: of.expected,
        expected_low: of.expected_low,
        expected_high: of.expected_high,
        blame: of.blame,
        numbers: of.numbers,
        reasons: of.reasons,
    }
}

fn error(of: types::Error) -> newest::Error {
    match of {
        types::Error::InvalidConfig(text) => newest::Error::InvalidConfig(text),
        types::Error::InvalidInput(text) => newest::Error::InvalidInput(text),
        types::Error::IncompatibleState(text) => newest::Error::IncompatibleState(text),
        types::Error::Internal(text) => newest::Error::Internal(text),
        types::Error::NotYet(text) => newest::Error::Internal(format!("not yet: {text}")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::{Batch, ColumnParam, Fault, Limits, Meter, Runtime, RuntimeConfig};

    #[test]
    fn a_component_of_another_version_runs_beside_those_of_the_first() {
        let guests = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests");
        let runtime = Runtime::new(RuntimeConfig::default()).unwrap();
        for (guest, params) in [("another", "{}"), ("liar", r#"{"lie":"none"}"#)] {
            let bytes =
                wattdog_files::read(&guests.join(guest).with_extension("wasm"), 1 << 26).expect("run `cargo xtask plugins`");
            let compiled = runtime.compile(&bytes, &Limits::default()).unwrap();
            let linked = runtime.link(&compiled, Limits::default(), Arc::new(|_, _| {})).unwrap();
            let mut instance = linked.start(params, &[]).unwrap();
            assert_eq!(instance.description().name, guest);
            let meter = Meter { code: 0, name: "A/1", building: "A", floor: None };
            let batch = Batch {
                rows: 2,
                meters: &[0, 0],
                event_times_us: &[0, 1],
                columns: &[ColumnParam::Floats(&[1.0, 1.0])],
                new_meters: std::slice::from_ref(&meter),
                new_entries: &[],
            };
            assert_eq!(instance.score(&batch).unwrap().scores, [1.0, 1.0], "{guest}");
            let states = instance.export_state(&[0]).unwrap();
            let states: Vec<_> = states.iter().map(|(meter, bytes)| (*meter, bytes.as_slice())).collect();
            instance.import_state(1, &[meter], &states).unwrap();
            if guest == "another" {
                let refused = instance.import_state(1, &[], &[]).unwrap_err();
                assert!(matches!(refused, Fault::Refused(text) if text == "not yet: there is no state to read"));
            }
        }
    }
}
