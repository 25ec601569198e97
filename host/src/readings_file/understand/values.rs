//! Columns that hold the values of measures: one for each measure, one for each building (wide), or one for all (narrow).

use std::collections::BTreeMap;

use super::super::error::Fault;
use super::super::measures::{self, Found};
use super::super::plan::{NarrowColumns, WideColumn};
use super::super::{number, words};
use super::Reader;
use crate::config::Measure;

impl Reader<'_, '_> {
    /// Columns of numbers that nothing else uses.
    pub(super) fn free_numbers(&self) -> Vec<usize> {
        let free = |column: &usize| !self.used.contains(column) && measures::is_numeric(self.layout, *column);
        (0..self.layout.names.len()).filter(free).collect()
    }

    /// Measures as fields of the records with their columns; leaves in `input` how these are decoded.
    pub(super) fn measures(&mut self, no_names: bool) -> Result<Vec<(String, usize)>, Fault> {
        if self.given.input.is_some() {
            return self.configured_measures();
        }
        let free = self.free_numbers();
        let found = measures::find(self.layout, &free)?;
        if found.is_empty() {
            return Err(self.no_measure(&free, no_names));
        }
        self.input.measures = BTreeMap::new();
        let mut columns = Vec::new();
        for measure in found {
            let always = self.layout.cells(measure.column).all(|cell| !number::is_missing(cell));
            self.say_measure(&measure);
            columns.push((measure.name.to_owned(), measure.column));
            self.input.measures.insert(measure.name.to_owned(), measure.measure(measure.name, always));
        }
        Ok(columns)
    }

    fn say_measure(&mut self, measure: &Found) {
        let header = &self.layout.names[measure.column];
        if let Some(said) = &measure.said {
            self.said.push(said.clone());
        } else if header != measure.name {
            self.said.push(format!("{} in {} from `{header}`", measure.name, measure.unit.unwrap_or("its usual unit")));
        }
    }

    fn configured_measures(&mut self) -> Result<Vec<(String, usize)>, Fault> {
        let mut columns: Vec<(String, usize)> = Vec::new();
        let measures = self.base.measures.clone();
        for (name, measure) in &measures {
            let column = match self.mapped(&measure.field)? {
                Some(columns) => columns[0],
                None => match self.like(name, &measure.field) {
                    Some(column) => column,
                    None if !measure.required => continue,
                    None => {
                        return Err(Fault::of_form(format!(
                            "no column `{}` for `input.measures.{name}`; set `input.file.columns.{}` to one of `{}`",
                            measure.field,
                            measure.field,
                            self.layout.names.join("`, `")
                        )));
                    }
                },
            };
            self.agree_on_unit(name, measure, column)?;
            columns.push((measure.field.clone(), column));
        }
        columns.dedup();
        Ok(columns)
    }

    /// The column whose name is the field's but for the unit, or that is this measure by its name.
    fn like(&mut self, measure: &str, field: &str) -> Option<usize> {
        let field = words::words(field);
        let free = self.free_numbers();
        let by_name = free
            .iter()
            .find(|c| words::words(&self.layout.names[**c]).starts_with(&field) && measures::unit_of(self.layout, **c).is_some());
        let mut by_meaning = free.iter().filter(|column| words::measure(&self.layout.names[**column]) == Some(measure));
        let column = *by_name.or_else(|| by_meaning.next().filter(|_| by_meaning.next().is_none()))?;
        self.said.push(format!("{measure} from `{}`", self.layout.names[column]));
        Some(column)
    }

    /// The unit that the table says is the configuration's, or one that is converted to it.
    fn agree_on_unit(&mut self, name: &str, measure: &Measure, column: usize) -> Result<(), Fault> {
        let Some((unit, _)) = measures::unit_for(self.layout, column, name) else { return Ok(()) };
        let header = &self.layout.names[column];
        let expected = measure.sent_in.as_ref().unwrap_or(&measure.unit);
        let mut converted = Measure { sent_in: Some(unit.into()), ..measure.clone() };
        if expected.is_empty() || measure.scale != 1.0 {
            return Ok(());
        }
        let same = Measure { sent_in: Some(unit.into()), unit: expected.clone(), ..measure.clone() };
        if same.converts() && (same.factor() - 1.0).abs() < 1e-12 {
            return Ok(());
        }
        if measure.sent_in.is_some() || !converted.converts() {
            return Err(Fault::of_form(format!(
                "`{header}` is in {unit}, and `input.measures.{name}` expects {expected}; correct `unit`, `sent_in` or `scale` there"
            )));
        }
        converted.required = measure.required;
        self.said.push(format!("`{header}` in {unit} is converted to {}", measure.unit));
        self.input.measures.insert(name.to_owned(), converted);
        Ok(())
    }

