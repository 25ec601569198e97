//! Numbers as exports write them: which sign begins a fraction, which one groups digits.

use super::error::Fault;

/// How the numbers of a file are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct NumberForm {
    /// None: no number has a fraction.
    pub(super) decimal: Option<char>,
    pub(super) thousands: Option<char>,
}

/// What a cell of numbers holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Missing,
    Number,
    /// A number, but in the other way of writing.
    OtherForm,
    Text,
}

/// Words of programs for a value that is not there.
const MISSING: [&str; 12] = ["", "-", "--", "na", "n/a", "nan", "null", "none", "#n/a", "unavailable", "unknown", "missing"];

/// Signs that group digits and never begin a fraction.
fn only_groups(sign: char) -> bool {
    matches!(sign, ' ' | '\u{a0}' | '\u{202f}' | '\'' | '’' | '_')
}

fn is_sign(sign: char) -> bool {
    sign == '.' || sign == ',' || only_groups(sign)
}

/// All spaces are one sign.
fn unified(sign: char) -> char {
    match sign {
        '\u{a0}' | '\u{202f}' => ' ',
        '’' => '\'',
        other => other,
    }
}

pub(super) fn is_missing(cell: &str) -> bool {
    cell.len() <= 12 && MISSING.contains(&&*cell.to_ascii_lowercase())
}

/// Runs of digits and the signs between them; none where the cell is no number in any way of writing.
fn runs(cell: &str) -> Option<(Vec<usize>, Vec<char>)> {
    let digits = cell.strip_prefix(['-', '+', '−']).unwrap_or(cell).trim_start();
    let digits = match digits.find(['e', 'E']) {
        Some(at) if digits[at + 1..].parse::<i16>().is_ok() => &digits[..at],
        _ => digits,
    };
    let (mut runs, mut signs) = (vec![0], Vec::new());
    for sign in digits.chars() {
        if sign.is_ascii_digit() {
            *runs.last_mut()? += 1;
        } else if is_sign(sign) {
            signs.push(unified(sign));
            runs.push(0);
        } else {
            return None;
        }
    }
    let sound = runs.iter().enumerate().all(|(at, run)| *run > 0 || (at == 0 && runs.len() == 2 && signs[0] != ' '));
    (sound && runs.iter().sum::<usize>() > 0).then_some((runs, signs))
}

/// True for a number in some way of writing.
pub(super) fn looks_like_one(cell: &str) -> bool {
    let Some((runs, signs)) = runs(cell) else { return false };
    let grouped = |upto: usize| runs[0] <= 3 && runs[0] > 0 && runs[1..upto].iter().all(|run| *run == 3);
    match signs.len() {
        0 => true,
        1 => !only_groups(signs[0]) || grouped(2),
        count => {
            let same = signs.iter().all(|sign| *sign == signs[0]);
            let last_differs = signs[..count - 1].iter().all(|sign| *sign == signs[0]) && !only_groups(signs[count - 1]);
            (same && grouped(runs.len())) || (!same && last_differs && grouped(runs.len() - 1))
        }
    }
}

/// What cells of numbers show of how they are written.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// The first cell that shows it: `.` and `,` as the sign of a fraction.
    decimal: [Option<Seen>; 2],
    thousands: Vec<(char, Seen)>,
    /// One sign, three digits after it: `1.234`.
    either: [Option<Seen>; 2],
    /// A number of four digits or more without a sign, and one of up to three.
    plain: [bool; 2],
}

#[derive(Clone, Debug)]
struct Seen {
    line: u64,
    column: String,
    cell: String,
}

impl Seen {
    fn told(&self) -> String {
        format!("`{}` (line {}, column `{}`)", self.cell, self.line, self.column)
    }
}

const SIGNS: [char; 2] = ['.', ','];

