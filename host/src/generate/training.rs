//! Rows to train on: three regimes of consumption, low, medium and high.

use std::io::Write;

use rand::{RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Mean of electricity (kWh) and water (L), and share of the rows.
const REGIMES: [(f64, f64, f64); 3] = [(105.0, 200.0, 0.3), (150.0, 300.0, 0.45), (195.0, 400.0, 0.25)];
const SPREAD: (f64, f64) = (16.0, 36.0);
/// Share of rows that no regime explains, and how much wider they lie: the tail that a threshold is learnt from.
const STRAY: (f64, f64) = (0.12, 3.2);

pub(super) fn write(rows: u64, seed: u64, csv: bool, out: &mut dyn Write) -> std::io::Result<()> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    if csv {
        writeln!(out, "electricity,water")?;
    }
    for _ in 0..rows {
        let (electricity, water) = row(&mut random);
        if csv {
            writeln!(out, "{electricity:.2},{water:.2}")?;
        } else {
            writeln!(out, r#"{{"electricity":{electricity:.2},"water":{water:.2}}}"#)?;
        }
    }
    Ok(())
}

fn row(random: &mut Xoshiro256PlusPlus) -> (f64, f64) {
    let mut share = random.random_range(0.0..1.0);
    let (electricity, water, _) = *REGIMES
        .iter()
        .find(|(_, _, weight)| {
            share -= weight;
            share < 0.0
        })
        .unwrap_or(&REGIMES[2]);
    let wide = if random.random_bool(STRAY.0) { STRAY.1 } else { 1.0 };
    let (a, b) = normal_pair(random);
    ((electricity + SPREAD.0 * wide * a).max(0.0), (water + SPREAD.1 * wide * b).max(0.0))
}

/// Two independent standard normal numbers (Box and Muller, 1958).
fn normal_pair(random: &mut Xoshiro256PlusPlus) -> (f64, f64) {
    let radius = (-2.0 * (1.0 - random.random_range(0.0..1.0f64)).ln()).sqrt();
    let angle = std::f64::consts::TAU * random.random_range(0.0..1.0f64);
    (radius * angle.cos(), radius * angle.sin())
}
