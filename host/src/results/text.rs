//! Texts as rows have them: such as every store takes, so that all stores have the same rows.
//!
//! Messages have no other names (`decode`); these rules are for what plugins say, and for rows of older programs.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::de::Error as _;
use serde_json::Value;
use uuid::Uuid;

/// Longest name in bytes, of a building, a meter, a detector: keys and indexes of every store take several.
const MAX_NAME: usize = 256;
/// Longest text in bytes.
const MAX_WORDS: usize = 2_048;
/// Hexadecimal digits that tell long names apart whose beginnings are the same.
const MARK: usize = 16;
/// Objects and arrays within each other.
const MAX_DEPTH: usize = 32;

/// A name: control characters written out as `\u{1b}`; one that is too long is cut, and ends with a mark of the whole.
pub(super) fn name(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_NAME && is_plain(text) {
        return Cow::Borrowed(text);
    }
    let mut name = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unfit(character) {
            write!(name, "{}", character.escape_unicode()).expect("a String takes every write");
        } else {
            name.push(character);
        }
    }
    if name.len() > MAX_NAME {
        let mark = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).simple().to_string();
        name.truncate(name.floor_char_boundary(MAX_NAME - MARK - 1));
        write!(name, "~{}", &mark[..MARK]).expect("a String takes every write");
    }
    Cow::Owned(name)
}

/// Words for people: each control character is a space, and what is too long is cut.
pub(super) fn words(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_WORDS && is_plain(text) {
        return Cow::Borrowed(text);
    }
    let short = &text[..text.floor_char_boundary(MAX_WORDS)];
    Cow::Owned(short.replace(is_unfit, " "))
}

/// A JSON object of which every store makes the same. Its texts have no control characters; it is written anew only where that
/// changes it.
///
/// # Errors
/// When it is none: a number or a text that not every store can hold.
pub(super) fn object(json: String) -> Result<String, serde_json::Error> {
    if !may_bite(json.as_bytes()) {
        return Ok(json);
    }
    let mut value: Value = serde_json::from_str(&json)?;
    if depth(&value) > MAX_DEPTH {
        return Err(serde_json::Error::custom(format_args!("more than {MAX_DEPTH} objects and arrays within each other")));
    }
    Ok(if clean(&mut value) { value.to_string() } else { json })
}

/// Whether it may hold an escaped character, a number with an exponent, or much within each other.
fn may_bite(json: &[u8]) -> bool {
    let opened = json.iter().filter(|byte| matches!(byte, b'{' | b'[')).count();
    opened > MAX_DEPTH
        || json.contains(&b'\\')
        || json.windows(2).any(|pair| pair[0].is_ascii_digit() && pair[1].eq_ignore_ascii_case(&b'e'))
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or_default(),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or_default(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Whether something changed.
fn clean(value: &mut Value) -> bool {
    match value {
        Value::String(text) => clean_text(text),
        Value::Array(values) => values.iter_mut().fold(false, |changed, value| clean(value) | changed),
        Value::Object(fields) => {
            let mut changed = fields.values_mut().fold(false, |changed, value| clean(value) | changed);
            if fields.keys().any(|key| key.contains(is_unfit)) {
                *fields = std::mem::take(fields).into_iter().map(|(key, value)| (key.replace(is_unfit, " "), value)).collect();
                changed = true;
            }
            changed
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn clean_text(text: &mut String) -> bool {
    let unfit = text.contains(is_unfit);
    if unfit {
        *text = text.replace(is_unfit, " ");
    }
    unfit
}

/// Of printable ASCII, as nearly every text is: the bytes are looked at side by side, without a way out in the middle.
fn is_plain(text: &str) -> bool {
    text.bytes().fold(true, |plain, byte| plain & (b' '..=b'~').contains(&byte)) || !text.contains(is_unfit)
}

fn is_unfit(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_as_they_are_but_for_what_a_store_refuses() {
        for text in ["Hall", "Gebäude Süd", "東棟", "\\u{0}", "", &"x".repeat(MAX_NAME)] {
            assert!(matches!(name(text), Cow::Borrowed(same) if same == text), "{text}");
        }
        assert_eq!(name("Hall\0\u{1b}[31m"), "Hall\\u{0}\\u{1b}[31m");
        let [one, other] = ["a", "b"].map(|end| name(&format!("{}{end}", "é".repeat(3_000))).into_owned());
        assert!(one != other && one.len() <= MAX_NAME && one.starts_with("ééé"), "{one}");
        assert_eq!(name(&one), one.as_str());
    }

    #[test]
    fn words_have_one_line_and_an_end() {
        assert_eq!(words("high\nvery\0 Ä\u{2028}"), "high very  Ä ");
        assert_eq!(words(&"é".repeat(5_000)).len(), MAX_WORDS);
    }

    #[test]
    fn an_object_is_written_anew_only_where_a_store_would_refuse_it() {
        for json in [r#"{"b":1,"a":"é"}"#, r#"{"b": 1e-7, "a":"\"x\\"}"#, "{}"] {
            assert_eq!(object(json.into()).unwrap(), json);
        }
        let bad = r#"{"a\u0000b":["x\u0000",{"y":"\u001b"}],"c":1}"#;
        assert_eq!(object(bad.into()).unwrap(), r#"{"a b":["x ",{"y":" "}],"c":1}"#);
        let [deep, deeper] = [MAX_DEPTH + 1, 1_000].map(|depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
        for json in [r#"{"a":"\ud800"}"#, r#"{"a":1e999}"#, &deep, &deeper] {
            assert!(object(json.into()).is_err(), "{json}");
        }
    }
}
