//! What a check found, in words.

use super::{Checked, ReadingsFile, Skipped};
use crate::wording::count;

/// Rows that are not used and readings that are doubtful, a line each.
pub(crate) fn lines(file: &ReadingsFile, checked: &Checked) -> Vec<String> {
    let mut lines = Vec::new();
    for (reason, rejected) in &checked.rejected {
        let rest = if rejected.count > rejected.lines.len() as u64 { ", …" } else { "" };
        lines.push(format!(
            "{} rejected, {reason}: {} ({} {}{rest})",
            count(rejected.count, "record"),
            rejected.first,
            if rejected.count == 1 { "line" } else { "lines" },
            numbers(&rejected.lines)
        ));
    }
    lines.extend(skipped(&checked.skipped));
    if checked.doubled > 0 {
        let hint = if file.input.time_zone == "UTC" && checked.doubled_where_clocks_go_back() {
            ", all in one hour of a Sunday night: if clocks went back then, set `input.time_zone`"
        } else {
            ""
        };
        lines.push(format!("{} of a meter and a time that were there before{hint}", count(checked.doubled, "reading")));
    }
    if checked.looks_stamped_at_end(&file.input.time_zone) && file.input.stamp == crate::config::StampOf::Begin {
        lines.push("the first reading is an interval after midnight and the last one at midnight: times may be ends of intervals (`input.stamp = \"end\"`)".into());
    }
    lines
}

/// Why no record is a reading, in one line.
pub(crate) fn no_reading(file: &ReadingsFile, checked: &Checked) -> String {
    let why: Vec<String> = file.said.iter().cloned().chain(lines(file, checked)).collect();
    if why.is_empty() { "there are no records".to_owned() } else { format!("no record is a reading: {}", why.join("; ")) }
}

/// Rows that are no records, a line for each kind.
pub(crate) fn skipped(skipped: &Skipped) -> Vec<String> {
    let mut lines = Vec::new();
    if !skipped.totals.is_empty() {
        lines.push(format!("{} of totals skipped (line {})", count(skipped.totals.len(), "row"), first(&skipped.totals)));
    }
    if !skipped.others.is_empty() {
        lines.push(format!("{} without a reading skipped (line {})", count(skipped.others.len(), "row"), first(&skipped.others)));
    }
    if let Some(line) = skipped.cut_off {
        lines.push(format!("the last line ({line}) is cut off and not used"));
    }
    if skipped.unfinished {
        lines.push("the last line has no line break: if the file is cut off, its last number may be too".into());
    }
    lines
}

fn first(lines: &[u64]) -> String {
    numbers(&lines[..lines.len().min(super::NAMED_LINES)]) + if lines.len() > super::NAMED_LINES { ", …" } else { "" }
}

fn numbers(lines: &[u64]) -> String {
    lines.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}
