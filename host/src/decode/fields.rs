//! Which fields of a message matter, and what one of them holds.

use std::borrow::Cow;

use super::source::Source;
use crate::config::Input;

/// A JSON value, as far as a reading needs it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// Not there, or null.
    Absent,
    Number(Number<'a>),
    Text(Cow<'a, str>),
    Boolean,
    /// As it is written.
    Array(&'a str),
    Object(&'a str),
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
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
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

/// Paths of fields in a JSON value; some places of a row have none.
#[derive(Debug, Default)]
pub(super) struct Paths(Vec<Option<String>>);

impl Paths {
    fn set(&mut self, place: usize, path: String) {
        if self.0.len() <= place {
            self.0.resize(place + 1, None);
        }
        self.0[place] = Some(path);
    }

    pub(super) fn place(&self, path: &str) -> Option<usize> {
        self.0.iter().position(|known| known.as_deref() == Some(path))
    }

    /// Is there a field within the object or array of this path?
    pub(super) fn has_within(&self, path: &str) -> bool {
        self.0.iter().flatten().any(|known| known.strip_prefix(path).is_some_and(|rest| rest.starts_with(['.', '['])))
    }
}

/// The fields that are read, each with a place in a row of [`Value`]s.
#[derive(Debug)]
pub(super) struct Fields {
    names: Vec<String>,
    /// In a message, or in one reading of a message with several.
    pub(super) paths: Paths,
    /// In the message around its readings, and the place of these.
    pub(super) around: Paths,
    /// Where a message has several readings; none: it is one itself.
    pub(super) readings: Option<Readings>,
    /// What comes from the record's key and headers.
    pub(super) beside: Vec<(usize, Source)>,
    pub(super) timestamp: usize,
    pub(super) building: usize,
    pub(super) floor: usize,
    pub(super) meter: Vec<usize>,
    pub(super) measures: Vec<MeasureField>,
}

impl Fields {
    /// # Errors
    /// Naming the key whose field cannot be read.
    pub(super) fn new(input: &Input) -> Result<Self, String> {
        let mut names = Names::default();
        let timestamp = names.place("timestamp", &input.timestamp)?;
        let building = names.place("building", &input.building)?;
        let floor = names.place("floor", &input.floor)?;
        let meter = input.meter.iter().map(|name| names.place("meter", name)).collect::<Result<_, _>>()?;
        let measures = input.measures.iter().map(|(measure, m)| {
            let field = names.place(&format!("measures.{measure}.field"), &m.field)?;
            Ok(MeasureField { field, factor: m.factor(), min: m.min, max: m.max, required: m.required })
        });
        let measures = measures.collect::<Result<_, String>>()?;
        let Names { names, sources } = names;
        let (mut paths, mut around, mut beside) = (Paths::default(), Paths::default(), Vec::new());
        for (place, source) in sources.into_iter().enumerate() {
            match source {
                Source::Root(path) if input.readings.is_some() => around.set(place, path),
                Source::Root(path) | Source::Path(path) => paths.set(place, path),
                source => beside.push((place, source)),
            }
        }
        let readings = input.readings.as_deref().map(Readings::parse).transpose()?;
        if let Some(Readings::At(path)) = &readings {
            around.set(names.len(), path.clone());
        }
        Ok(Self { names, paths, around, readings, beside, timestamp, building, floor, meter, measures })
    }

    pub(super) fn name(&self, place: usize) -> &str {
        &self.names[place]
    }

    /// A row with nothing in it. On the stack for the usual handful of fields.
    #[inline]
    pub(super) fn empty_row<'a>(&self) -> Row<'a> {
        let length = self.names.len();
        if length <= USUAL {
            Row::from_buf_and_len([const { Value::Absent }; USUAL], length)
        } else {
            smallvec::smallvec![Value::Absent; length]
        }
    }

    /// For the message around its readings: a row with one more place, the last, for these.
    pub(super) fn empty_row_around<'a>(&self) -> Row<'a> {
        smallvec::smallvec![Value::Absent; self.names.len() + 1]
    }
}

/// Where the readings of a message are.
#[derive(Debug, PartialEq)]
pub(super) enum Readings {
    /// `[]`: the message is an array of them.
    Message,
    /// `path[]`: there is an array of them under this path.
    At(String),
}

impl Readings {
    fn parse(text: &str) -> Result<Self, String> {
        match text.strip_suffix("[]") {
            Some("") => Ok(Self::Message),
            Some(path) if !path.contains("[]") => Ok(Self::At(path.to_owned())),
            _ => Err(format!(
                "`input.readings` is {text:?}: write \"[]\" where a message is an array of readings, or \"data[]\" where field `data` is"
            )),
        }
    }
}

/// Fields that are usually read.
const USUAL: usize = 8;

/// The values of one reading, by place.
pub(super) type Row<'a> = smallvec::SmallVec<[Value<'a>; USUAL]>;

/// Gives each name one place.
#[derive(Default)]
struct Names {
    names: Vec<String>,
    sources: Vec<Source>,
}

impl Names {
    fn place(&mut self, key: &str, name: &str) -> Result<usize, String> {
        if let Some(place) = self.names.iter().position(|known| known == name) {
            return Ok(place);
        }
        self.sources.push(Source::parse(name).map_err(|error| format!("`input.{key}`: {error}"))?);
        self.names.push(name.to_owned());
        Ok(self.names.len() - 1)
    }
}
