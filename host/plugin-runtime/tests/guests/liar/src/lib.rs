//! A detector without the SDK's care: its one parameter, taken as it comes, says which answer is wrong.
#![cfg(target_family = "wasm")]
#![allow(missing_docs, reason = "a guest has no readers but the tests")]

use std::cell::RefCell;

use wattdog_plugin::bindings::detection::exports::wattdog::plugin::detection::{self, Findings, Scored, Severity};
use wattdog_plugin::bindings::lifecycle::exports::wattdog::plugin::lifecycle::{self, Config, MeterState};
use wattdog_plugin::{Description, Error, Meter, ParamSpec, ParamType};

thread_local! {
    static LIE: RefCell<String> = const { RefCell::new(String::new()) };
}

struct Liar;

fn is(lie: &str) -> bool {
    LIE.with_borrow(|told| told == lie)
}

impl lifecycle::Guest for Liar {
    fn describe() -> Description {
        Description::new("liar", "1.0.0", "Answers wrongly on request.")
            .input("electricity", "kWh")
            .number("five", "", "Always five.")
            .param(ParamSpec::new("lie", ParamType::Text, "Which answer is wrong."))
            .state(1, 1)
    }

    fn configure(config: Config) -> Result<(), Error> {
        // {"lie":"…"}
        let lie = config.params.split('"').nth(3).unwrap_or_default().to_owned();
        LIE.set(lie);
        Ok(())
    }

    fn export_state(meters: Vec<u32>) -> Result<Vec<MeterState>, Error> {
        let state = |meter: u32| MeterState { meter, bytes: vec![1] };
        Ok(if is("state of a stranger") {
            vec![state(4_000_000)]
        } else if is("state twice") {
            meters.iter().chain(&meters).map(|&meter| state(meter)).collect()
        } else {
            meters.into_iter().map(state).collect()
        })
    }

    fn import_state(_: u32, _: Vec<Meter>, _: Vec<MeterState>) -> Result<(), Error> {
        Ok(())
    }

    fn forget(_: Vec<u32>) {}
}

impl detection::Guest for Liar {
    fn score(batch: detection::Batch) -> Result<Scored, Error> {
        let rows = batch.rows as usize;
        let scores = |count: usize| vec![1.0; count];
        let found = |rows: Vec<u32>| {
            let n = rows.len();
            Findings {
                severities: vec![Severity::Minor; n],
                expected: Vec::new(),
                expected_low: Vec::new(),
                expected_high: Vec::new(),
                blame: Vec::new(),
                numbers: vec![5.0; n],
                reasons: Vec::new(),
                rows,
            }
        };
        let answer = |scores, findings| Ok(Scored { scores, findings });
        LIE.with_borrow(|lie| match lie.as_str() {
            "too few scores" => answer(scores(rows - 1), found(vec![])),
            "too many scores" => answer(scores(rows + 1), found(vec![])),
            "no scores" => answer(scores(0), found(vec![])),
            "a million scores" => answer(scores(1_000_000), found(vec![])),
            "a row that is not there" => answer(scores(rows), found(vec![batch.rows])),
            "the same row twice" => answer(scores(rows), found(vec![0, 0])),
            "rows backwards" => answer(scores(rows), found(vec![1, 0])),
            "ten million rows" => answer(scores(rows), found((0..10_000_000).collect())),
            "too few severities" => answer(scores(rows), Findings { severities: vec![], ..found(vec![0]) }),
            "too many numbers" => answer(scores(rows), Findings { numbers: vec![5.0; 9], ..found(vec![0]) }),
            "half of an interval" => answer(scores(rows), Findings { expected_low: vec![5.0; 3], ..found(vec![0]) }),
            "no text" => {
                // SAFETY: it is not UTF-8, which is the lie; nothing here reads it.
                let reason = unsafe { String::from_utf8_unchecked(vec![0xff, 0xfe, 0xc0]) };
                answer(scores(rows), Findings { reasons: vec![reason], ..found(vec![0]) })
            }
            "a thousand reasons" => answer(scores(rows), Findings { reasons: vec!["because".into(); 1_000], ..found(vec![0]) }),
            "one text a thousand times" => {
                let all: Vec<u32> = (0..batch.rows).collect();
                answer(scores(rows), Findings { reasons: vec!["x".repeat(1 << 20); rows], ..found(all) })
            }
            _ => answer(scores(rows), found(vec![])),
        })
    }
}

wattdog_plugin::bindings::lifecycle::export_lifecycle!(Liar with_types_in wattdog_plugin::bindings::lifecycle);
wattdog_plugin::bindings::detection::export_detection!(Liar with_types_in wattdog_plugin::bindings::detection);
