//! Every column that a plugin can read: measures, then what enrichers add, in the order in which they run.

use wattdog_plugin_runtime::{ColumnSpec, ColumnType};

/// Where an input of a plugin comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnSource {
    /// A measure, by its place.
    Measure(usize),
    /// An enriched column, by its place.
    Enriched(usize),
    /// Nowhere: an optional number that this host does not have, sent as all missing.
    MissingFloats,
    /// Likewise for text.
    MissingCodes,
}

/// A column by its name.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedColumn {
    /// `electricity`, `calendar.local_hour`
    pub name: String,
    unit: String,
    is_text: bool,
}

/// The columns.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    measures: Vec<NamedColumn>,
    /// Columns of the enrichers.
    pub enriched: Vec<NamedColumn>,
}

impl Catalogue {
    /// The measures, as (name, unit).
    #[must_use]
    pub fn new(measures: &[(String, String)]) -> Self {
        let measures =
            measures.iter().map(|(name, unit)| NamedColumn { name: name.clone(), unit: unit.clone(), is_text: false }).collect();
        Self { measures, enriched: Vec::new() }
    }

    /// Adds an enricher's outputs and returns the place of the first.
    pub(super) fn add_outputs(&mut self, plugin: &str, outputs: &[ColumnSpec]) -> usize {
        let first = self.enriched.len();
        self.enriched.extend(outputs.iter().map(|output| NamedColumn {
            name: format!("{plugin}.{}", output.name),
            unit: output.unit.clone(),
            is_text: output.type_ == ColumnType::Text,
        }));
        first
    }

    /// Finds each input by name, with its type and unit.
    pub(super) fn resolve(&self, inputs: &[ColumnSpec]) -> Result<Vec<ColumnSource>, String> {
        inputs.iter().map(|input| self.resolve_one(input)).collect()
    }

    fn resolve_one(&self, input: &ColumnSpec) -> Result<ColumnSource, String> {
        let wants_text = input.type_ == ColumnType::Text;
        let place = |columns: &[NamedColumn]| columns.iter().position(|column| column.name == input.name);
        let (column, source) = if let Some(at) = place(&self.measures) {
            (&self.measures[at], ColumnSource::Measure(at))
        } else if let Some(at) = place(&self.enriched) {
            (&self.enriched[at], ColumnSource::Enriched(at))
        } else if input.required {
            let known: Vec<_> = self.measures.iter().chain(&self.enriched).map(|c| c.name.as_str()).collect();
            return Err(format!("it reads column `{}`, which there is not; there are {}", input.name, known.join(", ")));
        } else {
            return Ok(if wants_text { ColumnSource::MissingCodes } else { ColumnSource::MissingFloats });
        };
        if column.is_text != wants_text {
            return Err(format!("it reads column `{}` as another type than it is", input.name));
        }
        if !input.unit.is_empty() && input.unit != column.unit {
            return Err(format!("it reads `{}` in {}, and the configuration has it in {}", input.name, input.unit, column.unit));
        }
        Ok(source)
    }
}
