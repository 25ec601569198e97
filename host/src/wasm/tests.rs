//! Whatever happens to instances on the way, a stateful detector says what one that lives for ever would have said.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use wattdog_plugin_runtime::{Fault, Instance, Runtime, RuntimeConfig, Scored};

use super::*;
use crate::registry::Sidecar;

const VERSIONS: [&str; 3] = ["tally-1", "tally-2", "tally-3"];
const UNBEARABLE: f64 = 13.0;

static COMPILED: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

/// The guest `tally` in three versions: counts, averages, and panics on one value. Anew for each case, with a health of its own.
fn plugins() -> [Arc<Plugin>; 3] {
    let cache_dir = Some(COMPILED.path().join("cache"));
    let runtime = Runtime::new(RuntimeConfig { cache_dir, ..RuntimeConfig::default() }).unwrap();
    VERSIONS.map(|version| {
        let guests = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/guests");
        let sidecar: Sidecar = toml::from_str(&format!("[params]\nreport_every = 1\nunbearable = {UNBEARABLE:.1}")).unwrap();
        let measures = [("electricity".to_owned(), "kWh".to_owned())];
        Plugin::alone(&guests.join(version).with_extension("wasm"), &sidecar, &runtime, &measures)
            .expect("run `cargo xtask plugins`")
    })
}

/// What happens between two batches.
#[derive(Clone, Copy, Debug)]
enum Event {
    Nothing,
    PutAway,
    Swap(usize),
    /// Another lane takes over, from nothing but the states.
    Move,
}

/// A row: meter and value.
type Row = (u32, f64);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let value = prop_oneof![60 => (0u32..100).prop_map(|eighths| f64::from(eighths) / 8.0 + 20.0), 1 => Just(UNBEARABLE)];
    proptest::collection::vec((0u32..6, value), 0..40)
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![3 => Just(Event::Nothing), 1 => Just(Event::PutAway), 2 => (0usize..3).prop_map(Event::Swap), 1 => Just(Event::Move)]
}

/// Findings as (meter, readings seen, average), and rows that failed.
#[derive(Default)]
struct Said {
    findings: Vec<(f64, f64)>,
    failed: usize,
}

impl Duty for Said {
    type Answer = Scored;

    fn call(instance: &mut Instance, batch: &runtime::Batch<'_>) -> Result<Scored, Fault> {
        instance.score(batch)
    }

    fn done(&mut self, rows: Range<usize>, answer: Result<Scored, Fault>) {
        match answer {
            Ok(scored) => self.findings.extend(scored.findings.numbers.chunks(2).map(|numbers| (numbers[0], numbers[1]))),
            Err(_) => self.failed += rows.len(),
        }
    }

    fn skipped(&mut self, _: Range<usize>) {}
}

fn meters() -> MeterTable {
    let mut meters = MeterTable::default();
    for meter in 0..6 {
        meters.intern(&format!("B{meter}"), &format!("B{meter}"), None);
    }
    meters
}

fn batch(rows: &[Row]) -> Batch {
    let mut batch = Batch::new(1);
    for &(meter, value) in rows {
        batch.offsets.push(0);
        batch.record_times_ms.push(0);
        batch.event_times_us.push(0);
        batch.meters.push(MeterId(meter));
        batch.measures[0].push(value);
    }
    batch
}

/// The same arithmetic, natively, of the rows that can be borne.
fn expected(steps: &[(Vec<Row>, Event)]) -> Vec<(f64, f64)> {
    let mut meters = [(0.0, 0.0); 6];
    let rows = steps.iter().flat_map(|(rows, _)| rows).filter(|(_, value)| *value != UNBEARABLE);
    rows.map(|&(meter, value)| {
        let (seen, average) = &mut meters[meter as usize];
        *seen += 1.0;
        *average += (value - *average) / 8.0;
        (*seen, *average)
    })
    .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn faults_swaps_moves_and_lost_instances_leave_no_trace(steps in proptest::collection::vec((rows(), event()), 1..12)) {
        let (meters, dictionaries) = (meters(), Dictionaries::new());
        let names = Names { meters: &meters, dictionaries: &dictionaries };
        let mut said = Said::default();
        let plugins = plugins();
        let mut lane = LanePlugin::new(Arc::clone(&plugins[0]));
        for (rows, event) in &steps {
            lane.run(&batch(rows), names, &mut said);
            match *event {
                Event::Nothing => {}
                Event::PutAway => lane.put_instance_away(),
                Event::Swap(to) => {
                    while !lane.prepare_swap(names, &mut said) {}
                    (lane, _) = LanePlugin::succeed(Arc::clone(&plugins[to]), lane, names, &mut said);
                }
                Event::Move => {
                    let states = lane.states(names, &mut said);
                    lane = LanePlugin::new(Arc::clone(lane.plugin()));
                    lane.hold();
                    lane.release(states);
                }
            }
        }
        let unbearable = steps.iter().flat_map(|(rows, _)| rows).filter(|(_, value)| *value == UNBEARABLE).count();
        prop_assert_eq!(said.failed, unbearable);
        prop_assert_eq!(said.findings, expected(&steps));
    }
}
