//! A plugin's description, built up in the order a person would tell it.

use crate::{ColumnSpec, ColumnType, Description, NumberSpec, ParamSpec, ParamType};

impl Description {
    /// A plugin that reads and writes nothing yet.
    pub fn new(name: &str, version: &str, summary: &str) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            summary: summary.into(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            params: Vec::new(),
            numbers: Vec::new(),
            needs_model: false,
            stateful: false,
            state_version: 1,
            oldest_state_version: 1,
        }
    }

    /// Reads a column of numbers; a host without it refuses the plugin.
    pub fn input(mut self, name: &str, unit: &str) -> Self {
        self.inputs.push(column(name, ColumnType::Float, unit, true));
        self
    }

    /// Reads a column of numbers that is all NaN where the host has none.
    pub fn optional_input(mut self, name: &str, unit: &str) -> Self {
        self.inputs.push(column(name, ColumnType::Float, unit, false));
        self
    }

    /// Reads a column of text that is all missing where the host has none.
    pub fn optional_text_input(mut self, name: &str) -> Self {
        self.inputs.push(column(name, ColumnType::Text, "", false));
        self
    }

    /// An enricher's column of numbers.
    pub fn output(mut self, name: &str, unit: &str) -> Self {
        self.outputs.push(column(name, ColumnType::Float, unit, false));
        self
    }

    /// An enricher's column of text.
    pub fn text_output(mut self, name: &str) -> Self {
        self.outputs.push(column(name, ColumnType::Text, "", false));
        self
    }

    /// Takes a parameter.
    pub fn param(mut self, param: ParamSpec) -> Self {
        self.params.push(param);
        self
    }

    /// Reports a number with each finding.
    pub fn number(mut self, name: &str, unit: &str, text: &str) -> Self {
        self.numbers.push(NumberSpec { name: name.into(), unit: unit.into(), text: text.into() });
        self
    }

    /// Cannot be configured without a model file.
    pub fn needs_model(mut self) -> Self {
        self.needs_model = true;
        self
    }

    /// Keeps something for each meter, written in the format `version`; formats from `oldest` on can be read.
    pub fn state(mut self, version: u32, oldest: u32) -> Self {
        self.stateful = true;
        self.state_version = version;
        self.oldest_state_version = oldest;
        self
    }
}

fn column(name: &str, type_: ColumnType, unit: &str, required: bool) -> ColumnSpec {
    ColumnSpec { name: name.into(), type_, unit: unit.into(), required }
}

impl ParamSpec {
    /// A parameter that must be given; `text` is one sentence for a person.
    pub fn new(name: &str, type_: ParamType, text: &str) -> Self {
        Self { name: name.into(), type_, unit: String::new(), default: None, minimum: None, maximum: None, text: text.into() }
    }

    /// The unit of its value.
    pub fn unit(mut self, unit: &str) -> Self {
        self.unit = unit.into();
        self
    }

    /// The value where the sidecar file gives none.
    pub fn default_value(mut self, value: impl Into<serde_json::Value>) -> Self {
        self.default = Some(value.into().to_string());
        self
    }

    /// The smallest value it may have.
    pub fn at_least(mut self, minimum: f64) -> Self {
        self.minimum = Some(minimum);
        self
    }

    /// The largest value it may have.
    pub fn at_most(mut self, maximum: f64) -> Self {
        self.maximum = Some(maximum);
        self
    }
}
