//! What a plugin says in words, made fit for one line of ours.

/// Longest text that is kept, in bytes; a panic with its place fits.
pub(crate) const MAX_TEXT_BYTES: usize = 2_048;

/// The text without control characters, which could look like lines of the host or steer a terminal, and not longer than allowed.
pub(crate) fn one_line(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
    // Nearly every text; there is one in each finding, so its bytes are looked at side by side, without a way out in the middle.
    if text.bytes().fold(true, |plain, byte| plain & (b' '..=b'~').contains(&byte)) {
        return text;
    }
    if text.contains(char::is_control) { text.replace(char::is_control, " ") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters_and_has_one_line() {
        assert_eq!(one_line("two\nlines \u{1b}[31mred".into()), "two lines  [31mred");
        let long = one_line("é".repeat(MAX_TEXT_BYTES));
        assert_eq!(long.len(), MAX_TEXT_BYTES);
        assert_eq!(one_line(format!("a{long}")).len(), MAX_TEXT_BYTES - 1);
    }
}
