//! Names of buildings, floors and meters: text, byte for byte, within limits that every store can hold.

use super::fields::Value;
use super::{reject, wrong_type};
use crate::domain::{Reason, Reject};

/// Longest name in bytes. Serial numbers and addresses are shorter; keys and indexes of every store take several of this length.
pub(super) const MAX_BYTES: usize = 256;

/// Characters of a name that a message shows.
const SHOWN: usize = 40;

/// Checks that a field can name something. An absent or empty one can; it names nothing.
#[inline]
pub(super) fn check(value: &Value<'_>, field: &str) -> Result<(), Reject> {
    match text(value) {
        Some(name) if is_plain(name) => Ok(()),
        Some(name) => check_characters(name, field),
        None => Err(wrong_type(field, value, "text or a number")),
    }
}

/// The name: text, or a number as it is written; empty for an absent field, and none for a value that cannot be a name.
#[inline]
pub(super) fn text<'a>(value: &'a Value<'_>) -> Option<&'a str> {
    match value {
        Value::Text(text) => Some(text),
        Value::Number(number) => Some(number.text),
        Value::Absent => Some(""),
        Value::Boolean | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Short and of printable ASCII, as nearly every name is.
#[inline]
fn is_plain(name: &str) -> bool {
    name.len() <= MAX_BYTES && name.bytes().fold(true, |plain, byte| plain & (0x20..0x7f).contains(&byte))
}

#[cold]
fn check_characters(name: &str, field: &str) -> Result<(), Reject> {
    let shown: String = name.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    let more = if name.chars().nth(SHOWN).is_some() { "…" } else { "" };
    if name.len() > MAX_BYTES {
        let message = format!(
            "`{field}` \"{shown}{more}\" has {} bytes and a name may have {MAX_BYTES}: name another field in `[input]`, or shorten it \
             where it is sent",
            name.len()
        );
        return Err(reject(Reason::Name, message));
    }
    match name.chars().find(|&c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        None => Ok(()),
        Some(c) => {
            let message = format!(
                "`{field}` \"{shown}{more}\" holds the control character U+{:04X}, which a name may not: remove it where it is sent",
                u32::from(c)
            );
            Err(reject(Reason::Name, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn reason(name: &str) -> Result<(), String> {
        check(&Value::Text(Cow::Borrowed(name)), "building").map_err(|reject| {
            assert_eq!(reject.reason, Reason::Name);
            reject.message
        })
    }

    #[test]
    fn names_of_every_script_pass_and_control_characters_do_not() {
        for name in ["Hall", "1.10", "Gebäude Süd", "東棟", "=cmd", "a/b", &"x".repeat(MAX_BYTES), &"é".repeat(MAX_BYTES / 2), ""]
        {
            assert_eq!(reason(name), Ok(()), "{name}");
        }
        for (name, code) in [
            ("Hall\0\0", "U+0000"),
            ("\u{1b}[31mHall", "U+001B"),
            ("Ha\nll", "U+000A"),
            ("Hall\r", "U+000D"),
            ("Hall\u{7f}", "U+007F"),
            ("Hall\u{85}", "U+0085"),
            ("Hall\u{2028}", "U+2028"),
        ] {
            let message = reason(name).unwrap_err();
            assert!(message.contains(code) && !message.contains(name), "{message}");
        }
    }

    #[test]
    fn a_name_that_is_too_long_is_shown_in_part() {
        for name in ["x".repeat(MAX_BYTES + 1), "é".repeat(MAX_BYTES / 2 + 1), "y".repeat(6_000)] {
            let message = reason(&name).unwrap_err();
            assert!(message.contains("256") && message.contains('…') && message.len() < 400, "{message}");
        }
    }
}
