//! `kmeans` as a component against the same code compiled for this machine: nanoseconds for each reading.
//!
//! Both sides score the same rows in turn, so that the ratio holds whatever the machine does besides.
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark prints and measures")]

use std::hint::black_box;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use rand::{RngExt as _, SeedableRng as _};
use wattdog::config::Config;
use wattdog::domain::{Batch, MeterTable};
use wattdog::registry::{Plugin, Sidecar};
use wattdog::wasm::{Dictionaries, Duty, LanePlugin, Names};
use wattdog_kmeans::Plug;
use wattdog_plugin::shell::{Column, Config as ShellConfig, ModelPart, Rows, Shell};
use wattdog_plugin_runtime as runtime;
use wattdog_plugin_runtime::{Fault, Instance, Runtime, RuntimeConfig, Scored};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 2_001;

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the host lies in the workspace")?;
    let component = component(root)?;
    println!("kmeans, ns for each reading; median of {ROUNDS} calls, the two sides in turn");
    println!("{:>6} {:>10} {:>12} {:>12} {:>8}", "rows", "findings", "component", "native", "ratio");
    for far in [0.0, 0.05] {
        for rows in [64, 1_024, 4_096] {
            let (component, native) = compare(&component, root, rows, far)?;
            println!("{rows:>6} {:>8.0} % {component:>12.2} {native:>12.2} {:>8.2}", far * 100.0, component / native);
        }
    }
    Ok(())
}

fn component(root: &Path) -> Result<Arc<Plugin>> {
    let file = root.join("plugins/kmeans.wasm");
    let config = Config::default();
    let measures: Vec<_> = config.input.measures.iter().map(|(name, m)| (name.clone(), m.unit.clone())).collect();
    let sidecar = Sidecar::beside(&file).map_err(|error| anyhow!(error))?;
    let runtime = Runtime::new(RuntimeConfig::default())?;
    Plugin::alone(&file, &sidecar, &runtime, &measures)
        .map_err(|reason| anyhow!("{}: {reason}; run `cargo xtask plugins`", file.display()))
}

/// Takes what the detector says as the pipeline does, and does nothing with it.
struct Scoring;

impl Duty for Scoring {
    type Answer = Scored;

    fn call(instance: &mut Instance, batch: &runtime::Batch<'_>) -> Result<Scored, Fault> {
        instance.score(batch)
    }

    fn done(&mut self, _: Range<usize>, answer: Result<Scored, Fault>) {
        black_box(answer.expect("the default detector scores what it is made for"));
    }

    fn skipped(&mut self, rows: Range<usize>) {
        unreachable!("rows {rows:?} of a detector that never fails");
    }
}

fn native(root: &Path) -> Result<Shell<Plug>> {
    let part = |part: &str, file: &str| -> Result<ModelPart> {
        Ok(ModelPart { part: part.into(), bytes: std::fs::read(root.join("models").join(file))? })
    };
    let mut shell = Shell::new();
    let params = r#"{"anomaly_distance":2.5,"critical_distance":3.5}"#.to_owned();
    let model = vec![part("", "kmeans_energy.json")?, part("threshold", "kmeans_energy.threshold.json")?];
    shell.configure(&ShellConfig { params, model }).map_err(|error| anyhow!("{error}"))?;
    Ok(shell)
}

/// Median nanoseconds for each row, of the component and of native code.
fn compare(component: &Arc<Plugin>, root: &Path, rows: usize, far: f64) -> Result<(f64, f64)> {
    let (batch, meters) = readings(rows, far);
    let mut component = LanePlugin::new(Arc::clone(component));
    let mut native = native(root)?;
    let dictionaries = Dictionaries::new();
    let (mut of_component, mut of_native) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let started = Instant::now();
        component.run(&batch, Names { meters: &meters, dictionaries: &dictionaries }, &mut Scoring);
        of_component.push(started.elapsed());
        let copied = copied(&batch);
        let started = Instant::now();
        black_box(native.score(copied).map_err(|error| anyhow!("{error}"))?);
        of_native.push(started.elapsed());
    }
    let median = |mut times: Vec<Duration>| {
        times.sort();
        times[ROUNDS / 2].as_secs_f64() * 1e9 / rows as f64
    };
    Ok((median(of_component), median(of_native)))
}

/// Readings near the model's levels, and a share far from them.
fn readings(rows: usize, far: f64) -> (Batch, MeterTable) {
    let mut random = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(7);
    let mut meters = MeterTable::default();
    let mut batch = Batch::new(2);
    for row in 0..rows {
        let building = ["Building A", "Building B", "Building C"][row % 3];
        let level = [100.0, 150.0, 195.0][random.random_range(0..3)];
        let factor = if random.random_bool(far) { 3.0 } else { 1.0 };
        batch.meters.push(meters.intern(&format!("{building}/{}", row % 5), building, None));
        batch.offsets.push(row as i64);
        batch.record_times_ms.push(0);
        batch.event_times_us.push(row as i64 * 1_000_000);
        batch.measures[0].push(factor * level + random.random_range(-5.0..5.0));
        batch.measures[1].push(2.0 * level + random.random_range(-10.0..10.0));
    }
    (batch, meters)
}

fn copied(batch: &Batch) -> Rows {
    Rows {
        rows: batch.len() as u32,
        meters: batch.meters.iter().map(|meter| meter.0).collect(),
        event_times_us: batch.event_times_us.clone(),
        columns: batch.measures.iter().map(|values| Column::Floats(values.clone())).collect(),
        new_meters: Vec::new(),
        new_entries: Vec::new(),
    }
}
