//! How a table is understood: which columns become which fields, with what is guessed said in words.

use std::collections::BTreeMap;

use regex_lite::Regex;

use super::error::Fault;
use super::layout::Layout;
use super::measures::{self, Found};
use super::number::{self, NumberForm};
use super::plan::{NarrowColumns, Part, Plan, WideColumn};
use super::time_columns::{self, TimeColumns};
use super::{times, words};
use crate::config::{Columns, Input, Measure, Span, StampOf};

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

    /// Fields of building, floor and what else names a meter, with their columns.
    fn names(&mut self) -> Result<Vec<(String, usize)>, Fault> {
        let mut fields = vec![self.base.building.clone(), self.base.floor.clone()];
        fields.extend(self.base.meter.iter().filter(|field| !fields.contains(field)).cloned().collect::<Vec<_>>());
        let mut names = Vec::new();
        for field in fields {
            if let Some(columns) = self.mapped(&field)? {
                let [column] = columns[..] else {
                    return Err(Fault::of_form(format!(
                        "`input.file.columns.{field}` names several columns; only a time is joined"
                    )));
                };
                self.used.push(column);
                names.push((field, column));
            }
        }
        if !names.iter().any(|(field, _)| *field == self.base.building) && self.base.file.building.is_none() {
            self.guess_building(&mut names);
        }
        if !names.iter().any(|(field, _)| *field == self.base.floor) {
            let floor = (0..self.layout.names.len()).find(|c| !self.used.contains(c) && words::is_floor(&self.layout.names[*c]));
            if let Some(column) = floor {
                self.used.push(column);
                self.said.push(format!("floor from `{}`", self.layout.names[column]));
                names.push((self.base.floor.clone(), column));
            }
        }
        Ok(names)
    }

    fn guess_building(&mut self, names: &mut Vec<(String, usize)>) {
        let layout = self.layout;
        let ranked = |column: usize| {
            let free = !self.used.contains(&column) && words::measure(&layout.names[column]).is_none();
            let holds_names = layout.cells(column).any(|cell| !cell.is_empty()) && !self.is_narrow_column(column);
            words::building_rank(&layout.names[column]).filter(|_| free && holds_names)
        };
        let best = (0..layout.names.len()).filter_map(|column| Some((ranked(column)?, column))).min();
        if let Some((rank, column)) = best {
            self.used.push(column);
            self.said.push(format!("building from `{}`", layout.names[column]));
            names.push((self.base.building.clone(), column));
            // A meter beside its building.
            let meter = (0..layout.names.len()).find(|c| {
                rank < 2
                    && !self.used.contains(c)
                    && words::is_meter(&layout.names[*c])
                    && !self.is_narrow_column(*c)
                    && words::measure(&layout.names[*c]).is_none()
            });
            if let Some(column) = meter
                && self.given.input.is_none()
            {
                self.used.push(column);
                self.said.push(format!("meter from `{}`", layout.names[column]));
                names.push(("meter".into(), column));
                self.input.meter = vec![self.base.building.clone(), "meter".into()];
            }
        }
    }

    /// Few words, each with rows of its own at the same times.
    fn is_narrow_column(&self, column: usize) -> bool {
        if words::building_rank(&self.layout.names[column]).is_some_and(|rank| rank < 2) {
            return false;
        }
        let mut words: Vec<&str> = Vec::new();
        for cell in self.layout.cells(column).take(2_000).filter(|cell| !cell.is_empty()) {
            if !words.contains(&cell) {
                words.push(cell);
            }
        }
        let kinds = ["type", "kind", "measure", "utility", "commodity", "register", "medium", "energietrager", "art", "channel"];
        let named = words::words(&self.layout.names[column]).iter().any(|word| kinds.contains(&word.as_str()));
        let short = words.iter().all(|word| word.len() <= 2 && word.bytes().all(|b| b.is_ascii_digit()));
        let measures = words.iter().filter(|word| words::measure(word).is_some()).count();
        (2..=12).contains(&words.len()) && (named || short || measures * 2 >= words.len())
    }

    fn building(&mut self, names: Vec<(String, usize)>) -> Result<Vec<(String, Part)>, Fault> {
        let has_building = names.iter().any(|(field, _)| *field == self.base.building);
        let mut parts: Vec<_> = names.into_iter().map(|(field, column)| (field, Part::Name(column))).collect();
        if !has_building {
            let said =
                self.layout.preamble.iter().find(|(name, value)| words::building_rank(name).is_some() && !value.is_empty());
            let building = match (&self.base.file.building, said) {
                (Some(building), _) => building.clone(),
                (None, Some((name, value))) => {
                    self.said.push(format!("building \"{value}\" from `{name}`"));
                    value.clone()
                }
                (None, None) => {
                    self.said.push(format!("no column names a building: \"{}\" from the file's name", self.given.stem));
                    self.given.stem.to_owned()
                }
            };
            parts.push((self.base.building.clone(), Part::Constant(building)));
        }
        Ok(parts)
    }

    /// Columns of numbers that nothing else uses.
    fn free_numbers(&self) -> Vec<usize> {
        let free = |column: &usize| !self.used.contains(column) && measures::is_numeric(self.layout, *column);
        (0..self.layout.names.len()).filter(free).collect()
    }

    /// Measures as fields of the records with their columns; leaves in `input` how these are decoded.
    fn measures(&mut self, no_names: bool) -> Result<Vec<(String, usize)>, Fault> {
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

    fn wide(&mut self, names: &[(String, usize)]) -> Result<Option<(String, String, Vec<WideColumn>)>, Fault> {
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

    fn narrow(&mut self) -> Result<Option<NarrowColumns>, Fault> {
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
