//! The project's plugins as components against the same code compiled for this machine: nanoseconds for each reading.
//!
//! Both sides take the same rows in turn, so that the ratio holds whatever the machine does besides.
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark prints and measures")]

use std::hint::black_box;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use rand::{RngExt as _, SeedableRng as _};
use wattdog::config::Config;
use wattdog::domain::{Batch, MeterId, MeterTable};
use wattdog::registry::{Plugin, Sidecar};
use wattdog::wasm::{Dictionaries, Duty, LanePlugin, Names};
use wattdog_plugin::shell::{Column, Config as ShellConfig, ModelPart, Rows, Shell};
use wattdog_plugin_runtime as runtime;
use wattdog_plugin_runtime::{Enriched, Fault, Instance, Runtime, RuntimeConfig, Scored};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 2_001;

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the host lies in the workspace")?;
    let kmeans =
        || Sides::of_detector::<wattdog_kmeans::Plug>(root, "kmeans", r#"{"anomaly_distance":2.5,"critical_distance":3.5}"#);
    let calendar =
        || Sides::of_enricher::<wattdog_calendar::Plug>(root, "calendar", r#"{"time_zone":"UTC","holidays":{},"terms":{}}"#);
    let site = || Sides::of_enricher::<wattdog_site::Plug>(root, "site", r#"{"buildings":{},"measures":{"electricity":"kWh"}}"#);
    println!("ns for each reading; median of {ROUNDS} calls, the two sides in turn");
    println!("{:<10} {:>6} {:>10} {:>12} {:>12} {:>8}", "plugin", "rows", "findings", "component", "native", "ratio");
    for rows in [64, 1_024, 4_096] {
        print("kmeans", rows, 0.0, kmeans()?);
        print("kmeans", rows, 0.05, kmeans()?);
        print("calendar", rows, 0.0, calendar()?);
        print("site", rows, 0.0, site()?);
    }
    Ok(())
}

fn print(name: &str, rows: usize, far: f64, sides: Sides) {
    let (component, native) = sides.compare(rows, far);
    let (percent, ratio) = (far * 100.0, component / native);
    println!("{name:<10} {rows:>6} {percent:>8.0} % {component:>12.2} {native:>12.2} {ratio:>8.2}");
}

type Component = dyn FnMut(&Batch, Names<'_>);
type Native = dyn FnMut(Rows);

/// A plugin as a component, taken as the pipeline takes it, and the same code without WebAssembly.
struct Sides {
    component: Box<Component>,
    native: Box<Native>,
    inputs: usize,
}

impl Sides {
    fn of_detector<P: wattdog_plugin::Detector + 'static>(root: &Path, name: &str, params: &str) -> Result<Self> {
        let mut shell = native::<P>(root, params)?;
        let native = move |rows| _ = black_box(shell.score(rows).expect("it scores what it is made for"));
        Self::new::<Scoring>(root, name, Box::new(native))
    }

    fn of_enricher<P: wattdog_plugin::Enricher + 'static>(root: &Path, name: &str, params: &str) -> Result<Self> {
        let mut shell = native::<P>(root, params)?;
        let native = move |rows| _ = black_box(shell.enrich(rows).expect("it enriches what it is made for"));
        Self::new::<Enriching>(root, name, Box::new(native))
    }

    fn new<D: Duty + Default>(root: &Path, name: &str, native: Box<Native>) -> Result<Self> {
        let plugin = component(&root.join(format!("plugins/{name}.wasm")))?;
        let inputs = plugin.inputs.len();
        let mut component = LanePlugin::new(plugin);
        Ok(Self { component: Box::new(move |batch, names| component.run(batch, names, &mut D::default())), native, inputs })
    }

    /// Median nanoseconds for each row, of the component and of native code.
    fn compare(mut self, rows: usize, far: f64) -> (f64, f64) {
        let (batch, meters) = readings(rows, far);
        let dictionaries = Dictionaries::new();
        let (mut of_component, mut of_native) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let started = Instant::now();
            (self.component)(&batch, Names { meters: &meters, dictionaries: &dictionaries });
            of_component.push(started.elapsed());
            let copied = copied(&batch, &meters, self.inputs, of_native.is_empty());
            let started = Instant::now();
            (self.native)(copied);
            of_native.push(started.elapsed());
        }
        let median = |mut times: Vec<Duration>| {
            times.sort();
            times[ROUNDS / 2].as_secs_f64() * 1e9 / rows as f64
        };
        (median(of_component), median(of_native))
    }
}

fn component(file: &Path) -> Result<Arc<Plugin>> {
    let config = Config::default();
    let measures: Vec<_> = config.input.measures.iter().map(|(name, m)| (name.clone(), m.unit.clone())).collect();
    let sidecar = Sidecar::beside(file).map_err(|error| anyhow!(error))?;
    let runtime = Runtime::new(RuntimeConfig::default())?;
    Plugin::alone(file, &sidecar, &runtime, &measures)
        .map_err(|reason| anyhow!("{}: {reason}; run `cargo xtask plugins`", file.display()))
}

/// Configured as the component is; a plugin without a model leaves it.
fn native<P: wattdog_plugin::Plugin>(root: &Path, params: &str) -> Result<Shell<P>> {
    let part = |part: &str, file: &str| -> Result<ModelPart> {
        Ok(ModelPart { part: part.into(), bytes: std::fs::read(root.join("models").join(file))? })
    };
    let mut shell = Shell::new();
    let model = vec![part("", "kmeans_energy.json")?, part("threshold", "kmeans_energy.threshold.json")?];
    shell.configure(&ShellConfig { params: params.into(), model }).map_err(|error| anyhow!("{error}"))?;
    Ok(shell)
}

/// Takes what the plugin says as the pipeline does, and does nothing with it.
macro_rules! duty {
    ($name:ident, $answer:ty, $call:ident) => {
        #[derive(Default)]
        struct $name;

        impl Duty for $name {
            type Answer = $answer;

            fn call(instance: &mut Instance, batch: &runtime::Batch<'_>) -> Result<$answer, Fault> {
                instance.$call(batch)
            }

            fn done(&mut self, _: Range<usize>, answer: Result<$answer, Fault>) {
                black_box(answer.expect("the project's plugins take what they are made for"));
            }

            fn skipped(&mut self, rows: Range<usize>) {
                unreachable!("rows {rows:?} of a plugin that never fails");
            }
        }
    };
}

duty!(Scoring, Scored, score);
duty!(Enriching, Enriched, enrich);

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

fn copied(batch: &Batch, meters: &MeterTable, inputs: usize, first: bool) -> Rows {
    let codes: Vec<u32> = batch.meters.iter().map(|meter| meter.0).collect();
    let new_meter = |&code: &u32| {
        let meter = meters.meter(MeterId(code));
        let building = meters.building(meter.building).to_owned();
        wattdog_plugin::Meter { code, name: meter.name.clone(), building, floor: None }
    };
    Rows {
        rows: batch.len() as u32,
        new_meters: if first { codes.iter().map(new_meter).collect() } else { Vec::new() },
        meters: codes,
        event_times_us: batch.event_times_us.clone(),
        columns: batch.measures[..inputs].iter().map(|values| Column::Floats(values.clone())).collect(),
        new_entries: Vec::new(),
    }
}
