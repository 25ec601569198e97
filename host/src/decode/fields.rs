//! Which fields of a message matter, and what one of them holds.

use std::borrow::Cow;

use crate::config::Input;

/// A JSON value, as far as a reading needs it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// Not there, or null.
    Absent,
    Number(Number<'a>),
    Text(Cow<'a, str>),
    Boolean,
    Array,
    Object,
}

/// A number: names and times need it as it is written, measures its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number<'a> {
    pub(super) text: &'a str,
    /// The nearest float; infinite where the number is too large for one.
    pub(super) value: f64,
}

impl Value<'_> {
    /// Nothing that could name a building or meter.
    pub(super) fn is_nameless(&self) -> bool {
        match self {
            Self::Absent => true,
            Self::Text(text) => text.is_empty(),
            _ => false,
        }
    }

    /// With its article, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Absent => "missing",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::Boolean => "a boolean",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }
}

#[derive(Debug)]
pub(super) struct MeasureField {
    pub(super) field: usize,
    /// To the measure's unit.
    pub(super) factor: f64,
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) required: bool,
}

/// The fields that are read, each with a place in a row of [`Value`]s.
#[derive(Debug)]
pub(super) struct Fields {
    names: Vec<String>,
    pub(super) timestamp: usize,
    pub(super) building: usize,
    pub(super) floor: usize,
    pub(super) meter: Vec<usize>,
    pub(super) measures: Vec<MeasureField>,
}

impl Fields {
    pub(super) fn new(input: &Input) -> Self {
        let mut names: Vec<String> = Vec::new();
        let mut place = |name: &str| {
            names.iter().position(|n| n == name).unwrap_or_else(|| {
                names.push(name.to_owned());
                names.len() - 1
            })
        };
        let timestamp = place(&input.timestamp);
        let building = place(&input.building);
        let floor = place(&input.floor);
        let meter = input.meter.iter().map(|name| place(name)).collect();
        let measures = input
            .measures
            .values()
            .map(|m| MeasureField { field: place(&m.field), factor: m.factor(), min: m.min, max: m.max, required: m.required })
            .collect();
        Self { names, timestamp, building, floor, meter, measures }
    }

    pub(super) fn name(&self, place: usize) -> &str {
        &self.names[place]
    }

    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|n| n == name)
    }

    /// Is there a field within the object of this name?
    pub(super) fn has_within(&self, object: &str) -> bool {
        self.names.iter().any(|name| name.strip_prefix(object).is_some_and(|rest| rest.starts_with('.')))
    }

    /// A row with nothing in it. On the stack for the usual handful of fields.
    pub(super) fn empty_row<'a>(&self) -> smallvec::SmallVec<[Value<'a>; 8]> {
        smallvec::smallvec![Value::Absent; self.names.len()]
    }
}