impl Evidence {
    pub(super) fn add(&mut self, line: u64, column: &str, cell: &str) {
        let Some((runs, signs)) = runs(cell).filter(|_| looks_like_one(cell)) else { return };
        let seen = || Seen { line, column: column.to_owned(), cell: cell.to_owned() };
        let mut decimal = |sign: char| {
            if let Some(at) = SIGNS.iter().position(|s| *s == sign) {
                self.decimal[at].get_or_insert_with(seen);
            }
        };
        let mut grouping = None;
        match signs[..] {
            [] => self.plain[usize::from(runs[0] <= 3)] = true,
            [sign] if only_groups(sign) => grouping = Some(sign),
            [sign] => {
                let leading_zero = cell.trim_start_matches(['-', '+', '−']).starts_with(['0', '.', ',']);
                if runs[1] == 3 && (1..=3).contains(&runs[0]) && !leading_zero {
                    let at = usize::from(sign == ',');
                    self.either[at].get_or_insert_with(seen);
                } else {
                    decimal(sign);
                }
            }
            [first, .., last] => {
                if last != first {
                    decimal(last);
                }
                grouping = Some(first);
            }
        }
        if let Some(sign) = grouping
            && !self.thousands.iter().any(|(known, _)| *known == sign)
        {
            let seen = seen();
            self.thousands.push((sign, seen));
        }
    }

    /// How the numbers are written, with what a configuration says already.
    pub(super) fn decide(&self, decimal: Option<char>, thousands: Option<char>) -> Result<NumberForm, Fault> {
        let twofold = |a: &Seen, b: &Seen| {
            Fault::at(b.line, format!("{} and {} are written in two ways; set `input.file.decimal`", a.told(), b.told()))
        };
        let decimal = match (decimal, &self.decimal) {
            (Some(decimal), _) => Some(decimal),
            (None, [Some(a), Some(b)]) => return Err(if a.line < b.line { twofold(a, b) } else { twofold(b, a) }),
            (None, [Some(_), None]) => Some('.'),
            (None, [None, Some(_)]) => Some(','),
            (None, [None, None]) => None,
        };
        let groups = |sign: char| self.thousands.iter().find(|(known, _)| *known == sign).map(|(_, seen)| seen);
        if let Some(sign) = decimal
            && let Some(seen) = groups(sign)
        {
            let message = format!("{} has `{sign}` between groups of digits, other numbers before a fraction", seen.told());
            return Err(Fault::at(seen.line, message));
        }
        if let [(_, a), (_, b), ..] = &self.thousands[..] {
            return Err(twofold(a, b));
        }
        let grouping = thousands.or_else(|| self.thousands.first().map(|(sign, _)| *sign));
        match (decimal, grouping, &self.either) {
            (Some('.'), None, [_, Some(_)]) => Ok(NumberForm { decimal, thousands: Some(',') }),
            (Some(','), None, [Some(_), _]) => Ok(NumberForm { decimal, thousands: Some('.') }),
            (Some(_), ..) => Ok(NumberForm { decimal, thousands: grouping }),
            (None, Some('.'), [_, Some(_)]) => Ok(NumberForm { decimal: Some(','), thousands: grouping }),
            (None, Some(','), [Some(_), _]) => Ok(NumberForm { decimal: Some('.'), thousands: grouping }),
            (None, Some('.' | ','), _) | (None, None, [None, None]) => Ok(NumberForm { decimal, thousands: grouping }),
            // Every number has three digits after its point, as registers have.
            (None, None, [Some(_), None]) if self.plain == [false, false] => {
                Ok(NumberForm { decimal: Some('.'), thousands: None })
            }
            (None, Some(_), [None, None]) => Ok(NumberForm { decimal, thousands: grouping }),
            (None, _, [first, second]) => {
                let seen = first.as_ref().or(second.as_ref()).expect("the cases without either are above");
                let (value, fraction) = seen.cell.split_once(SIGNS).unwrap_or((&seen.cell, ""));
                let message = format!(
                    "`{}` in column `{}` is {value}{fraction} or {value} and a fraction; set `input.file.decimal` to \".\" or \",\"",
                    seen.cell, seen.column
                );
                Err(Fault::at(seen.line, message))
            }
        }
    }
}

impl NumberForm {
    /// Appends the number as JSON has it, digit for digit.
    pub(super) fn write(self, cell: &str, out: &mut String) -> Content {
        if is_missing(cell) {
            return Content::Missing;
        }
        let start = out.len();
        if self.literal(cell, out).is_some() {
            return Content::Number;
        }
        out.truncate(start);
        if looks_like_one(cell) { Content::OtherForm } else { Content::Text }
    }

