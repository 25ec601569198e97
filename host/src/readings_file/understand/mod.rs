//! How a table is understood: which columns become which fields, with what is guessed said in words.

mod names;
mod values;

use std::collections::BTreeMap;

use regex_lite::Regex;

use super::error::Fault;
use super::layout::Layout;
use super::number::{self, NumberForm};
use super::plan::{Part, Plan};
use super::time_columns::{self, TimeColumns};
use super::{times, words};
use crate::config::{Columns, Input, Span, StampOf};

/// A table that is understood.
pub(super) struct Understood {
    /// What decodes its records.
    pub(super) input: Input,
    pub(super) plan: Plan,
    /// What was guessed, in words.
    pub(super) said: Vec<String>,
}

/// What is known before the columns are looked at.
pub(super) struct Given<'a> {
    /// The configuration's, where there is one.
    pub(super) input: Option<&'a Input>,
    /// The file's name without its endings: the building of a file that names none.
    pub(super) stem: &'a str,
    /// Numbers are numbers already, as in a workbook.
    pub(super) typed: bool,
}

struct Reader<'l, 'g> {
    layout: &'l Layout,
    given: &'g Given<'g>,
    /// As given, or the default one.
    base: Input,
    input: Input,
    said: Vec<String>,
    used: Vec<usize>,
}

pub(super) fn understand(layout: &Layout, given: &Given<'_>) -> Result<Understood, Fault> {
    let base = given.input.cloned().unwrap_or_default();
    let mut reader = Reader { layout, given, input: base.clone(), base, said: Vec::new(), used: Vec::new() };
    let time = reader.time()?;
    let mut fields = vec![(reader.base.timestamp.clone(), Part::Time(time.columns.clone()))];
    reader.used.extend(&time.columns);
    reader.input.timestamp_format = time.form.format.clone();
    let names = reader.names()?;
    let (wide, narrow) = (reader.wide(&names)?, reader.narrow()?);
    let measures = if wide.is_some() || narrow.is_some() { Vec::new() } else { reader.measures(names.is_empty())? };
    let mut numeric: Vec<usize> = measures.iter().map(|(_, column)| *column).collect();
    numeric.extend(wide.iter().flat_map(|(_, _, columns)| columns.iter().map(|column| column.column)));
    numeric.extend(narrow.iter().map(|narrow| narrow.value));
    reader.used.extend(&numeric);
    if wide.is_none() {
        fields.extend(reader.building(names)?);
    }
    fields.extend(measures.into_iter().map(|(field, column)| (field, Part::Number(column))));
    let numbers = reader.numbers(&numeric)?;
    if wide.is_none() && narrow.is_none() {
        reader.one_reading_a_row(&fields)?;
        fields.extend(reader.others());
    }
    let keys = &reader.base.file;
    let skip = keys.skip.iter().map(|pattern| Regex::new(pattern).map_err(|error| Fault::of_form(error.to_string())));
    let plan = Plan {
        names: layout.names.clone(),
        header: layout.header,
        fields,
        numbers,
        has_format: time.form.format.is_some(),
        year: time.year,
        units_row: layout.units.is_some(),
        skip: skip.collect::<Result<_, _>>()?,
        wide,
        narrow,
    };
    if given.input.is_none() {
        reader.counters(&plan);
    }
    if reader.base.stamp == StampOf::Begin {
        reader.ends(&time, &plan);
    }
    let Reader { mut input, mut said, .. } = reader;
    describe_time(&time, layout, &input, &mut said);
    fill_keys(&mut input, &plan);
    Ok(Understood { input, plan, said })
}

/// The keys of `[input.file]` that say what was found.
fn fill_keys(input: &mut Input, plan: &Plan) {
    let file = &mut input.file;
    file.decimal = file.decimal.or(plan.numbers.decimal.filter(|sign| *sign != '.'));
    file.thousands = file.thousands.or(plan.numbers.thousands);
    if plan.units_row {
        file.units_row = Some(true);
    }
    if plan.header > 1 && file.header.is_none() {
        file.header = Some(crate::config::Header::Line(plan.header));
    }
    for (field, part) in &plan.fields {
        let columns: Vec<String> = match part {
            Part::Time(columns) => columns.iter().map(|column| plan.names[*column].clone()).collect(),
            Part::Name(column) | Part::Number(column) => vec![plan.names[*column].clone()],
            Part::Constant(text) => {
                file.building.get_or_insert_with(|| text.clone());
                continue;
            }
            Part::Any(_) => continue,
        };
        match &columns[..] {
            [same] if same == field => {}
            [one] => drop(file.columns.insert(field.clone(), Columns::One(one.clone()))),
            _ => drop(file.columns.insert(field.clone(), Columns::Joined(columns))),
        }
    }
}

