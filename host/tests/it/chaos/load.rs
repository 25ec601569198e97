//! Readings at a steady rate, some of them late, repeated, broken, or more than a detector can bear.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::feeder::Feeder;
use crate::servers::{World, workspace};

/// 2026-01-01T00:00:00Z
const START: u64 = 1_767_225_600;
const METERS: u64 = 12;
const PAUSE: Duration = Duration::from_millis(10);
/// No more than the slowest store takes on a busy machine.
const AT_ONCE: u64 = 2;
/// The value that the detector `tally` cannot bear.
pub(crate) const UNBEARABLE: f64 = 4_000.0;

/// Puts one of two versions of a detector that counts each meter's readings into the plugin folder.
pub(crate) fn drop_tally(world: &World, version: u64) {
    let sidecar = format!("warm_start = \"0s\"\n[params]\nreport_every = 1\nunbearable = {UNBEARABLE:.1}\n");
    std::fs::write(world.plugins().join("tally.toml"), sidecar).unwrap();
    let guest = workspace().join(format!("target/guests/tally-{version}.wasm"));
    std::fs::copy(guest, world.plugins().join("tally.wasm")).expect("run `cargo xtask plugins`");
}

pub(crate) fn line(number: u64) -> (String, String) {
    // Repeats the last one of the same meter.
    let number = if number % 71 == 70 { number - METERS } else { number };
    let building = format!("B{}", number % METERS);
    if number % 61 == 60 {
        return (building.clone(), format!("{{\"building\":\"{building}\",\"electricity\":"));
    }
    let late = match number % 97 {
        50 => 20 * 60,
        90 => 2 * 3_600,
        _ => 0,
    };
    let time = START + number / METERS - late;
    let electricity = if number % 503 == 502 { UNBEARABLE } else { (number * 31 % 2_000) as f64 / 8.0 + 0.1 };
    let line = format!(
        r#"{{"timestamp":{time},"building":"{building}","floor":1,"electricity":{electricity},"water":{}}}"#,
        number % 700
    );
    (building, line)
}

/// A gateway that sends until it is told to stop.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    pause: Arc<AtomicBool>,
    /// It sends nothing, and the broker has all that was sent.
    rests: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Load {
    /// Keyed by building, or by nothing that says anything.
    pub(crate) fn start(world: &World, keyed: bool) -> Self {
        let [stop, pause, rests] = std::array::from_fn(|_| Arc::new(AtomicBool::new(false)));
        let (stopped, paused, resting) = (Arc::clone(&stop), Arc::clone(&pause), Arc::clone(&rests));
        let (kafka, topic) = (world.kafka.clone(), world.name.clone());
        let thread = std::thread::spawn(move || {
            let (mut feeder, mut sent) = (Feeder::to(&kafka, &topic, "lz4"), 0);
            while !stopped.load(Ordering::Relaxed) {
                for _ in 0..AT_ONCE {
                    let (building, line) = line(sent);
                    let key = if keyed { building } else { format!("gateway {sent}") };
                    feeder.send(&key, Some(line.as_bytes()));
                    sent += 1;
                }
                std::thread::sleep(PAUSE);
                if paused.load(Ordering::Relaxed) {
                    feeder.finish();
                    resting.store(true, Ordering::Relaxed);
                    while paused.load(Ordering::Relaxed) {
                        std::thread::sleep(PAUSE);
                    }
                    resting.store(false, Ordering::Relaxed);
                    // The topic may be another one.
                    feeder = Feeder::to(&kafka, &topic, "lz4");
                }
            }
            feeder.finish();
            sent
        });
        Self { stop, pause, rests, thread }
    }

    /// Sends nothing until [`Load::go_on`].
    pub(crate) fn pause(&self) {
        self.pause.store(true, Ordering::Relaxed);
        while !self.rests.load(Ordering::Relaxed) {
            std::thread::sleep(PAUSE);
        }
    }

    pub(crate) fn go_on(&self) {
        self.pause.store(false, Ordering::Relaxed);
    }

    /// How many messages the topic has.
    pub(crate) fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}
