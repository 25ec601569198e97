//! Drives a plugin as the host does: tells meters and texts once, sends batches, moves state.

use serde_json::{Map, Value, json};
use wattdog_plugin::shell::{Column, DictionaryAppend, EnrichedRows, MeterState, Rows, ScoredRows, Shell};
use wattdog_plugin::{ColumnSpec, ColumnType, Description, Detector, Enricher, MISSING, Meter, Plugin, Result, Severity};

use crate::case::{Case, Reading};

/// A kind of plugin: how it is called, and what its answer says of each row.
pub(crate) trait Subject {
    type Plugin: Plugin;
    type Answer;

    fn call(shell: &mut Shell<Self::Plugin>, rows: Rows) -> Result<Self::Answer>;
    fn lines(answer: Self::Answer, description: &Description, texts: &mut Vec<Vec<String>>) -> Vec<Value>;
}

/// A plugin instance and what it has been told.
pub(crate) struct Driver<'a, S: Subject> {
    case: &'a Case,
    shell: Shell<S::Plugin>,
    description: Description,
    meters: Vec<String>,
    told_meters: usize,
    inputs: Vec<Vec<String>>,
    told_inputs: Vec<usize>,
    outputs: Vec<Vec<String>>,
}

impl<'a, S: Subject> Driver<'a, S> {
    /// What the plugin says of all readings of a case, in batches of that length.
    pub(crate) fn answers(case: &'a Case, length: usize) -> Vec<Value> {
        let mut driver = Self::new(case);
        let mut answers = Vec::new();
        for part in case.readings.chunks(length.max(1)) {
            answers.extend(driver.answer(part));
            driver.move_to_new_instance();
        }
        answers
    }

    fn new(case: &'a Case) -> Self {
        let (shell, description) = configured::<S>(case);
        let inputs = vec![Vec::new(); description.inputs.len()];
        Self {
            case,
            shell,
            description,
            meters: Vec::new(),
            told_meters: 0,
            told_inputs: vec![0; inputs.len()],
            inputs,
            outputs: Vec::new(),
        }
    }

    fn answer(&mut self, part: &[Reading]) -> Vec<Value> {
        let codes = part.iter().map(|reading| code(&mut self.meters, &reading.meter())).collect();
        let specs = self.description.inputs.clone();
        let columns = specs.iter().enumerate().map(|(input, spec)| self.column(input, spec, part)).collect();
        let rows = Rows {
            rows: part.len() as u32,
            meters: codes,
            event_times_us: part.iter().map(|reading| reading.event_time_us).collect(),
            columns,
            new_meters: self.untold_meters(),
            new_entries: self.untold_texts(),
        };
        let answer = S::call(&mut self.shell, rows).unwrap_or_else(|error| panic!("the plugin refuses a batch: {error}"));
        let lines = S::lines(answer, &self.description, &mut self.outputs);
        assert_eq!(lines.len(), part.len(), "one answer for each reading");
        lines
    }

    fn column(&mut self, input: usize, spec: &ColumnSpec, part: &[Reading]) -> Column {
        let field = |reading: &'_ Reading| reading.fields.get(&spec.name).cloned().unwrap_or_default();
        match spec.type_ {
            ColumnType::Float => Column::Floats(part.iter().map(|reading| field(reading).as_f64().unwrap_or(f64::NAN)).collect()),
            ColumnType::Text => {
                let known = &mut self.inputs[input];
                let text = |reading| field(reading).as_str().map_or(MISSING, |text| code(known, text));
                Column::Codes(part.iter().map(text).collect())
            }
        }
    }

    fn untold_meters(&mut self) -> Vec<Meter> {
        let first = std::mem::replace(&mut self.told_meters, self.meters.len());
        (first..self.meters.len()).map(|code| self.meter(code)).collect()
    }

    fn untold_texts(&mut self) -> Vec<DictionaryAppend> {
        let mut untold = Vec::new();
        for (input, texts) in self.inputs.iter().enumerate() {
            let first = std::mem::replace(&mut self.told_inputs[input], texts.len());
            if first < texts.len() {
                untold.push(DictionaryAppend { column: input as u32, first_code: first as u32, values: texts[first..].to_vec() });
            }
        }
        untold
    }

    fn meter(&self, code: usize) -> Meter {
        let name = &self.meters[code];
        let reading = self.case.readings.iter().find(|reading| reading.meter() == *name).expect("a meter is named by a reading");
        Meter { code: code as u32, name: name.clone(), building: reading.building.clone(), floor: reading.floor.clone() }
    }

