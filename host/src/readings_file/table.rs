//! All rows of a table: of a text with separators.

use std::io::BufReader;

use anyhow::anyhow;
use encoding_rs::Encoding;

use super::charset::Utf8;
use super::error::Fault;
use super::lines::{End, for_each_line};
use super::open::Packed;
use super::row::{Row, Splitter};

/// A cell of a header may have line breaks in it; more of them than that are a quote that nobody closed.
pub(super) const MOST_LINES_OF_A_CELL: u64 = 6;

/// Where rows come from.
#[derive(Clone, Debug)]
pub(super) enum Cells {
    Text { separator: char, quote: char, encoding: &'static Encoding },
}

impl Cells {
    /// Gives each row after line `after` to `take`; true: it is the last one and has no line break.
    pub(super) fn for_each_row(
        &self,
        packed: &Packed,
        after: u64,
        mut take: impl FnMut(&Row, bool) -> anyhow::Result<()>,
    ) -> anyhow::Result<End> {
        match self {
            Self::Text { separator, quote, encoding } => packed.read(|bytes| {
                let mut text = BufReader::with_capacity(1 << 18, Utf8::new(bytes, encoding)?);
                let mut splitter = Splitter::new(*separator, *quote);
                let (mut row, mut pending) = (Row::default(), String::new());
                let fault = |fault: Fault| anyhow!(fault.in_file(&packed.path));
                let end = for_each_line(&mut text, |number, line| {
                    let line = std::str::from_utf8(line).map_err(|_| {
                        fault(Fault::at(
                            number,
                            "not UTF-8, as the lines before; set `input.file.charset`, as to \"windows-1252\"",
                        ))
                    })?;
                    let whole = if pending.is_empty() {
                        row.line = number;
                        line
                    } else {
                        pending.push_str(line);
                        &pending
                    };
                    if !splitter.split(whole, &mut row).map_err(fault)? {
                        if row.line > after || number - row.line >= MOST_LINES_OF_A_CELL {
                            return Err(fault(Fault::at(
                                row.line,
                                "a quote is opened and not closed; correct the line, or set `input.file.quote`",
                            )));
                        }
                        if pending.is_empty() {
                            pending.push_str(line);
                        }
                        return Ok(());
                    }
                    pending.clear();
                    if row.line > after && !row.is_empty() { take(&row, !line.ends_with('\n')) } else { Ok(()) }
                })?;
                end.map_err(fault)
            }),
        }
    }
}
