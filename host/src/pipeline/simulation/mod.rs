//! Lanes, their commits and their recovery on a log in memory, where anything can go wrong at every step: a lost call, a lost
//! answer, an aborted transaction, a process that is killed, frozen or moved, state that is damaged or gone.
//!
//! The code under test is the one that runs on Kafka; only [`LaneLog`](super::LaneLog) is another. Everything that happens follows
//! from a seed, which a failure prints: `WATTDOG_SEED=<seed> cargo test -p wattdog --lib simulation` does the same again,
//! and `WATTDOG_SEEDS` is how many are tried.

mod broker;
mod log;
mod oracle;
mod world;

use std::sync::Arc;
use std::time::Duration;

use wattdog_plugin_runtime::{Runtime, RuntimeConfig};

use super::homes::Homes;
use super::lane::Shared;
use super::progress::Progress;
use crate::config::{Config, load_text};
use crate::domain::{Batch, MeterTable};
use crate::kafka::Settings;
use crate::metrics::Metrics;
use crate::registry::{Catalogue, Lineup, Lineups, Plugin, Sidecar};
use crate::window::{BuildingTime, Windows};
use broker::Input;
pub(super) use broker::Planted;
use oracle::Expected;
use world::World;

const SEEDS: u64 = 10_000;
const THREADS: u64 = 2;
const UNBEARABLE: f64 = 13.0;
/// Things that happen before everything has to come to an end.
const ACTS: u32 = 110;
/// After calm has come, more than this says that the end is never reached.
const MOST_ACTS: u32 = 20_000;
/// Longer than any turn in which nothing is tried again.
const LONG_TURN: Duration = Duration::from_millis(500);
const LATENESS_US: i64 = 120_000_000;
const METERS: [(&str, u64); 5] = [("A", 1), ("A", 2), ("B", 1), ("C", 1), ("C", 2)];
const CONFIG: &str = "[window]\nallowed_lateness = \"2m\"\nresend = \"0s\"\n[input]\nrepeats = \"keep\"\n[state]\ninterval = \"3s\"\n[input.measures.electricity]\nfield = \"electricity\"\nunit = \"kWh\"\n";

thread_local! {
    static PLUGINS: [Arc<Plugin>; 2] = {
        let cache = tempfile::tempdir().unwrap();
        let runtime = Runtime::new(RuntimeConfig { cache_dir: Some(cache.path().join("cache")), ..RuntimeConfig::default() }).unwrap();
        let guests = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/guests");
        let sidecar: Sidecar = toml::from_str(&format!("[params]\nreport_every = 1\nunbearable = {UNBEARABLE:.1}")).unwrap();
        let measures = [("electricity".to_owned(), "kWh".to_owned())];
        ["tally-1", "tally-2"].map(|version| {
            let file = guests.join(version).with_extension("wasm");
            Plugin::alone(&file, &sidecar, &runtime, &measures).expect("run `cargo xtask plugins`")
        })
    };
}

/// One of two versions of a detector that counts the readings of each meter.
fn lineup(generation: u64) -> Lineup {
    let plugin = PLUGINS.with(|plugins| Arc::clone(&plugins[generation as usize % 2]));
    let catalogue = Catalogue::new(&[("electricity".to_owned(), "kWh".to_owned())]);
    Lineup { generation, detectors: vec![plugin], catalogue, ..Lineup::default() }
}

fn shared(config: Config, planted: Option<Planted>) -> Arc<Shared> {
    let lineups = Arc::new(Lineups::default());
    lineups.publish(lineup(1));
    let settings =
        Settings { bootstrap: String::new(), properties: std::collections::BTreeMap::new(), partitioner: Default::default() };
    let (metrics, _) = Metrics::new();
    let homes = Arc::new(Homes::new(metrics.split_buildings.clone()));
    Arc::new(Shared {
        config,
        settings,
        lineups,
        metrics,
        homes,
        progress: Arc::new(Progress::default()),
        compacted: false,
        planted,
    })
}