    fn literal(self, cell: &str, out: &mut String) -> Option<()> {
        let (negative, digits) = match cell.strip_prefix(['-', '−']) {
            Some(rest) => (true, rest.trim_start()),
            None => (false, cell.strip_prefix('+').unwrap_or(cell)),
        };
        let (digits, exponent) = match digits.find(['e', 'E']) {
            Some(at) => (&digits[..at], Some(digits[at + 1..].parse::<i16>().ok()?)),
            None => (digits, None),
        };
        let (whole, fraction) = match self.decimal.and_then(|sign| digits.split_once(sign)) {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (digits, None),
        };
        if fraction.is_some_and(|fraction| !fraction.bytes().all(|b| b.is_ascii_digit())) {
            return None;
        }
        if negative {
            out.push('-');
        }
        let start = out.len();
        let mut group = None;
        for sign in whole.chars() {
            match sign {
                '0'..='9' => {
                    out.push(sign);
                    group = group.map(|digits| digits + 1);
                }
                // The first group has one to three digits, every other three.
                _ if Some(unified(sign)) == self.thousands => {
                    let sound = group.map_or((1..=3).contains(&(out.len() - start)), |digits| digits == 3);
                    if !sound {
                        return None;
                    }
                    group = Some(0);
                }
                _ => return None,
            }
        }
        if group.is_some_and(|digits| digits != 3) || (out.len() == start && fraction.is_none_or(str::is_empty)) {
            return None;
        }
        let zeros = out[start..].bytes().take_while(|b| *b == b'0').count();
        let needless = if zeros == out.len() - start { zeros.saturating_sub(1) } else { zeros };
        out.replace_range(start..start + needless, "");
        if out.len() == start {
            out.push('0');
        }
        if let Some(fraction) = fraction.filter(|fraction| !fraction.is_empty()) {
            out.push('.');
            out.push_str(fraction);
        }
        if let Some(exponent) = exponent {
            out.push('e');
            out.push_str(itoa::Buffer::new().format(exponent));
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(cells: &[&str]) -> Result<NumberForm, Fault> {
        let mut evidence = Evidence::default();
        for (line, cell) in cells.iter().enumerate() {
            evidence.add(line as u64 + 1, "electricity", cell);
        }
        evidence.decide(None, None)
    }

    fn read(cells: &[&str]) -> Vec<String> {
        let form = decide(cells).unwrap();
        let literal = |cell: &&str| {
            let mut out = String::new();
            assert_eq!(form.write(cell, &mut out), Content::Number, "{cell}");
            out
        };
        cells.iter().map(literal).collect()
    }

    #[test]
    fn numbers_are_read_as_the_file_writes_them() {
        assert_eq!(read(&["990.5", "1,012.5", "1,986"]), ["990.5", "1012.5", "1986"]);
        assert_eq!(read(&["0,250", "1.012,5", "1.986"]), ["0.250", "1012.5", "1986"]);
        assert_eq!(read(&["1 012,5", "7"]), ["1012.5", "7"]);
        assert_eq!(read(&["1'012.50", "-.5", "007"]), ["1012.50", "-0.5", "7"]);
        assert_eq!(read(&["5834.163", "5834.263"]), ["5834.163", "5834.263"]);
        assert_eq!(read(&["834.163", "835.263"]), ["834.163", "835.263"]);
        assert_eq!(read(&["1.5e3", "1.10"]), ["1.5e3", "1.10"]);
        assert_eq!(read(&["1.000.000", "2.000"]), ["1000000", "2000"]);
    }

    #[test]
    fn what_could_be_either_is_refused_with_its_line() {
        for cells in [&["950", "1.012"][..], &["1,986", "917"], &["1,986"], &["1,5", "2.5"], &["1.012,5", "1,012.5"]] {
            let fault = decide(cells).unwrap_err();
            assert!(fault.line.is_some() && fault.message.contains("input.file.decimal"), "{cells:?}: {fault:?}");
        }
    }

    #[test]
    fn a_sign_in_the_wrong_place_is_never_dropped() {
        let us = NumberForm { decimal: Some('.'), thousands: Some(',') };
        let mut out = String::new();
        for cell in ["135,5", "1,0125", "1.084,8", "12,34,567"] {
            assert_ne!(us.write(cell, &mut out), Content::Number, "{cell}");
        }
        assert_eq!(us.write("135,5", &mut out), Content::OtherForm);
        assert_eq!(us.write("Total", &mut out), Content::Text);
        assert_eq!(us.write("n/a", &mut out), Content::Missing);
        assert!(out.is_empty());
    }
}
