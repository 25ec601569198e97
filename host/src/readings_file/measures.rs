//! Which columns are measures, and in which units.

use super::error::Fault;
use super::layout::Layout;
use super::number;
use super::words::{self, Quantity};
use crate::config::Measure;

/// A column of numbers that is understood.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) column: usize,
    pub(super) name: &'static str,
    /// Unit of the cells.
    pub(super) unit: Option<&'static str>,
    /// Factor to the unit, of power over an interval.
    pub(super) scale: f64,
    /// How it is known, where a name did not say it.
    pub(super) said: Option<String>,
}

/// Share of cells, in hundredths, that are numbers in a column of numbers.
const MOSTLY: usize = 80;

pub(super) fn is_numeric(layout: &Layout, column: usize) -> bool {
    let cells = || layout.cells(column).filter(|cell| !number::is_missing(cell)).take(500);
    let numbers = cells().filter(|cell| number::looks_like_one(cell)).count();
    // A column that is named as a measure has its rejected rows named instead.
    let mostly = if words::measure(&layout.names[column]).is_some() { MOSTLY / 2 } else { MOSTLY };
    numbers > 0 && numbers * 100 >= cells().count() * mostly
}

/// The unit that the table says for a column.
pub(super) fn unit_of(layout: &Layout, column: usize) -> Option<(&'static str, Quantity)> {
    own_unit(layout, column).or_else(|| shared_unit(layout))
}

/// The same, for a measure of this name: a unit that all columns share is of those that it fits.
pub(super) fn unit_for(layout: &Layout, column: usize, measure: &str) -> Option<(&'static str, Quantity)> {
    own_unit(layout, column).or_else(|| shared_unit(layout).filter(|(_, quantity)| fits(measure, *quantity)))
}

/// In its name, or below it.
fn own_unit(layout: &Layout, column: usize) -> Option<(&'static str, Quantity)> {
    let below = || layout.units.as_ref().and_then(|row| words::unit(row.cell(column)));
    words::unit_in(&layout.names[column]).or_else(below)
}

/// In a column of units, or before the header: of the columns that it fits.
fn shared_unit(layout: &Layout) -> Option<(&'static str, Quantity)> {
    unit_beside(layout).or_else(|| {
        let said = layout.preamble.iter().find(|(name, _)| words::is_unit_column(name))?;
        words::unit(&said.1)
    })
}

/// True for a quantity that a measure of this name can have.
fn fits(measure: &str, quantity: Quantity) -> bool {
    match measure {
        "electricity" | "electricity_out" => matches!(quantity, Quantity::Energy | Quantity::Power),
        "water" => quantity == Quantity::Volume,
        "chilled_water" | "hot_water" => matches!(quantity, Quantity::Volume | Quantity::Energy),
        _ => true,
    }
}

/// The unit in a column of units, where all rows say the same.
fn unit_beside(layout: &Layout) -> Option<(&'static str, Quantity)> {
    let column = layout.names.iter().position(|name| words::is_unit_column(name))?;
    let mut units = layout.cells(column).filter(|cell| !cell.is_empty());
    let first = units.next()?;
    if units.all(|unit| unit == first) { words::unit(first) } else { None }
}

/// Minutes that the lines before the header say between two readings.
fn step_minutes(layout: &Layout) -> Option<f64> {
    let is_step = |name: &str| {
        let words = words::words(name);
        let has = |any: &[&str]| words.iter().any(|word| any.contains(&word.as_str()));
        has(&["pas", "step", "interval", "intervall", "resolution", "stap"]) && has(&["minutes", "minute", "min", "minuten"])
    };
    let (_, value) = layout.preamble.iter().find(|(name, _)| is_step(name))?;
    value.trim().parse().ok().filter(|minutes| *minutes > 0.0)
}

/// What columns, lines before the header and columns of one word say beside the numbers.
fn words_beside(layout: &Layout) -> impl Iterator<Item = &str> {
    let said = layout.preamble.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    let names = layout.names.iter().map(String::as_str);
    let first_row = layout.rows.first().into_iter().flat_map(|row| row.cells());
    said.chain(names).chain(first_row)
}

/// The measures among these columns, by name; a single one without a name that says it by its unit.
pub(super) fn find(layout: &Layout, columns: &[usize]) -> Result<Vec<Found>, Fault> {
    let mut found: Vec<Found> = Vec::new();
    for &column in columns {
        let name = &layout.names[column];
        let Some(measure) = words::measure(name).filter(|_| !words::is_total(name)) else { continue };
        let unit = unit_for(layout, column, measure);
        if !matches!(measure, "electricity" | "water") && unit.is_none() {
            continue;
        }
        if let Some(other) = found.iter().find(|found| found.name == measure) {
            return Err(Fault::of_form(format!(
                "columns `{}` and `{name}` are both {measure}; set `input.file.columns.{measure}` to one of them, or `input.file.wide`",
                layout.names[other.column]
            )));
        }
        found.push(of(layout, column, measure, unit)?);
    }
    if found.is_empty() {
        found.extend(by_unit(layout, columns)?);
    }
    Ok(found)
}

