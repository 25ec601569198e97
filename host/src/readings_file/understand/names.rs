//! Columns that name buildings, floors and meters.

use super::super::error::Fault;
use super::super::plan::Part;
use super::super::words;
use super::Reader;

impl Reader<'_, '_> {
    /// Fields of building, floor and what else names a meter, with their columns.
    pub(super) fn names(&mut self) -> Result<Vec<(String, usize)>, Fault> {
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
    pub(super) fn is_narrow_column(&self, column: usize) -> bool {
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

    pub(super) fn building(&mut self, names: Vec<(String, usize)>) -> Result<Vec<(String, Part)>, Fault> {
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
}
