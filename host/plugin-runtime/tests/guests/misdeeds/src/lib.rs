//! A detector that misbehaves on request.

use serde::Deserialize;
use wattdog_plugin::{
    Batch, Description, Detector, Error, Model, ParamSpec, ParamType, Plugin, Result, Scored, Severity, export_detector, log,
};

/// What it does instead of its duty.
#[derive(Deserialize)]
pub struct Misdeed {
    misdeed: String,
}

impl Plugin for Misdeed {
    type Params = Self;

    fn describe() -> Description {
        Description::new("misdeeds", "1.0.0", "Misbehaves on request.").input("electricity", "kWh").param(ParamSpec::new(
            "misdeed",
            ParamType::Text,
            "What to do.",
        ))
    }

    fn configure(params: Self, _: Model<'_>) -> Result<Self> {
        match params.misdeed.as_str() {
            "refuse configuration" => Err(Error::InvalidConfig("no, not like this".into())),
            "loop in configure" => endless(),
            _ => Ok(params),
        }
    }
}

impl Detector for Misdeed {
    fn score(&mut self, batch: &Batch<'_>, scored: &mut Scored) -> Result<()> {
        scored.scores().copy_from_slice(batch.floats(0));
        match self.misdeed.as_str() {
            "loop" => endless(),
            "panic" => panic!("the reading {} is more than I can bear", batch.floats(0)[0]),
            "panic on 13" => assert!(!batch.floats(0).contains(&13.0), "unlucky"),
            "take all memory" => {
                let mut hoard: Vec<Vec<u8>> = Vec::new();
                loop {
                    hoard.push(vec![1; 1 << 20]);
                }
            }
            "use up the stack" => drop(deeper(1)),
            "score by the place in the batch" => (0u32..).zip(scored.scores()).for_each(|(row, score)| *score = row.into()),
            "score infinity" => scored.scores()[0] = f64::INFINITY,
            "flood the log" => (0..100_000).for_each(|line| log::warn(&format!("line {line}"))),
            "return a huge text" => drop(scored.report(0, Severity::Minor).reason("x".repeat(4 << 20))),
            "refuse" => return Err(Error::InvalidInput("I would rather not".into())),
            _ => {}
        }
        Ok(())
    }
}

fn endless<T>() -> T {
    let mut turns = 0u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

#[expect(unconditional_recursion, reason = "the misdeed")]
fn deeper(depth: u64) -> u64 {
    std::hint::black_box(deeper(std::hint::black_box(depth + 1)) + 1)
}

export_detector!(Misdeed);
