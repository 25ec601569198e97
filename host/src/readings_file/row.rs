//! One row of a table, its cells without what surrounds them.

use csv_core::ReadRecordResult;

use super::error::Fault;

/// Cells of a row. The buffers are used again for the next one.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    /// Its first line in the file, from 1; of a workbook's sheet the row.
    pub(super) line: u64,
    text: String,
    ends: Vec<usize>,
}

impl Row {
    /// Of cells that are apart already.
    pub(super) fn of(line: u64, cells: impl IntoIterator<Item = String>) -> Self {
        let mut row = Self { line, ..Self::default() };
        for cell in cells {
            row.text.push_str(&cell);
            row.ends.push(row.text.len());
        }
        row
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Nothing for a cell that the row does not have.
    pub(super) fn cell(&self, index: usize) -> &str {
        let Some(&end) = self.ends.get(index) else { return "" };
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        bare(&self.text[start..end])
    }

    pub(super) fn cells(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|index| self.cell(index))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.cells().all(str::is_empty)
    }

    /// A quote that is not closed where its cell ends takes the lines after it.
    pub(super) fn has_line_break(&self) -> bool {
        self.text.contains('\n')
    }
}

/// Without spaces, quotes that stand after a space, and the `="…"` by which Excel is made to keep text.
fn bare(cell: &str) -> &str {
    let cell = cell.trim();
    let cell = cell.strip_prefix('=').filter(|rest| rest.starts_with('"')).unwrap_or(cell);
    match cell.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.trim(),
        None => cell,
    }
}

/// Splits lines into cells.
pub(super) struct Splitter {
    reader: csv_core::Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Splitter {
    pub(super) fn new(separator: char, quote: char) -> Self {
        let reader = csv_core::ReaderBuilder::new().delimiter(separator as u8).quote(quote as u8).build();
        Self { reader, text: Vec::new(), ends: Vec::new() }
    }

    /// Puts the cells of a line, with its line break, into `row`. False: a quote is still open.
    pub(super) fn split(&mut self, line: &str, row: &mut Row) -> Result<bool, Fault> {
        row.text.clear();
        row.ends.clear();
        if line.trim().is_empty() {
            return Ok(true);
        }
        self.reader.reset();
        self.text.resize(line.len() + 2, 0);
        self.ends.resize(line.len() + 2, 0);
        let (result, read, mut written, mut ends) = self.reader.read_record(line.as_bytes(), &mut self.text, &mut self.ends);
        let mut result = result;
        if result == ReadRecordResult::InputEmpty && read == line.len() && !line.ends_with('\n') {
            let more = self.reader.read_record(b"\n", &mut self.text[written..], &mut self.ends[ends..]);
            result = more.0;
            written += more.2;
            ends += more.3;
        }
        if result != ReadRecordResult::Record {
            return Ok(false);
        }
        row.text.push_str(std::str::from_utf8(&self.text[..written]).expect("cells of UTF-8 are UTF-8: both signs are ASCII"));
        row.ends.extend_from_slice(&self.ends[..ends]);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(line: &str) -> Option<Vec<String>> {
        let (mut splitter, mut row) = (Splitter::new(',', '"'), Row::default());
        splitter.split(line, &mut row).unwrap().then(|| row.cells().map(str::to_owned).collect())
    }

    #[test]
    fn cells_are_bare() {
        assert_eq!(cells("a, \"b\" ,\"c,\"\"d\"\"\",=\"0541\"\r\n").unwrap(), ["a", "b", "c,\"d\"", "0541"]);
        assert_eq!(cells("a,\"=\"\"0541\"\"\"").unwrap(), ["a", "0541"]);
        assert_eq!(cells("a,,\n").unwrap(), ["a", "", ""]);
        assert_eq!(cells("a,\"Hall,1,2\n"), None, "the quote is open");
    }
}
