//! What a plugin reads: rows as columns, and the names behind their codes.

use crate::Meter;
use crate::bindings::lifecycle::wattdog::plugin::types as wire;

/// The code of a text that is missing.
pub const MISSING: u32 = u32::MAX;

/// Rows in the order they arrived, column by column, in the order of `Description::inputs`.
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    wire: &'a wire::Batch,
    names: &'a Names,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(wire: &'a wire::Batch, names: &'a Names) -> Self {
        Self { wire, names }
    }

    /// The number of rows; every column is as long.
    pub fn rows(&self) -> usize {
        self.wire.rows as usize
    }

    /// Each row's meter, as a dense code from 0.
    pub fn meters(&self) -> &'a [u32] {
        &self.wire.meters
    }

    /// Each row's event time in microseconds since 1970-01-01T00:00:00Z. It may be before that of the row above.
    pub fn event_times_us(&self) -> &'a [i64] {
        &self.wire.event_times_us
    }

    /// Meters that the plugin has not met in an earlier batch: the place to look up, once, what is known of each.
    pub fn new_meters(&self) -> impl Iterator<Item = &'a Meter> {
        self.names.new_meters.iter().map(|&code| self.names.meter(code))
    }

    /// The meter behind a code.
    ///
    /// # Panics
    /// If the host has never told that meter.
    pub fn meter(&self, code: u32) -> &'a Meter {
        self.names.meter(code)
    }

    /// A column of numbers; NaN: missing.
    ///
    /// # Panics
    /// If the plugin has described that input as text, or has no such input.
    pub fn floats(&self, input: usize) -> &'a [f64] {
        match &self.wire.columns[input] {
            wire::Column::Floats(values) => values,
            wire::Column::Codes(_) => panic!("input {input} is text, it has no numbers"),
        }
    }

    /// A column of text as codes, equal for equal text; [`MISSING`]: none.
    ///
    /// # Panics
    /// If the plugin has described that input as numbers, or has no such input.
    pub fn codes(&self, input: usize) -> &'a [u32] {
        match &self.wire.columns[input] {
            wire::Column::Codes(codes) => codes,
            wire::Column::Floats(_) => panic!("input {input} is a number, it has no text"),
        }
    }

    /// The text of one row.
    ///
    /// # Panics
    /// As [`Batch::codes`]; and if the host has never told the text of that code.
    pub fn text(&self, input: usize, row: usize) -> Option<&'a str> {
        let code = self.codes(input)[row];
        (code != MISSING).then(|| self.names.text(input, code))
    }
}

/// Meters and texts behind the codes, told once and kept for the life of an instance.
#[derive(Default)]
pub(crate) struct Names {
    meters: Vec<Option<Meter>>,
    /// Codes of those that no batch has come with yet.
    new_meters: Vec<u32>,
    texts: Vec<Vec<String>>,
}

impl Names {
    pub(crate) fn learn_meters(&mut self, meters: Vec<Meter>) {
        for meter in meters {
            self.new_meters.push(meter.code);
            let code = meter.code as usize;
            if self.meters.len() <= code {
                self.meters.resize(code + 1, None);
            }
            self.meters[code] = Some(meter);
        }
    }

    /// A batch has been taken.
    pub(crate) fn met(&mut self) {
        self.new_meters.clear();
    }

    pub(crate) fn learn_texts(&mut self, appended: Vec<wire::DictionaryAppend>) -> crate::Result<()> {
        for new in appended {
            let input = new.column as usize;
            if self.texts.len() <= input {
                self.texts.resize(input + 1, Vec::new());
            }
            let known = &mut self.texts[input];
            if known.len() != new.first_code as usize {
                return Err(crate::Error::InvalidInput(format!(
                    "new texts of input {input} begin at code {}, expected {}",
                    new.first_code,
                    known.len()
                )));
            }
            known.extend(new.values);
        }
        Ok(())
    }

    fn meter(&self, code: u32) -> &Meter {
        let known = self.meters.get(code as usize).and_then(Option::as_ref);
        known.expect("the host tells a meter before it uses its code")
    }

    fn text(&self, input: usize, code: u32) -> &str {
        let known = self.texts.get(input).and_then(|texts| texts.get(code as usize));
        known.expect("the host tells a text before it uses its code")
    }
}
