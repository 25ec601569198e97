//! The guests in Rust, what each does and where, and how a case is run.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use wattdog_plugin_runtime::{
    Batch, ColumnParam, Compiler, Fault, Instance, Limits, Linked, Meter, Runtime, RuntimeConfig, Trap, complete_params,
};

use crate::Outcome;
use crate::process::Held;

pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// Its parameters, as JSON.
    pub(crate) params: serde_json::Value,
    pub(crate) call: Call,
    pub(crate) outcome: Outcome,
}

/// How far the host goes with it.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Call {
    Score,
    Export,
    Import,
    Forget,
}

pub(crate) struct World {
    runtime: Runtime,
    good: Linked,
}

/// Time enough that a busy machine is not taken for a loop, memory little enough that it is used up before the time is.
pub(crate) fn limits() -> Limits {
    Limits {
        batch_time: Duration::from_millis(300),
        start_time: Duration::from_millis(500),
        memory: 16 << 20,
        compile_time: Duration::from_secs(2),
        compile_memory: 2 << 30,
        component: 4 << 20,
        ..Limits::default()
    }
}

pub(crate) fn guest(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests").join(name).with_extension("wasm");
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask plugins`", path.display()))
}

fn silent() -> wattdog_plugin_runtime::LogSink {
    Arc::new(|_, _| {})
}

impl World {
    pub(crate) fn new() -> Self {
        let program = env!("CARGO_BIN_EXE_wattdog-plugin-compiler").into();
        let runtime = Runtime::new(RuntimeConfig {
            compiler: Some(Compiler { program, arguments: Vec::new() }),
            ..RuntimeConfig::default()
        })
        .unwrap();
        let compiled = runtime.compile(&guest("misdeeds"), &limits()).unwrap();
        let good = runtime.link(&compiled, limits(), silent()).unwrap();
        let world = Self { runtime, good };
        // What is allocated once is there before anything is measured.
        world.a_reading_is_scored();
        world
    }

    fn a_reading_is_scored(&self) {
        let params = r#"{"misdeed":"none","place":"score"}"#;
        let mut instance = self.good.start(params, &[]).unwrap();
        assert_eq!(score(&mut instance).unwrap(), "[7.0, 8.0]");
    }

    /// What is wrong about the outcome.
    pub(crate) fn run(&mut self, case: Case) -> Option<String> {
        let Case { name, bytes, params, call, outcome } = case;
        let before = Held::now();
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&log);
        let sink = Arc::new(move |_, line: &str| lines.lock().unwrap().push(line.to_owned()));
        let came = self.come(&bytes, &params, call, sink);
        let lines = log.lock().unwrap().len();
        let said = match &came {
            Ok(answer) => format!("taken: {}", answer.chars().take(60).collect::<String>()),
            Err(fault) => format!("{}: {fault}", fault.word()),
        };
        println!("{name:<44} {said}");
        self.a_reading_is_scored();
        drop(bytes);
        let problem = if !outcome(&came) {
            Some(format!("another outcome than expected: {said}"))
        } else if said.contains(char::is_control) {
            Some("its words are not one plain line".into())
        } else if lines > Limits::default().log_lines as usize + 1 {
            Some(format!("{lines} lines of log"))
        } else {
            Held::now().more_than(before)
        };
        problem.map(|problem| format!("{name}: {problem}"))
    }

    fn come(
        &self,
        bytes: &[u8],
        params: &serde_json::Value,
        call: Call,
        log: wattdog_plugin_runtime::LogSink,
    ) -> Result<String, Fault> {
        let compiled = self.runtime.compile(bytes, &limits())?;
        let linked = self.runtime.link(&compiled, limits(), log)?;
        let params = complete_params(&linked.describe()?.params, params.as_object().unwrap()).map_err(Fault::Refused)?;
        let mut instance = linked.start(&params, &[])?;
        match call {
            Call::Score => score(&mut instance),
            Call::Export => instance.export_state(&[0, 1]).map(|states| format!("{} states", states.len())),
            Call::Import => instance.import_state(2, &[meter()], &[(0, b"bytes of another")]).map(|()| "state".to_owned()),
            Call::Forget => instance.forget(&[0]).map(|()| "forgotten".to_owned()),
        }
    }
}

fn meter() -> Meter<'static> {
    Meter { code: 0, name: "A/1", building: "A", floor: Some("1") }
}

fn score(instance: &mut Instance) -> Result<String, Fault> {
    let scored = instance.score(&Batch {
        rows: 2,
        meters: &[0, 0],
        event_times_us: &[0, 1],
        columns: &[ColumnParam::Floats(&[7.0, 8.0])],
        new_meters: &[meter()],
        new_entries: &[],
    })?;
    Ok(format!("{:?}{}", scored.scores, scored.findings.reasons.concat()))
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = everywhere();
    cases.extend(misdeeds());
    cases.extend(lies());
    cases.extend(descriptions());
    cases.extend(outside());
    cases
}

fn case(name: &str, guest: &str, params: serde_json::Value, call: Call, outcome: Outcome) -> Case {
    Case { name: name.into(), bytes: self::guest(guest), params, call, outcome }
}

fn is_deadline(came: &Result<String, Fault>) -> bool {
    matches!(came, Err(Fault::Deadline { .. }))
}

fn is_panic(came: &Result<String, Fault>) -> bool {
    matches!(came, Err(Fault::Trap { kind: Trap::Unreachable, message }) if message.contains("I can bear no more"))
}

fn is_memory(came: &Result<String, Fault>) -> bool {
    matches!(came, Err(Fault::Memory { limit }) if *limit == 16 << 20)
}

fn is_stack(came: &Result<String, Fault>) -> bool {
    matches!(came, Err(Fault::Trap { kind: Trap::StackOverflow, .. }))
}

fn is_output(came: &Result<String, Fault>) -> bool {
    matches!(came, Err(Fault::Output(_)))
}

fn is_output_size(came: &Result<String, Fault>) -> bool {
    matches!(came, Err(Fault::OutputSize { .. }))
}

fn is_taken(came: &Result<String, Fault>) -> bool {
    matches!(came, Ok(answer) if answer.starts_with("[7.0, 8.0]"))
}

/// Four things that can be done in every function of the contract.
fn everywhere() -> Vec<Case> {
    let deeds: [(&str, Outcome); 4] =
        [("loop", is_deadline), ("panic", is_panic), ("take all memory", is_memory), ("use up the stack", is_stack)];
    let places = [
        ("configure", Call::Score),
        ("score", Call::Score),
        ("export-state", Call::Export),
        ("import-state", Call::Import),
        ("forget", Call::Forget),
    ];
    let mut cases = Vec::new();
    for (deed, outcome) in deeds {
        let mut at_once = case(&format!("{deed} in describe"), "misdeeds", named("none"), Call::Score, outcome);
        patch(&mut at_once.bytes, deed);
        cases.push(at_once);
        for (place, call) in places {
            let params = serde_json::json!({ "misdeed": deed, "place": place });
            cases.push(case(&format!("{deed} in {place}"), "misdeeds", params, call, outcome));
        }
    }
    cases
}

fn named(misdeed: &str) -> serde_json::Value {
    serde_json::json!({ "misdeed": misdeed })
}

/// Writes what `describe` does into the component.
fn patch(bytes: &mut [u8], deed: &str) {
    let mark = b"at-once:";
    let at = bytes.windows(mark.len()).position(|window| window == mark).expect("the guest has its mark") + mark.len();
    bytes[at..at + deed.len()].copy_from_slice(deed.as_bytes());
}

fn misdeeds() -> Vec<Case> {
    let score: [(&str, Outcome); 13] = [
        ("score infinity", is_output),
        ("score minus infinity", is_output),
        ("score below nothing", is_output),
        ("score NaN", |came| matches!(came, Ok(answer) if answer == "[NaN, NaN]")),
        ("number infinity", is_output),
        ("expect infinity", is_output),
        ("blame too much", is_output),
        ("blame NaN", is_output),
        ("return a huge text", is_output_size),
        ("flood the log", is_taken),
        ("log a huge line", is_output_size),
        ("log what steers a terminal", is_taken),
        ("report what steers a terminal", |came| matches!(came, Ok(answer) if answer == "[7.0, 8.0]one [2J two")),
    ];
    let mut cases: Vec<_> =
        score.into_iter().map(|(deed, outcome)| case(deed, "misdeeds", named(deed), Call::Score, outcome)).collect();
    let refusal = |place: &str| serde_json::json!({ "misdeed": "refuse", "place": place });
    cases.extend([
        case(
            "refuse in configure",
            "misdeeds",
            refusal("configure"),
            Call::Score,
            |came| matches!(came, Err(Fault::Refused(text)) if text == "no, not like this"),
        ),
        case(
            "refuse in score",
            "misdeeds",
            refusal("score"),
            Call::Score,
            |came| matches!(came, Err(Fault::Refused(text)) if text == "I would rather not"),
        ),
        case(
            "refuse in export-state",
            "misdeeds",
            refusal("export-state"),
            Call::Export,
            |came| matches!(came, Err(Fault::Refused(text)) if text == "it is mine"),
        ),
        case("state bomb", "misdeeds", named("state bomb"), Call::Export, |came| {
            matches!(came, Err(Fault::StateSize { length: 1_048_576, limit: 65_536 }))
        }),
        case(
            "state of another plugin",
            "misdeeds",
            named("none"),
            Call::Import,
            |came| matches!(came, Err(Fault::Refused(text)) if text.contains("another plugin wrote")),
        ),
        case("be another afterwards", "misdeeds", named("be another afterwards"), Call::Score, is_output),
    ]);
    cases
}

fn lies() -> Vec<Case> {
    let lies: [(&str, Call, Outcome); 16] = [
        ("too few scores", Call::Score, is_output),
        ("too many scores", Call::Score, is_output),
        ("no scores", Call::Score, is_output),
        ("a million scores", Call::Score, |came| is_output(came) || is_output_size(came)),
        ("a row that is not there", Call::Score, is_output),
        ("the same row twice", Call::Score, is_output),
        ("rows backwards", Call::Score, is_output),
        ("ten million rows", Call::Score, |came| is_output_size(came) || is_memory(came)),
        ("too few severities", Call::Score, is_output),
        ("too many numbers", Call::Score, is_output),
        ("half of an interval", Call::Score, is_output),
        ("no text", Call::Score, |came| matches!(came, Err(Fault::Trap { message, .. }) if message.contains("utf-8"))),
        ("a thousand reasons", Call::Score, is_output),
        ("one text a thousand times", Call::Score, is_output_size),
        ("state of a stranger", Call::Export, is_output),
        ("state twice", Call::Export, is_output),
    ];
    let params = |lie: &str| serde_json::json!({ "lie": lie });
    lies.into_iter().map(|(lie, call, outcome)| case(lie, "liar", params(lie), call, outcome)).collect()
}

fn descriptions() -> Vec<Case> {
    let lies: [(&str, Outcome); 10] = [
        ("no name", is_output),
        ("a name with a path", is_output),
        ("no version", is_output),
        ("two inputs of one name", is_output),
        ("a detector with outputs", is_output),
        ("state from the future", is_output),
        ("a default out of bounds", is_output),
        ("a default that is no JSON", is_output),
        ("a thousand inputs", is_output),
        ("a huge summary", is_output_size),
    ];
    let lie = |(lie, outcome): (&str, Outcome)| {
        let mut case = case(&format!("describes {lie}"), "misdeeds", named("none"), Call::Score, outcome);
        patch(&mut case.bytes, lie);
        case
    };
    lies.into_iter().map(lie).collect()
}

/// The guest that is compiled for WASI asks for what is outside; the words of its panic say what came of it.
fn outside() -> Vec<Case> {
    fn fails(came: &Result<String, Fault>) -> bool {
        matches!(came, Err(Fault::Trap { message, .. }) if message.contains("Err(") || message.contains("reaches no files"))
    }
    let attempts: [(&str, Outcome); 12] = [
        ("read a file", fails),
        ("write a file", fails),
        ("list a folder", fails),
        ("call the network", fails),
        ("listen", fails),
        ("start a thread", fails),
        (
            "read the environment",
            |came| matches!(came, Err(Fault::Trap { message, .. }) if message.contains("0 variables, 0 arguments")),
        ),
        ("ask the time", |came| matches!(came, Err(Fault::Trap { message, .. }) if message.contains("Ok(0ns)"))),
        // It does not wait: the host's clock stands still for it.
        ("wait", |came| matches!(came, Err(Fault::Trap { message, .. }) if message.contains("0ns"))),
        ("throw dice", |came| matches!(came, Err(Fault::Trap { message, .. }) if message.contains("12505202346611860460"))),
        ("end the process", |came| matches!(came, Err(Fault::Trap { message, .. }) if message.contains("it ended itself"))),
        ("print", is_taken),
    ];
    let attempt =
        |(deed, outcome): (&str, Outcome)| case(&format!("{deed} (WASI)"), "misdeeds-wasi", named(deed), Call::Score, outcome);
    attempts.into_iter().map(attempt).collect()
}
