//! What the rounds say together.

use crate::bare_loop::BareLoop;
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

fn ratio((bare, system): &(BareLoop, System)) -> f64 {
    system.committed_per_second / bare.readings_per_second
}

fn line(what: &str, per_second: f64, bare: &BareLoop) {
    println!("{what:<24} {per_second:>12.0} readings/s   ratio {:.2}", per_second / bare.readings_per_second);
}
