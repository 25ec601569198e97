//! One name for another, wherever it stands as a word of its own.

/// Replaces `from` by `to` where it is not a part of a longer word; a word goes on through letters, digits, `_` and `-`.
pub(super) fn replace_word(text: &str, from: &str, to: &str) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut done = 0;
    for (at, _) in text.match_indices(from) {
        let end = at + from.len();
        if !text[..at].ends_with(is_of_word) && !text[end..].starts_with(is_of_word) {
            replaced.push_str(&text[done..at]);
            replaced.push_str(to);
            done = end;
        }
    }
    replaced.push_str(&text[done..]);
    replaced
}

/// Does the text have that word?
pub(super) fn has_word(text: &str, word: &str) -> bool {
    text.split(|c| !is_of_word(c)).any(|other| other == word)
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_are_replaced() {
        assert_eq!(replace_word("`night` at night, all-night nights", "night", "day"), "`day` at day, all-night nights");
        assert_eq!(replace_word("night.wasm/night", "night", "night-2"), "night-2.wasm/night-2");
        assert!(has_word("class Number(", "Number") && !has_word("class Numbers(", "Number"));
    }
}
