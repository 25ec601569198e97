//! Files of readings, in any of the forms in which people have them, as JSON records.
//!
//! What a file is, and how its tables are written, is told by its content (`open`, `charset`, `layout`, `understand`); what is guessed
//! is said, and what cannot be told with certainty is refused before anything is done with it.

mod charset;
mod check;
mod encode;
mod error;
mod green_button;
pub(crate) mod input_text;
mod json_document;
mod json_fields;
mod layout;
mod lines;
mod measures;
mod number;
mod open;
mod order;
mod plan;
mod recorded;
mod row;
mod sender;
pub(crate) mod summary;
mod table;
mod tally;
mod time_columns;
mod times;
mod understand;
mod words;

use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use encoding_rs::Encoding;

use crate::config::{Config, FileFormat, Input, InputFile, Measure, MeasureKind};
use error::Fault;
use layout::Layout;
use open::Packed;
use plan::{Outcome, Plan};
use row::Row;
use table::Cells;
use understand::{Given, Understood};

pub(crate) use check::{Checked, check};
pub(crate) use encode::Encoder;
pub use error::FileError;
pub(crate) use order::Sorter;
pub(crate) use recorded::{Recorded, Taken};
pub(crate) use sender::Sender;
pub(crate) use tally::Tally;

/// So much of a file is looked at before it is read.
const SAMPLE: u64 = 4 << 20;
/// Lines of rejected rows that are kept to be named.
const NAMED_LINES: usize = 5;

/// What a file holds.
#[derive(Debug)]
enum Content {
    Lines(&'static Encoding),
    Document(&'static Encoding, Option<String>),
    Table(Cells, Box<Plan>),
    /// With the building of its readings.
    GreenButton(&'static Encoding, String),
}

/// A file that is understood; it can be read more than once.
#[derive(Debug)]
pub(crate) struct ReadingsFile {
    packed: Packed,
    content: Content,
    /// What decodes its records.
    pub(crate) input: Input,
    /// How it was understood, in words.
    pub(crate) said: Vec<String>,
    /// True where its records are as the configuration, or the default one, reads them.
    pub(crate) plain: bool,
}

/// A record of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    /// Line or row, from 1; of a JSON document the number of the object.
    pub(crate) line: u64,
    /// An object.
    pub(crate) json: &'a [u8],
}

/// Rows that are no records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Skipped {
    /// Rows that sum up others.
    pub(crate) totals: Vec<u64>,
    /// Rows that a pattern names, the header again, units.
    pub(crate) others: Vec<u64>,
    /// The last line, where its end is missing.
    pub(crate) cut_off: Option<u64>,
    /// The last line is whole by its cells, and has no line break.
    pub(crate) unfinished: bool,
}

impl ReadingsFile {
    /// Looks at the file's first part. Without a configuration, times, names and measures are found by what columns say.
    pub(crate) fn open(path: &Path, config: Option<&Config>) -> anyhow::Result<Self> {
        Self::with(path, config.map(|config| &config.input), false)
    }

