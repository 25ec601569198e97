//! What the rounds say together.

use std::collections::BTreeSet;

use crate::bare_loop::BareLoop;
use crate::followers::While;
use crate::system::System;

pub(crate) fn print(mut rounds: Vec<(BareLoop, System)>) {
    rounds.sort_by(|a, b| ratio(a).total_cmp(&ratio(b)));
    let median = rounds.len() / 2;
    let (bare, system) = &rounds[median];
    println!();
    println!("bare loop                {:>12.0} readings/s", bare.readings_per_second);
    line("to the last commit", system.committed_per_second, bare);
    line("to the last row stored", system.stored_per_second, bare);
    println!("windows, anomalies       {:>12} {}", system.windows, system.anomalies);
    let peaks = rounds.iter().map(|(_, system)| system.peak_mebibytes);
    println!("peak resident set        {:>12.0} MiB, of all rounds", peaks.fold(0.0, f64::max));
    println!("from start to ready      {:>12.2} s", system.ready_seconds);
    println!("\nprocessor time, ns for each reading");
    for (stage, ns) in &system.stages {
        println!("  lane: {stage:<18} {ns:>8.1}");
    }
    for (thread, ns) in system.threads.iter().filter(|(_, ns)| **ns >= 0.5) {
        println!("  thread: {thread:<16} {ns:>8.1}");
    }
    let total: f64 = system.threads.values().sum();
    println!("  process {:<16} {total:>8.1}", "");
    println!("  all processes {:<10} {:>8.1}  until the last commit", "", system.machine);
    for (plugin, ns) in &system.plugins {
        println!("  plugin: {plugin:<16} {ns:>8.1}  {:.0} readings a batch", system.batch[plugin]);
    }
    let plugins: f64 = system.plugins.values().sum();
    println!("  WebAssembly {:<12} {plugins:>8.1}  {:.1} % of the process", "", 100.0 * plugins / total);
}

type Figure<T> = (&'static str, fn(&T) -> f64);

/// What followers cost, from pairs without and with them.
pub(crate) fn followers(count: u32, pairs: &[[While; 2]]) {
    println!("\n{} pairs: nobody follows; {count} follow", pairs.len());
    let pairs: Vec<_> = pairs.iter().map(|[without, with]| (without, with)).collect();
    let figures: [Figure<While>; 2] =
        [("readings/s", |it| it.readings_per_second), ("ns a reading, of the process", |it| it.process)];
    ratios(&figures, &pairs);
}

/// Two that were measured in turn.
pub(crate) fn compare(rounds: &[(&System, &System)]) {
    println!();
    let figures: [Figure<System>; 3] = [
        ("readings/s to the last commit", |system| system.committed_per_second),
        ("ns a reading, of the process", |system| system.threads.values().sum()),
        ("ns a reading, of all processes", |system| system.machine),
    ];
    ratios(&figures, rounds);
    let threads: BTreeSet<&String> =
        rounds.iter().flat_map(|(first, other)| first.threads.keys().chain(other.threads.keys())).collect();
    for thread in threads {
        let ns = |system: &System| system.threads.get(thread).copied().unwrap_or_default();
        let first = median(&sorted(rounds.iter().map(|(first, _)| ns(first))));
        let other = median(&sorted(rounds.iter().map(|(_, other)| ns(other))));
        println!("  of thread {thread:<24} {first:>10.1} {other:>10.1}");
    }
}

/// Medians of the first and the other, and of the ratio within a pair, with the interval in which that median lies with 95 %
/// confidence: between two order statistics, by the sign test.
fn ratios<T>(figures: &[Figure<T>], pairs: &[(&T, &T)]) {
    println!("{:<36} {:>10} {:>10} {:>8}   95 % interval", "medians", "first", "other", "ratio");
    for (what, figure) in figures {
        let first = median(&sorted(pairs.iter().map(|(first, _)| figure(first))));
        let other = median(&sorted(pairs.iter().map(|(_, other)| figure(other))));
        let ratios = sorted(pairs.iter().map(|(first, other)| figure(other) / figure(first)));
        let interval = interval(&ratios).map_or_else(|| "of too few".to_owned(), |(low, high)| format!("{low:.3} to {high:.3}"));
        println!("{what:<36} {first:>10.0} {other:>10.0} {:>8.3}   {interval}", median(&ratios));
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

/// By the normal approximation of how many of the values lie below the median.
fn interval(sorted: &[f64]) -> Option<(f64, f64)> {
    let count = sorted.len() as f64;
    let rank = ((count - 1.96 * count.sqrt()) / 2.0).max(1.0) as usize;
    (count >= 6.0).then(|| (sorted[rank - 1], sorted[sorted.len() - rank]))
}

fn ratio((bare, system): &(BareLoop, System)) -> f64 {
    system.committed_per_second / bare.readings_per_second
}

fn line(what: &str, per_second: f64, bare: &BareLoop) {
    println!("{what:<24} {per_second:>12.0} readings/s   ratio {:.2}", per_second / bare.readings_per_second);
}
