//! What a plugin may be called.

use super::Lang;

/// As the contract has it.
const MAX_BYTES: usize = 64;

/// A crate of one of these names does not build: keywords, crates that every build knows, and those beside the plugin.
const NO_CRATES: [&str; 58] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "serde",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "wattdog-plugin",
    "wattdog-plugin-testkit",
    "where",
    "while",
];

/// A name that works as a plugin, a folder, a crate and, in another form, a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginName(String);

impl PluginName {
    /// Checks the name.
    ///
    /// # Errors
    /// Saying what would be right.
    pub fn new(name: &str, lang: Lang) -> Result<Self, String> {
        let is_well_formed = name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.split('-').all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()));
        if !is_well_formed || name.len() > MAX_BYTES {
            let rule = format!("lower case letters, digits and single hyphens, a letter first, at most {MAX_BYTES}");
            return Err(format!("a plugin cannot be called `{name}`: {rule}{}", suggestion(name)));
        }
        if lang == Lang::Rust && NO_CRATES.contains(&name) {
            return Err(format!("a crate cannot be called `{name}`, Rust needs that name; try `{name}-meter`"));
        }
        Ok(Self(name.into()))
    }

    /// `stuck-meter`
    #[must_use]
    pub fn kebab(&self) -> &str {
        &self.0
    }

    /// `stuck_meter`
    pub(super) fn snake(&self) -> String {
        self.0.replace('-', "_")
    }

    /// `StuckMeter`
    pub(super) fn pascal(&self) -> String {
        let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
        self.0.split('-').map(capital).collect()
    }
}

/// The nearest name that is well-formed, where there is one.
fn suggestion(name: &str) -> String {
    let mut near = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && near.ends_with(|before: char| before.is_ascii_lowercase()) {
            near.push('-');
        }
        near.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    }
    let words: Vec<_> = near.split('-').filter(|word| !word.is_empty()).collect();
    let near = words.join("-");
    let near = near.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    if near.is_empty() || near.len() > MAX_BYTES { String::new() } else { format!("; try `{near}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_three_forms() {
        let name = PluginName::new("my-2nd-rule", Lang::Rust).unwrap();
        assert_eq!((name.kebab(), name.snake().as_str(), name.pascal().as_str()), ("my-2nd-rule", "my_2nd_rule", "My2ndRule"));
    }

    #[test]
    fn a_wrong_name_is_refused_with_one_that_is_right() {
        for (wrong, right) in [("MyRule", "my-rule"), ("my_rule", "my-rule"), ("2nd rule", "nd-rule"), ("a--b-", "a-b")] {
            let refusal = PluginName::new(wrong, Lang::Python).unwrap_err();
            assert!(refusal.contains(&format!("`{wrong}`")) && refusal.ends_with(&format!("try `{right}`")), "{refusal}");
        }
        for wrong in ["", "-", "ä", "../up", &"a".repeat(65)] {
            assert!(PluginName::new(wrong, Lang::Python).is_err(), "{wrong}");
        }
        assert!(PluginName::new("match", Lang::Rust).unwrap_err().contains("try `match-meter`"));
        assert!(PluginName::new("match", Lang::Python).is_ok());
    }
}