/// What one seed says. An error tells what is wrong.
fn run(seed: u64, planted: Option<Planted>) -> Result<(), String> {
    let config = load_text(CONFIG, "simulation", []).expect("a good configuration");
    let shared = shared(config, planted);
    let partitions = 1 + seed as usize % 2;
    let world = World::new(shared, seed, partitions, 1 + seed as usize % 3, planted);
    let mut feed = Feed::default();
    for _ in 0..ACTS {
        if world.random(0..=4) == 0 {
            feed.append(&world, partitions);
        }
        world.act();
    }
    world.calm_down();
    let mut acts = 0;
    // Long enough for a lane that has just begun to show its open windows.
    let mut quiet_since = world.now();
    while !world.is_at_rest() || world.now().duration_since(quiet_since).as_secs() < 6 {
        let before = world.now();
        world.act();
        // One that was fenced may give up for good only after seconds, all in one turn, and others have not had theirs.
        if !world.is_at_rest() || world.now().duration_since(before) > LONG_TURN {
            quiet_since = world.now();
        }
        acts += 1;
        if acts > MOST_ACTS {
            return Err("the end of the input is never committed".into());
        }
    }
    world.take_partitions().iter().enumerate().try_for_each(|(number, partition)| {
        Expected::of(&partition.input).compare(&partition.results).map_err(|wrong| format!("partition {number}: {wrong}"))
    })
}

/// Readings in the order of their buildings' clocks but for some, and some that are none.
#[derive(Default)]
struct Feed {
    second: u64,
}

impl Feed {
    fn append(&mut self, world: &World, partitions: usize) {
        for _ in 0..world.random(1..=12) {
            self.second += world.random(0..=4);
            let (building, floor) = METERS[world.random(0..=METERS.len() as u64 - 1) as usize];
            let late = if world.random(0..=6) == 0 { world.random(0..=200) } else { 0 };
            let second = 1_764_806_400 + self.second as i64 - late as i64;
            let value = if world.random(0..=150) == 0 { UNBEARABLE } else { 20.0 + world.random(0..=1_000_000) as f64 / 1_024.0 };
            let payload = match world.random(0..=40) {
                0 => format!("{{\"building\":\"{building}\""),
                _ => format!(r#"{{"timestamp":{second},"building":"{building}","floor":{floor},"electricity":{value}}}"#),
            };
            let partition = usize::from(building.as_bytes()[0]) % partitions;
            world.append(
                partition,
                Input {
                    timestamp_ms: 1_764_806_400_000 + 1_000_000,
                    key: building.as_bytes().to_vec(),
                    payload: payload.into_bytes(),
                },
            );
        }
    }
}

/// The mistake of moving watermarks before the batch is filtered by them.
pub(super) fn move_watermarks_first(batch: &Batch, meters: &MeterTable, windows: &mut Windows) {
    for (meter, &time) in batch.meters.iter().zip(&batch.event_times_us) {
        let building = meters.meter(*meter).building;
        let latest = batch.meters.iter().zip(&batch.event_times_us);
        let latest = latest.filter(|(other, _)| meters.meter(**other).building == building).map(|(_, time)| *time).max();
        let watermark_us = latest.max(Some(time));
        let horizon_us = watermark_us.map(|watermark_us| watermark_us - LATENESS_US);
        windows.restore_time(building, BuildingTime { watermark_us, horizon_us, ..BuildingTime::default() });
    }
}

fn first_wrong(seeds: impl Iterator<Item = u64>, planted: Option<Planted>) -> Option<(u64, String)> {
    seeds.into_iter().find_map(|seed| run(seed, planted).err().map(|wrong| (seed, wrong)))
}

#[test]
fn nothing_is_lost_doubled_or_wrong_whatever_goes_wrong() {
    if let Some(seed) = std::env::var("WATTDOG_SEED").ok().map(|seed| seed.parse().expect("WATTDOG_SEED is a number")) {
        run(seed, None).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
        return;
    }
    let seeds = std::env::var("WATTDOG_SEEDS").map_or(SEEDS, |seeds| seeds.parse().expect("WATTDOG_SEEDS is a number"));
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| std::thread::spawn(move || first_wrong((thread..seeds).step_by(THREADS as usize), None)))
        .collect();
    for thread in threads {
        if let Some((seed, wrong)) = thread.join().expect("no panic") {
            panic!("seed {seed}: {wrong}");
        }
    }
}

/// With `--nocapture` it shows what was noticed.
#[test]
#[expect(clippy::print_stdout, reason = "the catch is to be seen")]
fn a_planted_mistake_is_caught() {
    for planted in [Planted::OffsetsFirst, Planted::StateBeside, Planted::WatermarkFirst] {
        let (seed, wrong) = first_wrong(0..200, Some(planted)).unwrap_or_else(|| panic!("{planted:?} goes unnoticed"));
        println!("{planted:?}, seed {seed}: {wrong}");
    }
}
