//! Will a host take this component, and does it keep what the contract asks of it? A list of questions, each with an answer in
//! one line.

mod limits;
mod odd;
mod order;
mod state;
mod subject;

use std::path::Path;

use wattdog_plugin_runtime::{Description, Instance};

use super::cases::is_for;
use super::cases::{cases_of, list_cases};
use super::component::{Component, Setup};
use super::inspect::millis;
use super::readings::{Reading, read_readings};
use crate::clock;
use crate::registry::survive_canary;
use subject::Subject;

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Line {
    /// What was asked.
    pub name: &'static str,
    /// The answer.
    pub passed: bool,
    /// What was seen; where it did not pass, what to do.
    pub text: String,
}

/// What was seen, or what is wrong and what to do.
type Verdict = Result<String, String>;

type Question = fn(&Subject) -> Verdict;

/// Asked of a plugin that has answered all readings once.
const QUESTIONS: [(&str, Question); 8] = [
    ("batch cuts", order::cuts),
    ("interleaving", order::interleaving),
    ("state moves", state::moves),
    ("state per meter", state::per_meter),
    ("odd values", odd::values),
    ("odd times", odd::times),
    ("memory", limits::memory),
    ("largest output", limits::output),
];

/// How many questions there are.
pub const COUNT: usize = QUESTIONS.len() + 6;

/// Asks all questions, as far as they can be asked: a plugin that does not start cannot answer. `readings` are used instead of
/// recorded cases and made-up ones; `asking` is told each question before it is asked.
pub fn check(file: &Path, readings: Option<Vec<Reading>>, asking: &mut dyn FnMut(&'static str)) -> Vec<Line> {
    let mut lines = Lines { lines: Vec::new(), asking };
    let Some(component) = lines.ask("contract", || fits(file)) else { return lines.lines };
    let Some(()) = lines.ask("description", || describes_itself(&component)) else { return lines.lines };
    let Some(setup) = lines.ask("sidecar", || takes_its_sidecar(&component)) else { return lines.lines };
    let Some(mut instance) = lines.ask("start", || starts(&component, &setup)) else { return lines.lines };
    let description = instance.description().clone();
    let Some(()) = lines.ask("canary", || survives(&mut instance, &setup)) else { return lines.lines };
    let Some(subject) = lines.ask("readings", || answers(&component, setup, description, readings)) else { return lines.lines };
    for (name, question) in QUESTIONS {
        lines.ask(name, || question(&subject).map(|text| ((), text)));
    }
    lines.lines
}

struct Lines<'a> {
    lines: Vec<Line>,
    asking: &'a mut dyn FnMut(&'static str),
}

impl Lines<'_> {
    fn ask<T>(&mut self, name: &'static str, question: impl FnOnce() -> Result<(T, String), String>) -> Option<T> {
        (self.asking)(name);
        let (answer, passed, text) = match question() {
            Ok((answer, text)) => (Some(answer), true, text),
            Err(text) => (None, false, text),
        };
        self.lines.push(Line { name, passed, text });
        answer
    }
}

fn fits(file: &Path) -> Result<(Component, String), String> {
    let component = Component::open(file)?;
    let contract = component.compiled.contract().unwrap_or_default();
    let trapping: usize = component.compiled.imports().iter().map(|import| import.trapping.len()).sum();
    let imports = match trapping {
        0 => "no import traps".to_owned(),
        // Runtimes of languages import what they never call.
        some => format!("{some} imported functions trap if they are called; `wattdog plugin inspect --json` names them"),
    };
    Ok((component, format!("wattdog:plugin@{contract}, {imports}")))
}

fn describes_itself(component: &Component) -> Result<((), String), String> {
    let described = component.description().map_err(|fault| format!("{fault}; correct what `describe` returns"))?;
    Ok(((), format!("{} {}", described.name, described.version)))
}

fn takes_its_sidecar(component: &Component) -> Result<(Setup, String), String> {
    let file = component.file.with_extension("toml");
    let setup = component.configure().map_err(|reason| format!("{reason}; {} is where to set it", file.display()))?;
    let text =
        if file.exists() { file.display().to_string() } else { format!("none, defaults do; {} would be it", file.display()) };
    Ok((setup, text))
}

fn starts(component: &Component, setup: &Setup) -> Result<(Instance, String), String> {
    let started = clock::monotonic();
    let instance = setup.start().map_err(|fault| fault.to_string())?;
    let (time, limits) = (started.elapsed(), &component.limits);
    let (memory, most) = (mebibytes(instance.memory_bytes()), mebibytes(limits.memory));
    let limit = millis(limits.start_time);
    Ok((instance, format!("in {:.1} of {limit:.0} ms, with {memory:.1} of {most:.0} MiB", millis(time))))
}

fn survives(instance: &mut Instance, setup: &Setup) -> Result<((), String), String> {
    survive_canary(instance, setup.kind())
        .map_err(|fault| format!("{fault}: a host gives it such rows before it lets it run"))?;
    Ok(((), "it takes the batch that a host tries it with".into()))
}

fn answers(
    component: &Component,
    setup: Setup,
    description: Description,
    given: Option<Vec<Reading>>,
) -> Result<(Subject, String), String> {
    let recorded = recorded(component).map_err(|error| format!("{error:#}"))?;
    Subject::new(component.limits.clone(), setup, description, given, recorded)
}

/// The readings of the cases beside the component.
fn recorded(component: &Component) -> anyhow::Result<Vec<Reading>> {
    let mut recorded = Vec::new();
    if let Some(folder) = cases_of(&component.file) {
        for case in list_cases(&folder)? {
            if is_for(&case, component.kind())? {
                recorded.extend(read_readings(&case.join("readings.jsonl"), usize::MAX)?);
            }
        }
    }
    Ok(recorded)
}

fn mebibytes(bytes: usize) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