    /// What a rebalance or a swap does: another instance takes over the state of every meter.
    fn move_to_new_instance(&mut self) {
        let codes: Vec<u32> = (0..self.meters.len() as u32).collect();
        let states: Vec<MeterState> = self.shell.export_state(&codes).expect("state can be exported");
        let meters = states.iter().map(|state| self.meter(state.meter as usize)).collect();
        let (mut shell, description) = configured::<S>(self.case);
        if !states.is_empty() {
            assert!(description.stateful, "a plugin that exports state says so");
            shell.import_state(description.state_version, meters, &states).expect("a plugin reads its own state");
        }
        self.shell = shell;
        self.told_meters = 0;
        self.told_inputs.fill(0);
        self.outputs.clear();
    }
}

fn configured<S: Subject>(case: &Case) -> (Shell<S::Plugin>, Description) {
    let mut shell = Shell::new();
    let config = case.config(&shell.describe());
    shell.configure(&config).unwrap_or_else(|error| panic!("the plugin refuses its configuration: {error}"));
    let description = shell.describe();
    (shell, description)
}

/// The code of a text in a dictionary, which grows.
fn code(texts: &mut Vec<String>, text: &str) -> u32 {
    let known = texts.iter().position(|known| known == text);
    known.unwrap_or_else(|| {
        texts.push(text.into());
        texts.len() - 1
    }) as u32
}

/// A detector under test.
pub(crate) struct Detecting<P>(std::marker::PhantomData<P>);

impl<P: Detector> Subject for Detecting<P> {
    type Plugin = P;
    type Answer = ScoredRows;

    fn call(shell: &mut Shell<P>, rows: Rows) -> Result<ScoredRows> {
        shell.score(rows)
    }

    fn lines(answer: ScoredRows, description: &Description, _: &mut Vec<Vec<String>>) -> Vec<Value> {
        let mut lines: Vec<Value> = answer.scores.iter().map(|&score| json!({ "score": score })).collect();
        let findings = answer.findings;
        let (inputs, numbers) = (description.inputs.len(), description.numbers.len());
        for (index, &row) in findings.rows.iter().enumerate() {
            let line = lines[row as usize].as_object_mut().expect("it was made as one");
            let by_input = |list: &[f64]| -> Option<Map<String, Value>> {
                let values = list.get(index * inputs..(index + 1) * inputs)?;
                Some(description.inputs.iter().zip(values).map(|(input, &value)| (input.name.clone(), json!(value))).collect())
            };
            line.insert("severity".into(), severity(findings.severities[index]).into());
            for (number, spec) in description.numbers.iter().enumerate() {
                line.insert(spec.name.clone(), json!(findings.numbers[index * numbers + number]));
            }
            let lists = [
                ("expected", &findings.expected),
                ("expected_low", &findings.expected_low),
                ("expected_high", &findings.expected_high),
                ("blame", &findings.blame),
            ];
            for (name, list) in lists {
                line.extend(by_input(list).map(|values| (name.into(), values.into())));
            }
            line.extend(findings.reasons.get(index).map(|reason| ("reason".into(), reason.clone().into())));
        }
        lines
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Minor => "minor",
        Severity::Anomaly => "anomaly",
        Severity::Critical => "critical",
    }
}

/// An enricher under test.
pub(crate) struct Enriching<P>(std::marker::PhantomData<P>);

impl<P: Enricher> Subject for Enriching<P> {
    type Plugin = P;
    type Answer = EnrichedRows;

    fn call(shell: &mut Shell<P>, rows: Rows) -> Result<EnrichedRows> {
        shell.enrich(rows)
    }

    fn lines(answer: EnrichedRows, description: &Description, texts: &mut Vec<Vec<String>>) -> Vec<Value> {
        texts.resize(description.outputs.len(), Vec::new());
        for new in answer.new_entries {
            let known = &mut texts[new.column as usize];
            assert_eq!(known.len(), new.first_code as usize, "codes are dense");
            known.extend(new.values);
        }
        let rows = answer.columns.first().map_or(0, |column| match column {
            Column::Floats(values) => values.len(),
            Column::Codes(codes) => codes.len(),
        });
        let mut lines = vec![Map::new(); rows];
        for ((spec, column), texts) in description.outputs.iter().zip(&answer.columns).zip(texts) {
            for (row, line) in lines.iter_mut().enumerate() {
                let value = match column {
                    Column::Floats(values) => json!(values[row]),
                    Column::Codes(codes) if codes[row] == MISSING => Value::Null,
                    Column::Codes(codes) => json!(texts[codes[row] as usize]),
                };
                line.insert(spec.name.clone(), value);
            }
        }
        lines.into_iter().map(Value::Object).collect()
    }
}