/// A column of this measure, in its unit.
pub(super) fn of(
    layout: &Layout,
    column: usize,
    name: &'static str,
    unit: Option<(&'static str, Quantity)>,
) -> Result<Found, Fault> {
    let header = &layout.names[column];
    let shared = shared_unit(layout).filter(|(_, quantity)| fits(name, *quantity));
    if let (Some((own, _)), Some((other, _))) = (own_unit(layout, column), shared)
        && own != other
    {
        return Err(Fault::of_form(format!(
            "`{header}` is in {own} by its name or the row below, and in {other} by the rest of the file; correct one of them, or set `input.file.units_row`"
        )));
    }
    match unit {
        None => {
            let default = if name == "electricity" { "kWh" } else { "L" };
            let said = (header != name).then(|| format!("`{header}` says no unit: taken as {default}"));
            Ok(Found { column, name, unit: None, scale: 1.0, said })
        }
        Some((unit, Quantity::Power)) => {
            let Some(minutes) = step_minutes(layout) else {
                return Err(Fault::of_form(format!(
                    "`{header}` is power in {unit}, not energy; set `input.measures.{name}` with `scale` = hours between two readings and `sent_in` = \"{unit}h\""
                )));
            };
            let hours = minutes / 60.0;
            let energy = match unit {
                "W" => "Wh",
                "kW" => "kWh",
                _ => "MWh",
            };
            let said = Some(format!("`{header}` is power in {unit} over {minutes} min: times {hours} h is energy"));
            Ok(Found { column, name, unit: Some(energy), scale: hours, said })
        }
        Some((unit, quantity)) if fits(name, quantity) && quantity != Quantity::Other => {
            Ok(Found { column, name, unit: Some(unit), scale: 1.0, said: None })
        }
        Some((unit, _)) => Err(Fault::of_form(format!(
            "`{header}` is in {unit}, which is no unit of {name} that wattdog converts; set `input.measures.{name}` with `field`, `unit` and `scale`"
        ))),
    }
}

/// A single column of values whose unit is one of energy, where nothing says that it is not electricity.
fn by_unit(layout: &Layout, columns: &[usize]) -> Result<Option<Found>, Fault> {
    let energy: Vec<_> = columns
        .iter()
        .filter_map(|&column| Some((column, unit_of(layout, column)?)))
        .filter(|(_, (_, quantity))| matches!(quantity, Quantity::Energy | Quantity::Power))
        .collect();
    let named: Vec<_> = energy.iter().filter(|(column, _)| words::is_value(&layout.names[*column])).collect();
    let (column, unit) = match (&energy[..], &named[..]) {
        ([only], _) => *only,
        (_, [only]) => **only,
        _ => return Ok(None),
    };
    let other = words_beside(layout).find_map(|text| words::measure(text).filter(|measure| *measure != "electricity"));
    if let Some(other) = other {
        return Err(Fault::of_form(format!(
            "`{}` is in {}, and the file speaks of {other}: set `[input.measures.<name>]` with `field` and `unit`",
            layout.names[column], unit.0
        )));
    }
    let mut found = of(layout, column, "electricity", Some(unit))?;
    found.said.get_or_insert_with(|| format!("`{}` in {} is electricity", layout.names[column], unit.0));
    Ok(Some(found))
}

impl Found {
    /// As `[input.measures]` has it, for records that hold the cell's number in `field`.
    pub(super) fn measure(&self, field: &str, required: bool) -> Measure {
        let unit = match (self.name, self.unit) {
            ("electricity" | "electricity_out", _) => "kWh",
            ("water", Some(unit)) if words::unit(unit).is_some_and(|(_, quantity)| quantity == Quantity::Volume) => "L",
            ("water", None) => "L",
            (_, Some("Wh" | "MWh" | "GWh" | "J" | "kJ" | "MJ" | "GJ")) => "kWh",
            (_, unit) => unit.unwrap_or_default(),
        };
        let mut measure = Measure::new(field, unit);
        measure.sent_in = self.unit.filter(|sent_in| *sent_in != unit).map(str::to_owned);
        measure.scale = self.scale;
        measure.required = required;
        measure
    }
}
