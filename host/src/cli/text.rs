//! What came from outside, as a terminal may show it.

use crate::domain::EventTime;
pub(super) use crate::domain::printable;

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
    fn json_is_indented_and_obeyed_by_no_terminal() {
        assert_eq!(pretty(b"{\"a\":\"\\u001b\"}"), "{\n  \"a\": \"\\u001b\"\n}");
    }

    #[test]
    fn a_long_text_ends_with_a_sign() {
        assert_eq!((shortened("äöü", 3), shortened("äöü", 2)), ("äöü".into(), "äö…".into()));
    }
}