    fn no_measure(&self, free: &[usize], no_names: bool) -> Fault {
        let name = |column: &usize| format!("`{}`", self.layout.names[*column]);
        let narrow = (0..self.layout.names.len()).find(|c| !self.used.contains(c) && self.is_narrow_column(*c));
        let value = free.iter().find(|column| words::is_value(&self.layout.names[**column]) && Some(**column) != narrow);
        let message = match (narrow, value, free) {
            (Some(column), Some(value), _) => {
                let mut words: Vec<&str> = self.layout.cells(column).filter(|cell| !cell.is_empty()).take(2_000).collect();
                words.sort_unstable();
                words.dedup();
                let which: Vec<_> = words.iter().take(8).map(|word| format!("\"{word}\" = …")).collect();
                format!(
                    "{} says what {} measures ({}); set `input.file.narrow` = {{ column = \"{}\", value = \"{}\", measures = {{ {} }} }} with the measures that these are, as \"electricity\"",
                    name(&column),
                    name(value),
                    words.join(", "),
                    self.layout.names[column],
                    self.layout.names[*value],
                    which.join(", ")
                )
            }
            (_, _, []) => format!("no column of numbers among `{}`", self.layout.names.join("`, `")),
            (_, _, [_, _, ..]) if no_names => format!(
                "{} look like a building each; set `input.file.wide` = {{ measure = \"electricity\" }} with what they measure, or `input.file.columns`",
                free.iter().take(3).map(name).collect::<Vec<_>>().join(", ")
            ),
            (_, _, [one, ..]) => format!(
                "{} does not say what it measures; set `input.file.columns.electricity` = \"{}\", or another measure's, with its unit in `[input.measures]`",
                free.iter().take(3).map(name).collect::<Vec<_>>().join(", "),
                self.layout.names[*one]
            ),
        };
        Fault::of_form(message)
    }

    pub(super) fn wide(&mut self, names: &[(String, usize)]) -> Result<Option<(String, String, Vec<WideColumn>)>, Fault> {
        let Some(wide) = self.base.file.wide.clone() else { return Ok(None) };
        let Some(field) = self.base.measures.get(&wide.measure).map(|measure| measure.field.clone()) else {
            return Err(Fault::of_form(format!("`input.file.wide` names no measure of `[input.measures]`: {:?}", wide.measure)));
        };
        let mut columns = Vec::new();
        for (index, name) in self.layout.names.iter().enumerate() {
            let building = match wide.buildings.get(name) {
                Some(building) => building.clone(),
                None if !wide.buildings.is_empty() || self.used.contains(&index) || !measures::is_numeric(self.layout, index) => {
                    continue;
                }
                None if words::is_total(name) => {
                    self.said.push(format!("`{name}` sums up others and is left out"));
                    continue;
                }
                None => name.clone(),
            };
            columns.push(WideColumn { column: index, building });
        }
        if let Some(unknown) = wide.buildings.keys().find(|name| !self.layout.names.contains(name)) {
            return Err(Fault::of_form(format!("no column `{unknown}` (`input.file.wide.buildings`)")));
        }
        if let Some((_, column)) = names.iter().find(|(field, _)| *field == self.base.building) {
            return Err(Fault::of_form(format!(
                "`input.file.wide` makes buildings of columns, and `{}` names them too",
                self.layout.names[*column]
            )));
        }
        self.only_measure(&wide.measure);
        self.said.push(format!("{} buildings, a column each", columns.len()));
        Ok(Some((self.base.building.clone(), field, columns)))
    }

    /// Records of a wide or narrow table have one measure each.
    fn only_measure(&mut self, measure: &str) {
        if self.given.input.is_none() {
            self.input.measures.retain(|name, _| name == measure);
        }
        for (name, configured) in &mut self.input.measures {
            configured.required &= name == measure;
        }
    }

    pub(super) fn narrow(&mut self) -> Result<Option<NarrowColumns>, Fault> {
        let Some(narrow) = self.base.file.narrow.clone() else { return Ok(None) };
        let place = |key: &str, name: &str| {
            self.layout.names.iter().position(|known| known == name).ok_or_else(|| {
                Fault::of_form(format!(
                    "no column `{name}` (`input.file.narrow.{key}`); there are `{}`",
                    self.layout.names.join("`, `")
                ))
            })
        };
        let (says, value) = (place("column", &narrow.column)?, place("value", &narrow.value)?);
        let mut fields = Vec::new();
        for (word, measure) in &narrow.measures {
            let Some(configured) = self.base.measures.get(measure) else {
                return Err(Fault::of_form(format!(
                    "`input.file.narrow.measures` names `{measure}`, which `[input.measures]` does not have"
                )));
            };
            fields.push((word.clone(), configured.field.clone()));
        }
        for configured in self.input.measures.values_mut() {
            configured.required = false;
        }
        self.used.push(says);
        Ok(Some(NarrowColumns { says, value, fields }))
    }
}
