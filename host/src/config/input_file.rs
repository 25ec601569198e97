//! `[input.file]`: how a file becomes records. Every key that is left out is guessed from the file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `[input.file]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct InputFile {
    /// What the content is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<FileFormat>,
    /// The name of an encoding, as `windows-1252` or `utf-16le`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charset: Option<String>,
    /// Place of the array of records in a JSON document, its names joined with dots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub array: Option<String>,
    /// The sheet of a workbook, or the file within a zip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Between two cells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separator: Option<char>,
    /// Around a cell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<char>,
    /// Before the fraction of a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<char>,
    /// Between groups of three digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thousands: Option<char>,
    /// The line of the column names, from 1; or the names, where the file has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<Header>,
    /// The line after the header holds units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units_row: Option<bool>,
    /// Patterns of the first cell of rows that are no readings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skip: Vec<String>,
    /// Column of each field of a record; several are joined with a space.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, Columns>,
    /// Building of every row, where no column names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub building: Option<String>,
    /// Year of times that do not say theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub year: Option<i16>,
    /// Each column but that of the time is a building.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wide: Option<Wide>,
    /// A column says what the number of its row measures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub narrow: Option<Narrow>,
}

/// `[input.file] format`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileFormat {
    /// A JSON object a line.
    JsonLines,
    /// A JSON document: an array of objects, or an object that holds one.
    Json,
    /// CSV, a workbook's sheet.
    Table,
    /// Green Button: XML of the Energy Services Provider Interface.
    GreenButton,
}

/// `[input.file] header`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Header {
    /// In this line.
    Line(u64),
    /// In no line.
    Names(Vec<String>),
}

/// `[input.file.columns]`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Columns {
    /// The field is this column.
    One(String),
    /// The field is these columns, joined.
    Joined(Vec<String>),
}

impl Columns {
    /// Their names.
    #[must_use]
    pub fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Joined(names) => names,
        }
    }
}

/// `[input.file.wide]`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Wide {
    /// What the columns measure.
    pub measure: String,
    /// The building of each column; left out, every column of numbers is a building of its own name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub buildings: BTreeMap<String, String>,
}

/// `[input.file.narrow]`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Narrow {
    /// The column that says what is measured.
    pub column: String,
    /// The column with the number.
    pub value: String,
    /// The measure of each word of `column`; rows with other words are skipped.
    pub measures: BTreeMap<String, String>,
}

impl InputFile {
    /// True where every key is left out.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// # Errors
    /// Naming the key that cannot be used.
    pub(super) fn validate(&self) -> Result<(), String> {
        for (key, sign) in [("separator", self.separator), ("quote", self.quote)] {
            if sign.is_some_and(|sign| !sign.is_ascii()) {
                return Err(format!("`input.file.{key}` is a single ASCII sign, as \";\""));
            }
        }
        if self.decimal.is_some_and(|sign| sign != '.' && sign != ',') {
            return Err("`input.file.decimal` is \".\" or \",\"".into());
        }
        if self.decimal.is_some() && self.decimal == self.thousands {
            return Err("`input.file.thousands` and `input.file.decimal` are the same sign".into());
        }
        if let Some(charset) = &self.charset
            && encoding_rs::Encoding::for_label(charset.as_bytes()).is_none()
        {
            return Err(format!("`input.file.charset` {charset:?} is no known encoding; write one such as \"windows-1252\""));
        }
        for pattern in &self.skip {
            regex_lite::Regex::new(pattern).map_err(|error| format!("`input.file.skip` {pattern:?}: {error}"))?;
        }
        Ok(())
    }
}