fn describe_time(time: &TimeColumns, layout: &Layout, input: &Input, said: &mut Vec<String>) {
    let names: Vec<_> = time.columns.iter().map(|column| format!("`{}`", layout.names[*column])).collect();
    let example: Vec<_> = layout.rows.first().into_iter().flat_map(|row| time.columns.iter().map(|c| row.cell(*c))).collect();
    let mut words = format!("times \"{}\" of {}", example.join(" "), names.join(" and "));
    if let Some(format) = &time.form.format {
        words += &format!(" read by \"{format}\"");
    }
    if time.form.by_order {
        words += " (day and month by their order)";
    }
    let has_offset = example.last().is_some_and(|cell| cell.ends_with('Z') || cell.contains('+'));
    if !has_offset && input.time_zone == "UTC" && super::times::kind(&example.join(" ")) != Some(super::times::Kind::Epoch) {
        words += ", taken as UTC (`input.time_zone`)";
    }
    said.insert(0, words);
}

impl Reader<'_, '_> {
    /// Columns of a field of the records: those that `input.file.columns` names, or the one of its name.
    fn mapped(&self, field: &str) -> Result<Option<Vec<usize>>, Fault> {
        let place = |name: &str| self.layout.names.iter().position(|known| known == name);
        let Some(columns) = self.base.file.columns.get(field) else { return Ok(place(field).map(|column| vec![column])) };
        let column = |name: &String| {
            place(name).ok_or_else(|| {
                let known = self.layout.names.join("`, `");
                Fault::of_form(format!("no column `{name}` (`input.file.columns.{field}`); there are `{known}`"))
            })
        };
        columns.names().iter().map(column).collect::<Result<_, _>>().map(Some)
    }

    fn time(&mut self) -> Result<TimeColumns, Fault> {
        let year = self.base.file.year;
        match self.mapped(&self.base.timestamp)? {
            Some(columns) => time_columns::of(self.layout, columns, &self.base, year, false),
            None => time_columns::choose(self.layout, &self.base, year),
        }
    }

    fn numbers(&mut self, columns: &[usize]) -> Result<NumberForm, Fault> {
        let keys = &self.base.file;
        if self.given.typed && keys.decimal.is_none() && keys.thousands.is_none() {
            return Ok(NumberForm { decimal: Some('.'), thousands: None });
        }
        let mut evidence = number::Evidence::default();
        for row in &self.layout.rows {
            if row.cells().find(|cell| !cell.is_empty()).is_some_and(words::is_total) {
                continue;
            }
            for &column in columns {
                evidence.add(row.line, &self.layout.names[column], row.cell(column));
            }
        }
        let form = evidence.decide(keys.decimal, keys.thousands)?;
        if form.decimal == Some(',') {
            self.said.push("decimal comma".into());
        }
        if let Some(sign) = form.thousands {
            self.said.push(format!("thousands with `{sign}`"));
        }
        Ok(form)
    }

    /// A measure whose name is that of a register, and whose numbers only grow, is a counter.
    fn counters(&mut self, plan: &Plan) {
        let mut names: Vec<usize> = Vec::new();
        for (_, part) in &plan.fields {
            if let Part::Name(column) = part {
                names.push(*column);
            }
        }
        for (field, part) in &plan.fields {
            let Part::Number(column) = part else { continue };
            if !words::is_register(&self.layout.names[*column]) {
                continue;
            }
            let mut last: BTreeMap<Vec<&str>, f64> = BTreeMap::new();
            let grows = self.layout.rows.iter().all(|row| {
                let mut literal = String::new();
                plan.numbers.write(row.cell(*column), &mut literal);
                let Ok(number) = literal.parse::<f64>() else { return true };
                let before = last.insert(names.iter().map(|name| row.cell(*name)).collect(), number);
                before.is_none_or(|before| before <= number)
            });
            if let Some(measure) = self.input.measures.get_mut(field).filter(|_| grows && self.layout.rows.len() > 1) {
                measure.kind = crate::config::MeasureKind::Counter;
                self.said.push(format!("`{}` only grows: a counter", self.layout.names[*column]));
            }
        }
    }

