//! Lines with their numbers, in bounded memory.

use std::io::{BufRead, Read as _};

use super::error::Fault;

/// Longest line: a record of any gateway is far shorter.
const MAX_LINE: u64 = 16 << 20;

/// How a text ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct End {
    pub(super) lines: u64,
    /// The last line has no line break, so that its end may be missing.
    pub(super) unfinished: bool,
}

/// Gives each line to `take`, with its number from 1 and its line break.
pub(super) fn for_each_line(
    reader: &mut dyn BufRead,
    mut take: impl FnMut(u64, &[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<Result<End, Fault>> {
    let (mut line, mut end) = (Vec::new(), End::default());
    while (&mut *reader).take(MAX_LINE + 1).read_until(b'\n', &mut line)? > 0 {
        end.lines += 1;
        if line.len() as u64 > MAX_LINE {
            return Ok(Err(Fault::at(end.lines, format!("longer than {} MiB: no file of lines", MAX_LINE >> 20))));
        }
        end.unfinished = line.last() != Some(&b'\n');
        take(end.lines, &line)?;
        line.clear();
    }
    Ok(Ok(end))
}
