//! The plain objects that gateways send, read in one pass: flat, no escapes, no exponents.
//!
//! Whatever else a message holds, right or wrong, is left to `json`, which also has the words for what is wrong.

use std::borrow::Cow;

use super::fields::{Fields, Value};

/// Digits that a float holds exactly, and powers of ten likewise: their quotient is then the nearest float.
/// W. D. Clinger, "How to read floating point numbers accurately", 1990.
const MAX_DIGITS: usize = 15;
const POWERS: [f64; MAX_DIGITS + 1] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// True when the text was a plain object and `values` has its fields; else they are as they were or partly written.
pub(super) fn read<'a>(text: &'a str, fields: &Fields, values: &mut [Value<'a>]) -> bool {
    Scanner { text, at: 0 }.object(fields, values).is_some()
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn object(&mut self, fields: &Fields, values: &mut [Value<'a>]) -> Option<()> {
        self.expect(b'{')?;
        loop {
            self.expect(b'"')?;
            let place = fields.place(self.rest_of_string()?);
            self.expect(b':')?;
            let value = self.value()?;
            if let Some(place) = place {
                values[place] = value;
            }
            match self.next()? {
                b',' => {}
                b'}' => break,
                _ => return None,
            }
        }
        self.skip_space();
        (self.at == self.text.len()).then_some(())
    }

    fn value(&mut self) -> Option<Value<'a>> {
        match self.next()? {
            b'"' => Some(Value::Text(Cow::Borrowed(self.rest_of_string()?))),
            b'-' => self.number(true),
            b'0'..=b'9' => {
                self.at -= 1;
                self.number(false)
            }
            b'n' => self.word("ull", Value::Absent),
            b't' => self.word("rue", Value::Boolean),
            b'f' => self.word("alse", Value::Boolean),
            _ => None,
        }
    }

    fn number(&mut self, negative: bool) -> Option<Value<'a>> {
        let start = self.at;
        let whole = self.digits(0);
        let whole_digits = self.at - start;
        let leading_zero = whole_digits > 1 && self.text.as_bytes()[start] == b'0';
        if whole_digits == 0 || whole_digits > MAX_DIGITS || leading_zero {
            return None;
        }
        let (mut mantissa, mut decimals) = (whole, 0);
        if self.peek() == Some(b'.') {
            self.at += 1;
            mantissa = self.digits(whole);
            decimals = self.at - start - whole_digits - 1;
            if decimals == 0 || whole_digits + decimals > MAX_DIGITS {
                return None;
            }
        }
        match self.peek() {
            Some(b'e' | b'E') => None,
            // An integer has no negative zero.
            _ if negative && mantissa == 0 => None,
            _ if decimals == 0 && negative => Some(Value::Integer(-mantissa)),
            _ if decimals == 0 => Some(Value::Integer(mantissa)),
            _ => {
                let value = mantissa as f64 / POWERS[decimals];
                Some(Value::Float(if negative { -value } else { value }))
            }
        }
    }

    /// Appends digits to a number; it is of no use if there were more than [`MAX_DIGITS`].
    fn digits(&mut self, mut number: i64) -> i64 {
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            number = number.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
            self.at += 1;
        }
        number
    }

    /// What stands before the closing quote, without escapes or control characters.
    fn rest_of_string(&mut self) -> Option<&'a str> {
        let start = self.at;
        let rest = &self.text.as_bytes()[start..];
        let length = rest.iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20)?;
        if rest[length] != b'"' {
            return None;
        }
        self.at += length + 1;
        self.text.get(start..start + length)
    }

    fn word(&mut self, rest: &str, value: Value<'a>) -> Option<Value<'a>> {
        self.text[self.at..].starts_with(rest).then(|| {
            self.at += rest.len();
            value
        })
    }

    fn expect(&mut self, wanted: u8) -> Option<()> {
        (self.next()? == wanted).then_some(())
    }

    /// The next byte that is not space, taken.
    fn next(&mut self) -> Option<u8> {
        self.skip_space();
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::load_text;
    use crate::decode::json;

    fn fields() -> Fields {
        Fields::new(&load_text("", "defaults", []).unwrap().input)
    }

    /// What this way reads, `json` reads alike.
    fn check(text: &str) -> bool {
        let fields = fields();
        let (mut plain, mut full) = (fields.empty_row(), fields.empty_row());
        let read_it = read(text, &fields, &mut plain);
        let result = json::read(text, &fields, &mut full);
        if read_it {
            assert_eq!((&plain, result), (&full, Ok(())), "{text}");
        }
        read_it
    }

    #[test]
    fn the_usual_message_is_plain() {
        assert!(check(
            r#"{"timestamp":"2025-12-04T16:02:00Z","building":"Building A","floor":4,"electricity":271.25,"water":-0.5}"#
        ));
        assert!(check(" {\n\"water\" : null, \"floor\":\t\"G\", \"x\":true, \"y\":false, \"water\": 0 } "));
    }

    #[test]
    fn the_unusual_is_left_to_the_full_reader() {
        for text in [
            "",
            "{",
            "{}",
            "[]",
            r#"{"water":-0}"#,
            r#"{"water":01}"#,
            r#"{"water":1.}"#,
            r#"{"water":.5}"#,
            r#"{"water":1e3}"#,
            r#"{"water":1234567890123456}"#,
            r#"{"water":0.1234567890123456}"#,
            r#"{"floor":"a\u0041"}"#,
            r#"{"x":{}}"#,
            r#"{"water":1}x"#,
            r#"{"water":1,}"#,
            r#"{"water":nul}"#,
            "{\"floor\":\"\t\"}",
        ] {
            assert!(!check(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn numbers_are_the_same_floats(number in "-?[0-9]{1,16}(\\.[0-9]{1,16})?") {
            check(&format!(r#"{{"water":{number}}}"#));
        }

        #[test]
        fn whatever_it_reads_is_read_alike(text in r#"\{("(water|floor|é)":( |\t)?("[a-zé\\\\"]{0,3}"|-?[0-9.]{0,4}|null|true|\[\]),?){0,3}\}?"#) {
            check(&text);
        }
    }
}
