//! Random bytes and damaged components, as files that somebody drops: each is refused, or runs within its limits; none is a panic.

use std::sync::Arc;
use std::time::Duration;

use wattdog_plugin_runtime::{Limits, Runtime, RuntimeConfig};

/// SplitMix64: the same files on each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

fn mutate(whole: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    match random.below(6) {
        0 => {
            let header = if random.below(2) == 0 { &b"\0asm\x0d\0\x01\0"[..] } else { &[] };
            bytes = header.to_vec();
            let length = random.below(4_000);
            bytes.extend((0..length).map(|_| random.next() as u8));
        }
        1 => bytes.truncate(random.below(whole.len())),
        2 => {
            let (from, length) = (random.below(whole.len()), random.below(64));
            let piece = bytes[from..whole.len().min(from + length)].to_vec();
            let at = random.below(whole.len());
            bytes.splice(at..at, piece);
        }
        3 => {
            let (from, length) = (random.below(whole.len()), 1 + random.below(64));
            bytes.drain(from..whole.len().min(from + length));
        }
        // The first few hundred bytes and the last say what the component is; most of the rest is code.
        4 => {
            let at = if random.below(2) == 0 { random.below(1_000) } else { whole.len() - 1 - random.below(4_000) };
            bytes[at] ^= 1 << random.below(8);
        }
        _ => {
            for _ in 0..=random.below(4) {
                let at = random.below(whole.len());
                bytes[at] = random.next() as u8;
            }
        }
    }
    bytes
}

fn try_all(count: usize, seed: u64) -> [usize; 4] {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests/liar.wasm");
    let whole = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask plugins`", path.display()));
    let runtime = Runtime::new(RuntimeConfig::default()).unwrap();
    let limits = Limits { start_time: Duration::from_millis(20), memory: 16 << 20, ..Limits::default() };
    let mut random = Random(seed);
    let [mut broken, mut unfit, mut failing, mut running] = [0; 4];
    for _ in 0..count {
        let bytes = mutate(&whole, &mut random);
        let Ok(compiled) = runtime.compile(&bytes, &limits) else {
            broken += 1;
            continue;
        };
        let Ok(linked) = runtime.link(&compiled, limits.clone(), Arc::new(|_, _| {})) else {
            unfit += 1;
            continue;
        };
        match linked.start(r#"{"lie":"none"}"#, &[]) {
            Ok(_) => running += 1,
            Err(_) => failing += 1,
        }
    }
    [broken, unfit, failing, running]
}

#[test]
fn a_thousand_damaged_files_are_no_panic() {
    let [broken, ..] = try_all(1_000, 1);
    assert!(broken > 300, "the files were not damaged enough: {broken}");
}

#[test]
#[ignore = "takes minutes; run it in a release build, with --ignored --nocapture"]
#[expect(clippy::print_stdout, reason = "the figures are what it is run for")]
fn a_hundred_thousand_damaged_files_are_no_panic() {
    let halves = [2, 3].map(|seed| std::thread::spawn(move || try_all(50_000, seed)));
    let mut sum = [0; 4];
    for half in halves {
        let counts = half.join().expect("no panic");
        sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    let [broken, unfit, failing, running] = sum;
    println!("100000 files: {broken} no component, {unfit} no plugin, {failing} fail at start, {running} run all the same");
}