    /// `rows`: a table without times is read as it is.
    fn with(path: &Path, given: Option<&Input>, rows: bool) -> anyhow::Result<Self> {
        let none = InputFile::default();
        let keys = given.map_or(&none, |input| &input.file);
        let packed = Packed::open(path, keys.table.as_deref())?;
        let stem = stem(packed.inner.as_deref().map_or(path, Path::new));
        let in_file = |fault: Fault| fault.in_file(path);
        let finish = |packed, content, understood: (Input, Vec<String>, bool)| {
            let (input, said, plain) = understood;
            Self { packed, content, input, said, plain }
        };
        if packed.is_workbook() {
            let (sheet_rows, sheet) = table::sheet(&packed, keys.table.as_deref())?;
            let all = Arc::new(sheet_rows);
            let sample = all.iter().filter(|row| !row.is_empty()).take(50_000).cloned().collect();
            let given_file = Given { input: given, stem: &stem, typed: true };
            let understood = table_of(sample, keys, &given_file, rows).map_err(in_file)?;
            let said = vec![format!("sheet `{sheet}`")];
            return Ok(finish_table(finish, packed, Cells::Sheet(all), understood, given, said));
        }
        let (prefix, whole) = packed.read(|bytes| {
            let mut prefix = Vec::new();
            bytes.take(SAMPLE).read_to_end(&mut prefix)?;
            let whole = (prefix.len() as u64) < SAMPLE;
            Ok((prefix, whole))
        })?;
        let (encoding, guessed) = match &keys.charset {
            Some(label) => (Encoding::for_label(label.as_bytes()).unwrap_or(encoding_rs::UTF_8), false),
            None => charset::recognise(&prefix).map_err(in_file)?,
        };
        let (text, _, _) = encoding.decode(&prefix);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let mut said = Vec::new();
        if let Some(inner) = &packed.inner {
            said.push(format!("`{inner}` of a zip"));
        }
        if encoding != encoding_rs::UTF_8 {
            said.push(format!("{}{}", encoding.name(), if guessed { " (guessed)" } else { "" }));
        }
        match keys.format.or_else(|| format_of(text, whole)) {
            None if text.trim().is_empty() => Err(in_file(Fault::of_form("the file is empty")).into()),
            Some(FileFormat::JsonLines) => {
                let (input, more, plain) =
                    json_fields::input_of(text.lines().map(str::to_owned), given, rows).map_err(in_file)?;
                said.extend(more);
                Ok(finish(packed, Content::Lines(encoding), (input, said, plain)))
            }
            Some(FileFormat::Json) => {
                let array = match &keys.array {
                    Some(array) => Some(array.clone()),
                    None => array_of(text, whole).map_err(in_file)?,
                };
                let mut sample = Vec::new();
                // A sample that is cut off ends with an error, which the whole file does not have.
                let _ = json_document::for_each_object(&mut text.as_bytes(), array.as_deref(), &mut |object| {
                    sample.push(object.to_owned());
                    anyhow::ensure!(sample.len() < 1_000, "enough");
                    Ok(())
                });
                let (input, more, plain) = json_fields::input_of(sample.into_iter(), given, rows).map_err(in_file)?;
                said.push(
                    array
                        .as_ref()
                        .map_or_else(|| "a JSON document".to_owned(), |array| format!("the array `{array}` of a JSON document")),
                );
                said.extend(more);
                Ok(finish(packed, Content::Document(encoding, array), (input, said, plain)))
            }
            Some(FileFormat::GreenButton) => {
                let building = keys.building.clone().unwrap_or(stem);
                let (input, more) = green_button_input(text, &building, given).map_err(in_file)?;
                said.extend(more);
                let plain = reads_alike(given.unwrap_or(&Input::default()), &input);
                Ok(finish(packed, Content::GreenButton(encoding, building), (input, said, plain)))
            }
            Some(FileFormat::Table) | None => {
                let text = if whole { text } else { &text[..text.rfind('\n').map_or(text.len(), |end| end + 1)] };
                let quote = keys.quote.unwrap_or('"');
                let (separator, sample, open) = match keys.separator {
                    Some(separator) => {
                        let (sample, open) = layout::split_all(text, separator, quote);
                        (separator, sample, open)
                    }
                    None => {
                        let (separator, _) = layout::separator(text, quote).ok_or_else(|| {
                            in_file(Fault::of_form(
                                "neither JSON nor a table: no sign parts its lines into cells; set `input.file.separator`",
                            ))
                        })?;
                        let (sample, open) = layout::split_all(text, separator, quote);
                        (separator, sample, open)
                    }
                };
                if let Some(line) = open {
                    return Err(in_file(Fault::at(
                        line,
                        "a quote is opened and not closed; correct the line, or set `input.file.quote`",
                    ))
                    .into());
                }
                let given_file = Given { input: given, stem: &stem, typed: false };
                let mut understood = table_of(sample, keys, &given_file, rows).map_err(in_file)?;
                if separator != ',' {
                    understood.input.file.separator = Some(separator);
                    said.push(match separator {
                        ';' => "semicolons".into(),
                        '\t' => "tabs".into(),
                        other => format!("`{other}` between cells"),
                    });
                }
                Ok(finish_table(finish, packed, Cells::Text { separator, quote, encoding }, understood, given, said))
            }
        }
    }

