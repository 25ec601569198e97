//! The plain objects that gateways send, read in one pass: flat, no escapes, no exponents.
//!
//! Messages of one gateway are alike, so what stands before each value is compared with the message before and only then read.
//! Whatever else a message holds, right or wrong, is left to `json`, which also has the words for what is wrong.

use std::borrow::Cow;

use super::fields::{Number, Paths, Value};

/// Digits that a float holds exactly, and powers of ten likewise: their quotient is then the nearest float.
/// W. D. Clinger, "How to read floating point numbers accurately", 1990.
const MAX_DIGITS: usize = 15;
const POWERS: [f64; MAX_DIGITS + 1] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// What stood before each value of the message read last: `{"timestamp":`, `,"building":` and so on.
#[derive(Debug, Default)]
pub(super) struct Shape {
    gaps: Vec<Gap>,
}

#[derive(Debug, Default)]
struct Gap {
    text: String,
    /// Of the field that it names, if that is one that is read.
    place: Option<usize>,
}

/// True when the text was a plain object and `values` has its fields; else they are as they were or partly written.
pub(super) fn read<'a>(text: &'a str, paths: &Paths, shape: &mut Shape, values: &mut [Value<'a>]) -> bool {
    Scanner { text, at: 0 }.object(paths, shape, values).is_some()
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn object(&mut self, paths: &Paths, shape: &mut Shape, values: &mut [Value<'a>]) -> Option<()> {
        for index in 0.. {
            let place = self.gap(index, paths, shape)?;
            let value = self.value()?;
            if let Some(place) = place {
                values[place] = value;
            }
            self.skip_space();
            if self.peek() == Some(b'}') {
                self.at += 1;
                break;
            }
        }
        self.skip_space();
        (self.at == self.text.len()).then_some(())
    }

    /// Takes what stands before value `index`, from the brace or comma to the colon, and says which field follows.
    #[inline]
    fn gap(&mut self, index: usize, paths: &Paths, shape: &mut Shape) -> Option<Option<usize>> {
        match shape.gaps.get(index) {
            Some(gap) if self.text.as_bytes()[self.at..].starts_with(gap.text.as_bytes()) => {
                self.at += gap.text.len();
                Some(gap.place)
            }
            _ => self.new_gap(index, paths, shape),
        }
    }

    fn new_gap(&mut self, index: usize, paths: &Paths, shape: &mut Shape) -> Option<Option<usize>> {
        let start = self.at;
        self.expect(if index == 0 { b'{' } else { b',' })?;
        self.expect(b'"')?;
        let place = paths.place(self.rest_of_string()?);
        self.expect(b':')?;
        if index == shape.gaps.len() {
            shape.gaps.push(Gap::default());
        }
        let gap = &mut shape.gaps[index];
        gap.text.clear();
        gap.text.push_str(&self.text[start..self.at]);
        gap.place = place;
        Some(place)
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

    /// A number whose sign is taken already.
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
        if matches!(self.peek(), Some(b'e' | b'E')) {
            return None;
        }
        let value = mantissa as f64 / POWERS[decimals];
        let text = &self.text[start - usize::from(negative)..self.at];
        Some(Value::Number(Number { text, value: if negative { -value } else { value } }))
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
        let length = plain_length(rest);
        if rest.get(length) != Some(&b'"') {
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

/// Bytes before the first quote, backslash or control character, eight at a time.
///
/// H. S. Warren, "Hacker's Delight", 2nd edition, section 6-1: a zero byte is found by the borrow that a subtraction takes from it.
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word & HIGHS;
        let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
        // A borrow may mark bytes above the first that is meant, never below it.
        let marks = equal(b'"') | equal(b'\\') | below(word, 0x20);
        if marks != 0 {
            return index * 8 + marks.trailing_zeros() as usize / 8;
        }
    }
    let plain = |&byte: &u8| byte != b'"' && byte != b'\\' && byte >= 0x20;
    words.len() * 8 + rest.iter().position(|byte| !plain(byte)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::load_text;
    use crate::decode::fields::Fields;
    use crate::decode::json;

    fn fields() -> Fields {
        Fields::new(&load_text("", "defaults", []).unwrap().input).unwrap()
    }

    /// What this way reads, `json` reads alike.
    fn check(text: &str) -> bool {
        let fields = fields();
        let (mut plain, mut full) = (fields.empty_row(), fields.empty_row());
        let read_it = read(text, &fields.paths, &mut Shape::default(), &mut plain);
        let result = json::read(text, &fields.paths, &mut full);
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

    #[test]
    fn a_message_is_read_alike_whatever_came_before() {
        let texts = [
            r#"{"timestamp":1,"building":"A","water":2.5}"#,
            r#"{"timestamp":2,"building":"B","water":3}"#,
            r#"{"timestamp":2, "building":"B","water":3}"#,
            r#"{"building":"C","timestamp":3}"#,
            r#"{"timestamp":"building","water":4,"water":5}"#,
            r#"{"timestamp":1,"building":"A","water":2.5,"unknown":7}"#,
            r#"{"timestamp":1,"buildings":"A"}"#,
        ];
        let fields = fields();
        let mut shape = Shape::default();
        for before in texts {
            for text in texts {
                for text in [before, text] {
                    let (mut plain, mut full) = (fields.empty_row(), fields.empty_row());
                    assert!(read(text, &fields.paths, &mut shape, &mut plain), "{text} after {before}");
                    json::read(text, &fields.paths, &mut full).unwrap();
                    assert_eq!(plain, full, "{text} after {before}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_string_ends_at_its_first_special_byte(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..40)) {
            let special = bytes.iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20);
            prop_assert_eq!(plain_length(&bytes), special.unwrap_or(bytes.len()));
        }

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
