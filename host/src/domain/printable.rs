//! What came from outside, as a terminal may show it.

/// Characters that a terminal obeys, or that make a line look like another one, are written out as `\u{1b}`; lines stay where `lines`
/// says so.
#[must_use]
pub fn printable(text: &str, lines: bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if deceives(character) && !(lines && character == '\n') {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Control characters, line separators, and what is invisible or turns the order of what follows.
fn deceives(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_nothing_that_came_from_outside() {
        assert_eq!(printable("a\x1b[2Jb\nc\u{9b}", false), "a\\u{1b}[2Jb\\nc\\u{9b}");
        assert_eq!(printable("a\nb", true), "a\nb");
        assert_eq!(printable("Gebäude 東棟 🏢", false), "Gebäude 東棟 🏢");
        for turned in ["\u{202e}lláH", "\u{2066}", "\u{200b}", "\u{200f}", "\u{2028}", "\u{2029}"] {
            assert!(printable(turned, true).starts_with("\\u{20"), "{turned:?}");
        }
    }
}