    /// Gives each record to `take`.
    ///
    /// # Errors
    /// Naming the line that contradicts what was understood; when the file cannot be read; when `take` fails.
    pub(crate) fn for_each(&self, mut take: impl FnMut(Record<'_>) -> anyhow::Result<()>) -> anyhow::Result<Skipped> {
        let mut skipped = Skipped::default();
        let path = &self.packed.path;
        match &self.content {
            Content::Lines(encoding) => self.packed.read(|bytes| {
                let mut text = BufReader::with_capacity(1 << 18, charset::Utf8::new(bytes, encoding)?);
                let end = lines::for_each_line(&mut text, |line, record| {
                    let json = record.trim_ascii();
                    if json.is_empty() { Ok(()) } else { take(Record { line, json }) }
                })?;
                end.map_err(|fault| fault.in_file(path))?;
                Ok(())
            })?,
            Content::Document(encoding, array) => self.packed.read(|bytes| {
                let mut text = BufReader::with_capacity(1 << 18, charset::Utf8::new(bytes, encoding)?);
                let mut line = 0;
                json_document::for_each_object(&mut text, array.as_deref(), &mut |object| {
                    line += 1;
                    take(Record { line, json: object.as_bytes() })
                })
                .map_err(|error| match error.downcast::<serde_json::Error>() {
                    Ok(error) => Fault::of_form(format!("after {line} records: {error}")).in_file(path).into(),
                    Err(error) => error,
                })
            })?,
            Content::GreenButton(encoding, building) => self.packed.read(|bytes| {
                let mut text = BufReader::with_capacity(1 << 18, charset::Utf8::new(bytes, encoding)?);
                let mut line = 0;
                let read = green_button::for_each_reading(&mut text, building, &mut |_, json| {
                    line += 1;
                    take(Record { line, json })
                })?;
                read.map_err(|fault| fault.in_file(path))?;
                Ok(())
            })?,
            Content::Table(cells, plan) => {
                let mut buffer = Vec::new();
                let after = plan.header;
                let end = cells.for_each_row(&self.packed, after, |row, last| {
                    let line = row.line;
                    if plan.units_row && skipped.others.is_empty() && line > after {
                        skipped.others.push(line);
                        return Ok(());
                    }
                    let outcome = plan.records(row, last, &mut buffer, &mut |json| take(Record { line, json }))?;
                    match outcome.map_err(|fault| fault.in_file(path))? {
                        Outcome::Records => {}
                        Outcome::Total => skipped.totals.push(line),
                        Outcome::Skipped => skipped.others.push(line),
                        Outcome::CutOff => skipped.cut_off = Some(line),
                    }
                    Ok(())
                })?;
                skipped.unfinished = end.unfinished && skipped.cut_off.is_none();
            }
        }
        Ok(skipped)
    }

    /// Logs how it was understood, where something had to be found out.
    pub(crate) fn say(&self) {
        if !self.said.is_empty() {
            tracing::info!("{}: {}", self.path().display(), self.said.join(", "));
        }
    }

    /// Logs rows that are no records.
    pub(crate) fn say_skipped(&self, skipped: &Skipped) {
        for line in summary::skipped(skipped) {
            tracing::warn!("{}: {line}", self.path().display());
        }
    }

    /// A counter that the target's configuration takes for amounts must not be sent to it.
    pub(crate) fn refuse_counters(&self, target: &Input) -> anyhow::Result<()> {
        let is_counter = |measure: Option<&Measure>| measure.is_some_and(|measure| measure.kind == MeasureKind::Counter);
        let counter = self
            .input
            .measures
            .iter()
            .find(|(name, measure)| is_counter(Some(measure)) && !is_counter(target.measures.get(*name)));
        if let Some((name, _)) = counter {
            let message = format!(
                "{name} only grows: a counter; put the `[input]` that `wattdog readings` prints into the configuration, and give it by --config"
            );
            return Err(Fault::of_form(message).in_file(self.path()).into());
        }
        Ok(())
    }

    /// The file, as it was named.
    pub(crate) fn path(&self) -> &Path {
        &self.packed.path
    }

    /// True for a table, whose rows are no log of messages.
    pub(crate) fn is_table(&self) -> bool {
        matches!(self.content, Content::Table(..))
    }
}

/// Gives each record of a file to `take` as a JSON object, under the names of the default configuration where they are found.
///
/// # Errors
/// When the file cannot be read, or `take` fails.
pub fn for_each_line(path: &Path, mut take: impl FnMut(&[u8]) -> anyhow::Result<()>) -> anyhow::Result<()> {
    for_each_record(path, |record| take(record.json))
}

/// The same, with the line of each record. Logs how the file was understood, and rows that are no records.
pub(crate) fn for_each_record(path: &Path, mut take: impl FnMut(Record<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let file = ReadingsFile::with(path, None, true)?;
    file.say();
    file.refuse_counters(&Input::default())?;
    let skipped = if file.plain {
        file.for_each(take)?
    } else {
        let mut encoder = Encoder::new(&file.input, &Input::default());
        let mut buffer = Vec::new();
        file.for_each(|record| match encoder.encode(record.json, &mut buffer) {
            Ok(_) => take(Record { json: &buffer, ..record }),
            // The caller says what is wrong with it.
            Err(_) => take(record),
        })?
    };
    file.say_skipped(&skipped);
    Ok(())
}

fn finish_table(
    finish: impl Fn(Packed, Content, (Input, Vec<String>, bool)) -> ReadingsFile,
    packed: Packed,
    cells: Cells,
    understood: Understood,
    given: Option<&Input>,
    mut said: Vec<String>,
) -> ReadingsFile {
    let Understood { input, plan, said: more } = understood;
    if plan.header > 1 {
        said.push(format!("header in line {}", plan.header));
    }
    said.extend(more);
    let plain = reads_alike(given.unwrap_or(&Input::default()), &input);
    finish(packed, Content::Table(cells, Box::new(plan)), (input, said, plain))
}

/// True where records for `input` are read the same by `target`. Measures that it does not have are more fields to it.
fn reads_alike(target: &Input, input: &Input) -> bool {
    let measures_alike = input.measures.iter().filter_map(|(name, measure)| Some((measure, target.measures.get(name)?))).all(
        |(measure, other)| {
            measure.field == other.field
                && measure.sent_in == other.sent_in
                && measure.scale == other.scale
                && measure.unit == other.unit
        },
    );
    measures_alike
        && target.timestamp_format == input.timestamp_format
        && target.time_zone == input.time_zone
        && target.stamp == input.stamp
        && target.meter == input.meter
}

fn table_of(sample: Vec<Row>, keys: &InputFile, given: &Given<'_>, rows: bool) -> Result<Understood, Fault> {
    let layout = Layout::of(sample, keys)?;
    if rows && time_columns::candidates(&layout).is_empty() {
        return understand::rows_as_they_are(&layout, given);
    }
    understand::understand(&layout, given)
}

/// By its first signs.
fn format_of(text: &str, whole: bool) -> Option<FileFormat> {
    let text = text.trim_start();
    match text.chars().next()? {
        '[' => Some(FileFormat::Json),
        '{' => {
            let mut lines = text.lines().filter(|line| !line.trim().is_empty()).take(20);
            let is_object = |line: &str| serde_json::from_str::<serde_json::Map<_, _>>(line);
            if !lines.clone().any(|line| is_object(line).is_ok()) {
                // Broken lines are lines too, unless the objects go over several.
                let spread =
                    lines.clone().any(|line| matches!(line.trim(), "{" | "}" | "},")) || (whole && lines.clone().count() == 1);
                return Some(if spread { FileFormat::Json } else { FileFormat::JsonLines });
            }
            // One line that holds an array is a document.
            let only = lines.next().filter(|_| whole && lines.next().is_none()).and_then(|line| serde_json::from_str(line).ok());
            let holds_records = only.is_some_and(|document| !json_document::arrays(&document).is_empty());
            Some(if holds_records { FileFormat::Json } else { FileFormat::JsonLines })
        }
        '<' => Some(FileFormat::GreenButton),
        _ => Some(FileFormat::Table),
    }
}

/// Where the records of a document are; none: at its top.
fn array_of(text: &str, whole: bool) -> Result<Option<String>, Fault> {
    if text.trim_start().starts_with('[') {
        return Ok(None);
    }
    let Ok(document) = serde_json::from_str(text) else {
        // Objects one after the other, or more than was looked at.
        let first = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>().next();
        return match (first, whole) {
            (Some(Ok(_)), _) | (_, true) => Ok(None),
            _ => Err(Fault::of_form(
                "a JSON document whose records are not at its top; set `input.file.array` to their place, as \"data.readings\"",
            )),
        };
    };
    let mut places = json_document::arrays(&document);
    match places.len() {
        0 => Ok(None),
        1 => Ok(places.pop()),
        _ => Err(Fault::of_form(format!("several arrays of objects: set `input.file.array` to one of {}", places.join(", ")))),
    }
}

/// What decodes the readings of Green Button: epoch seconds, and the unit that the feed says.
fn green_button_input(text: &str, building: &str, given: Option<&Input>) -> Result<(Input, Vec<String>), Fault> {
    let mut first = None;
    let read = green_button::for_each_reading(&mut text.as_bytes(), building, &mut |kind, _| {
        first = Some(kind.clone());
        anyhow::bail!("one is enough")
    });
    let kind = match (first, read) {
        (Some(kind), _) => kind.kind()?,
        (None, Ok(Err(fault))) => return Err(fault),
        (None, _) => return Err(Fault::of_form("XML without the readings of Green Button (IntervalReading)")),
    };
    let mut input = given.cloned().unwrap_or_default();
    let unit = if kind.measure == "electricity" { "kWh" } else { "L" };
    let mut measure = Measure::new(kind.measure, unit);
    measure.sent_in = (kind.unit != unit).then(|| kind.unit.to_owned());
    if given.is_none() {
        input.measures.clear();
    }
    input.measures.insert(kind.measure.to_owned(), measure);
    Ok((input, vec![format!("Green Button, {} in {} of building \"{building}\"", kind.measure, kind.unit)]))
}

/// Without folders and endings.
fn stem(path: &Path) -> String {
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut stem = PathBuf::from(name);
    while stem
        .extension()
        .is_some_and(|ending| ending.len() <= 5 && !ending.to_string_lossy().bytes().all(|b| b.is_ascii_digit()))
    {
        stem.set_extension("");
    }
    stem.to_string_lossy().into_owned()
}

#[cfg(test)]
mod mutations;
#[cfg(test)]
mod tests;