    /// Times that are ends of intervals as long as the usual time between two of them.
    fn ends(&mut self, time: &TimeColumns, plan: &Plan) {
        if !time.is_end {
            return;
        }
        let mut cells = Vec::new();
        for row in &self.layout.rows {
            cells.push(plan.time_text(&time.columns, row));
        }
        let mut times = times::read(time.form.format.as_deref(), &self.input.time_zone, cells.iter().map(String::as_str));
        times.sort_unstable();
        let mut steps: BTreeMap<i64, usize> = BTreeMap::new();
        for pair in times.windows(2).filter(|pair| pair[0] != pair[1]) {
            *steps.entry(pair[1].0 - pair[0].0).or_default() += 1;
        }
        if let Some((step, _)) = steps.into_iter().max_by_key(|(step, count)| (*count, -*step)) {
            let interval = Span::from_millis(step / 1_000);
            self.said.push(format!("times are ends of intervals of {interval}"));
            self.input.stamp = StampOf::End;
            self.input.interval = Some(interval);
        }
    }

    /// Rows that differ in a word alone are different measures or meters: that is never added up.
    fn one_reading_a_row(&self, fields: &[(String, Part)]) -> Result<(), Fault> {
        let key: Vec<usize> = fields
            .iter()
            .flat_map(|(_, part)| match part {
                Part::Time(columns) => columns.clone(),
                Part::Name(column) => vec![*column],
                _ => Vec::new(),
            })
            .collect();
        let free: Vec<usize> = (0..self.layout.names.len())
            .filter(|column| !self.used.contains(column) && !words::is_unit_column(&self.layout.names[*column]))
            .filter(|column| self.is_narrow_column(*column))
            .collect();
        if free.is_empty() {
            return Ok(());
        }
        let mut seen: BTreeMap<Vec<&str>, usize> = BTreeMap::new();
        for (index, row) in self.layout.rows.iter().enumerate() {
            let Some(before) = seen.insert(key.iter().map(|column| row.cell(*column)).collect(), index) else { continue };
            let before = &self.layout.rows[before];
            if let Some(column) = free.iter().find(|column| row.cell(**column) != before.cell(**column)) {
                return Err(Fault::at(
                    row.line,
                    format!(
                        "rows of one time differ in `{}` (\"{}\" and \"{}\"): set `input.file.narrow` with what each measures, or name the column in `input.meter`",
                        self.layout.names[*column],
                        before.cell(*column),
                        row.cell(*column)
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Columns that no measure or name uses stay in the record under their own names.
    fn others(&self) -> Vec<(String, Part)> {
        let taken = |name: &String| {
            let input = &self.input;
            [&input.timestamp, &input.building, &input.floor].contains(&name)
                || input.meter.contains(name)
                || input.measures.values().any(|measure| measure.field == *name)
        };
        let others = self.layout.names.iter().enumerate().filter(|(column, name)| !self.used.contains(column) && !taken(name));
        others.map(|(column, name)| (name.clone(), Part::Any(column))).collect()
    }
}

/// Rows of a table without times, as they are: to train on.
pub(super) fn rows_as_they_are(layout: &Layout, given: &Given<'_>) -> Result<Understood, Fault> {
    let base = given.input.cloned().unwrap_or_default();
    let mut reader = Reader { layout, given, input: base.clone(), base, said: Vec::new(), used: Vec::new() };
    let numeric: Vec<usize> =
        reader.free_numbers().into_iter().filter(|c| words::building_rank(&layout.names[*c]).is_none()).collect();
    let numbers = reader.numbers(&numeric)?;
    let part = |column: usize| if numeric.contains(&column) { Part::Number(column) } else { Part::Any(column) };
    let fields = layout.names.iter().enumerate().map(|(column, name)| (name.clone(), part(column))).collect();
    let plan = Plan {
        names: layout.names.clone(),
        header: layout.header,
        fields,
        numbers,
        has_format: false,
        year: None,
        units_row: layout.units.is_some(),
        skip: Vec::new(),
        wide: None,
        narrow: None,
    };
    Ok(Understood { input: reader.input, plan, said: reader.said })
}
