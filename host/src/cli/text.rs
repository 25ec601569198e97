//! What came from outside, as a terminal may show it.

use crate::domain::EventTime;

/// Control characters are written out, since a terminal would obey them; lines stay where `lines` says so.
pub(super) fn printable(text: &str, lines: bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && !(lines && character == '\n') {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Its first characters, and a sign where there are more.
pub(super) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Bytes as indented JSON where they are JSON, else as text.
pub(super) fn pretty(bytes: &[u8]) -> String {
    let json = serde_json::from_slice::<serde_json::Value>(bytes).ok();
    let text = json.and_then(|json| serde_json::to_string_pretty(&json).ok());
    printable(&text.unwrap_or_else(|| String::from_utf8_lossy(bytes).into_owned()), true)
}

/// To the second, in UTC.
pub(super) fn time(millis: i64) -> String {
    EventTime(millis.div_euclid(1_000) * 1_000_000).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_nothing_that_came_from_outside() {
        assert_eq!(printable("a\x1b[2Jb\nc\u{9b}", false), "a\\u{1b}[2Jb\\nc\\u{9b}");
        assert_eq!(printable("a\nb", true), "a\nb");
        assert_eq!(pretty(b"{\"a\":\"\\u001b\"}"), "{\n  \"a\": \"\\u001b\"\n}");
    }

    #[test]
    fn a_long_text_ends_with_a_sign() {
        assert_eq!((shortened("äöü", 3), shortened("äöü", 2)), ("äöü".into(), "äö…".into()));
    }
}
