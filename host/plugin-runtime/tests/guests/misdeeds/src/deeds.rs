//! What can be done anywhere, and what can be answered.

use std::hint::black_box;

use wattdog_plugin::{ColumnSpec, ColumnType, Description, Finding, ParamSpec, ParamType, Scored, Severity, log};

use crate::outside;

/// Does it and, where that is possible, comes back.
pub(crate) fn act(deed: &str) {
    match deed {
        "loop" => endless(),
        "panic" => panic!("I can bear no more"),
        "take all memory" => hoard(),
        "use up the stack" => drop(deeper(1)),
        "flood the log" => (0..100_000).for_each(|line| log::warn(&format!("line {line}"))),
        "log a huge line" => log::warn(&"x".repeat(4 << 20)),
        "log what steers a terminal" => log::warn("one\u{1b}[2J\ntwo"),
        _ => outside::act(deed),
    }
}

/// Answers that the contract forbids.
pub(crate) fn answer(deed: &str, scored: &mut Scored) {
    match deed {
        "score infinity" => scored.scores()[0] = f64::INFINITY,
        "score minus infinity" => scored.scores()[0] = f64::NEG_INFINITY,
        "score below nothing" => scored.scores()[0] = -0.5,
        "score NaN" => scored.scores().fill(f64::NAN),
        "number infinity" => done(scored.report(0, Severity::Minor).number(0, f64::INFINITY)),
        "expect infinity" => done(scored.report(0, Severity::Minor).number(0, 5.0).expected(0, f64::INFINITY, 0.0..=1.0)),
        "blame too much" => done(scored.report(0, Severity::Minor).number(0, 5.0).blame(&[7.0])),
        "blame NaN" => done(scored.report(0, Severity::Minor).number(0, 5.0).blame(&[f64::NAN])),
        "return a huge text" => done(scored.report(0, Severity::Minor).number(0, 5.0).reason("x".repeat(4 << 20))),
        "report what steers a terminal" => {
            scored.report(0, Severity::Minor).number(0, 5.0).reason("one\u{1b}[2J\ntwo");
        }
        _ => {}
    }
}

fn done(_: Finding<'_>) {}

/// Descriptions that are wrong.
pub(crate) fn lie(deed: &str, description: Description) -> Description {
    let column = |name: &str| ColumnSpec { name: name.into(), type_: ColumnType::Float, unit: String::new(), required: false };
    match deed {
        "no name" => Description { name: String::new(), ..description },
        "a name with a path" => Description { name: "../../etc/passwd".into(), ..description },
        "no version" => Description { version: "latest".into(), ..description },
        "two inputs of one name" => description.input("electricity", "kWh"),
        "a detector with outputs" => Description { outputs: vec![column("more")], ..description },
        "state from the future" => description.state(1, 2),
        "a default out of bounds" => {
            description.param(ParamSpec::new("odd", ParamType::Float, "Odd.").default_value(5.0).at_most(1.0))
        }
        "a default that is no JSON" => {
            let mut param = ParamSpec::new("odd", ParamType::Float, "Odd.");
            param.default = Some("{".into());
            description.param(param)
        }
        "a thousand inputs" => Description { inputs: (0..1_000).map(|at| column(&format!("c{at}"))).collect(), ..description },
        "a huge summary" => Description { summary: "x".repeat(8 << 20), ..description },
        _ => description,
    }
}

fn endless() {
    let mut turns = 0u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

fn hoard() {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    loop {
        hoard.push(black_box(vec![1; 1 << 20]));
    }
}

#[expect(unconditional_recursion, reason = "the misdeed")]
fn deeper(depth: u64) -> u64 {
    black_box(deeper(black_box(depth + 1)) + 1)
}
