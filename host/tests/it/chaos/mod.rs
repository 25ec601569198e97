//! Everything that can go wrong with real servers, at random, under load; afterwards every row and every dead letter is compared
//! with what follows from the input topic alone.
//!
//! `cargo xtask chaos --faults 60 --seed 7`

mod disk;
mod faults;
mod hosts;
pub(crate) mod load;
pub(crate) mod oracle;
mod recorder;
mod topics;
mod ways;

use std::path::Path;
use std::time::{Duration, Instant};

use rand::{RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::feeder::{PARTITIONS, make_topic};
use crate::servers::{World, eventually, workspace};
use crate::shortened_log::stores_have_begun;
use disk::SmallDisk;
use faults::{Fault, Ground};
use hosts::Hosts;
use load::Load;
use oracle::Named;
use recorder::named_lost;
use topics::Topics;
use ways::Ways;

/// An input that is keyed by building, and one that is not.
const SEEDS: [u64; 2] = [1, 2];
const FAULTS: u64 = 13;
/// A host that is silent for so long has left its group. The least that brokers take by default.
const SESSION: Duration = Duration::from_secs(6);
/// From the last reading to the last row.
const PATIENCE: Duration = Duration::from_secs(400);

fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is no number: {value}")))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "stops the servers that other tests use; `cargo xtask test` and `cargo xtask chaos` run it alone"]
async fn nothing_is_lost_doubled_or_wrong_whatever_goes_wrong() {
    let faults = number("WATTDOG_CHAOS_FAULTS").unwrap_or(FAULTS);
    for seed in number("WATTDOG_CHAOS_SEED").map_or(SEEDS.to_vec(), |seed| vec![seed]) {
        run(faults, seed).await;
    }
}

/// With no fault between them, metrics and log of the hosts tell of the same loss, to the one.
async fn a_last_cut_is_counted(world: &World, ground: &mut Ground, hosts: &mut Hosts<'_>, random: &mut Xoshiro256PlusPlus) {
    let named = || {
        let lost = named_lost(&world.log());
        lost.iter().filter(|lost| lost.reader == "repartition").map(|lost| lost.until - lost.from).sum::<i64>()
    };
    let all_answer = async || {
        hosts.restart_ended();
        hosts.counted_lost()
    };
    let counted = eventually("all hosts answer", all_answer).await;
    let before = (counted, named());
    Fault::InputCut.strike(world, ground, hosts, random).await;
    eventually("metrics count what the log names", async || {
        let more = hosts.counted_lost()? - before.0;
        (more > 0 && more == named() - before.1).then_some(())
    })
    .await;
}

#[expect(clippy::print_stdout, reason = "the report, for whoever looks")]
async fn run(faults: u64, seed: u64) {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    // Every other seed has readings of a building in all partitions, and so a topic between the input and the lanes.
    let keyed = seed % 2 == 1;
    let mut world = World::with_plugins("chaos", &["kmeans"]);
    world.configure(&format!(
        "[kafka.properties]\n\"session.timeout.ms\" = \"{}\"\n[state]\ninterval = \"5s\"\n",
        SESSION.as_millis()
    ));
    let ways = Ways::of(&mut world);
    world.variables.push(("WATTDOG__INPUT__REPARTITION", if keyed { "never" } else { "always" }.to_owned()));
    let disk = SmallDisk::under(&world).await;
    let through = if keyed { "" } else { ".repartition" };
    let (input, state) = (format!("{}{through}", world.name), format!("{}.state{through}", world.name));
    load::drop_tally(&world, 1);
    make_topic(&world).await;
    let load = Load::start(&world, keyed);
    let mut hosts = Hosts::new(&world);
    hosts.add();
    std::thread::sleep(Duration::from_secs(3));
    assert!(hosts.get(0).lives(), "{}", world.log());
    stores_have_begun(&world, &format!("{}.aggregations", world.name), PARTITIONS).await;
    let topics = Topics::of(&world);
    let mut ground = Ground { ways, disk, input, state, topics, load, keyed };
    let input = if keyed { "keyed by building" } else { "without keys" };
    let began = Instant::now();
    let mut report = format!("# Chaos: {faults} faults, seed {seed}, an input {input}\n\n| s | fault |\n|---|---|\n");
    for _ in 0..faults {
        std::thread::sleep(Duration::from_millis(random.random_range(300..2_500)));
        let fault = Fault::any(&mut random, ground.keyed);
        let line = format!("| {:.0} | {fault:?} |\n", began.elapsed().as_secs_f64());
        print!("{line}");
        report += &line;
        fault.strike(&world, &mut ground, &mut hosts, &mut random).await;
        hosts.keep_one(&mut random);
    }
    if !keyed {
        a_last_cut_is_counted(&world, &mut ground, &mut hosts, &mut random).await;
    }
    let Ground { mut topics, load, input: read, ways: _ways, disk: _disk, .. } = ground;
    let sent = load.stop();
    let fed = began.elapsed();
    let lost = if keyed { 0 } else { topics.settle(&world) };
    let named = Named { input: &topics.input_file, rows: &topics.rows_file };
    let comparison = oracle::compare_with(&world, &world.name, (!keyed).then_some(&*read), Some(&named), PATIENCE).await;
    hosts.stop();
    report += &format!(
        "\n{sent} messages in {:.0} s, of which hosts have named {lost} as deleted before they were read; expected: {}.\n\nlost {}, doubled {}, wrong {}\n",
        fed.as_secs_f64(),
        comparison.expected,
        comparison.lost.len(),
        comparison.doubled.len(),
        comparison.wrong.len()
    );
    for difference in comparison.differences().iter().take(30) {
        report += &format!("- {difference}\n");
    }
    let file = workspace().join(format!("target/chaos-{seed}.md"));
    std::fs::write(&file, &report).unwrap();
    println!("{report}\nThe report is in {}", Path::new("target").join(file.file_name().unwrap()).display());
    assert!(comparison.differences().is_empty(), "{report}");
}
