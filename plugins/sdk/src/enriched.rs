//! What an enricher answers: new columns, of as many rows as the batch.

use std::collections::BTreeMap;

use crate::bindings::enrichment::exports::wattdog::plugin::enrichment as wire;
use crate::bindings::lifecycle::wattdog::plugin::types::{Column, DictionaryAppend};
use crate::findings::UNKNOWN;
use crate::{ColumnType, Description, MISSING};

/// The columns of one batch in the making, in the order of `Description::outputs`, all missing at first.
pub struct Enriched<'a> {
    columns: Vec<Column>,
    dictionaries: &'a mut [Dictionary],
}

impl<'a> Enriched<'a> {
    pub(crate) fn new(rows: usize, description: &Description, dictionaries: &'a mut [Dictionary]) -> Self {
        let empty = |type_| match type_ {
            ColumnType::Float => Column::Floats(vec![UNKNOWN; rows]),
            ColumnType::Text => Column::Codes(vec![MISSING; rows]),
        };
        Self { columns: description.outputs.iter().map(|output| empty(output.type_)).collect(), dictionaries }
    }

    /// A column of numbers.
    ///
    /// # Panics
    /// If the plugin has described that output as text, or has no such output.
    pub fn floats(&mut self, output: usize) -> &mut [f64] {
        match &mut self.columns[output] {
            Column::Floats(values) => values,
            Column::Codes(_) => panic!("output {output} is text, it takes no numbers"),
        }
    }

    /// A column of text, as codes from [`Enriched::intern`].
    ///
    /// # Panics
    /// If the plugin has described that output as numbers, or has no such output.
    pub fn codes(&mut self, output: usize) -> &mut [u32] {
        match &mut self.columns[output] {
            Column::Codes(codes) => codes,
            Column::Floats(_) => panic!("output {output} is a number, it takes no text"),
        }
    }

    /// The code of a text in a column. It stays the same in all later batches, so a plugin may keep it.
    ///
    /// # Panics
    /// If the plugin has no such output.
    pub fn intern(&mut self, output: usize, text: &str) -> u32 {
        self.dictionaries[output].intern(text)
    }

    pub(crate) fn finish(self) -> wire::Enriched {
        let new = |(column, dictionary): (usize, &mut Dictionary)| dictionary.take_new(column as u32);
        let new_entries = self.dictionaries.iter_mut().enumerate().filter_map(new).collect();
        wire::Enriched { columns: self.columns, new_entries }
    }
}

/// The texts of one output: all that have a code, and those the host has not been told.
///
/// A text is told with the next batch that succeeds; one that fails must not lose it.
#[derive(Default)]
pub(crate) struct Dictionary {
    codes: BTreeMap<String, u32>,
    untold: Vec<String>,
}

impl Dictionary {
    fn intern(&mut self, text: &str) -> u32 {
        if let Some(&code) = self.codes.get(text) {
            return code;
        }
        let code = self.codes.len() as u32;
        self.codes.insert(text.into(), code);
        self.untold.push(text.into());
        code
    }

    fn take_new(&mut self, column: u32) -> Option<DictionaryAppend> {
        let values = std::mem::take(&mut self.untold);
        let first_code = (self.codes.len() - values.len()) as u32;
        (!values.is_empty()).then_some(DictionaryAppend { column, first_code, values })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_told_once_even_when_a_batch_fails_before() {
        let description = Description::new("test", "1.0.0", "A test.").text_output("use");
        let mut dictionaries = [Dictionary::default()];
        let mut failed = Enriched::new(1, &description, &mut dictionaries);
        assert_eq!(failed.intern(0, "office"), 0);
        drop(failed);

        let mut second = Enriched::new(1, &description, &mut dictionaries);
        assert_eq!((second.intern(0, "office"), second.intern(0, "library")), (0, 1));
        let told = second.finish().new_entries;
        assert_eq!(told, [DictionaryAppend { column: 0, first_code: 0, values: vec!["office".into(), "library".into()] }]);

        let mut third = Enriched::new(1, &description, &mut dictionaries);
        assert_eq!((third.intern(0, "library"), third.intern(0, "hall")), (1, 2));
        let told = third.finish().new_entries;
        assert_eq!(told, [DictionaryAppend { column: 0, first_code: 2, values: vec!["hall".into()] }]);
    }
}
