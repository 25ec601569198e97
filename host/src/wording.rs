//! Counts as people read them.

/// A number in groups of three, with its noun: `1 row`, `12,345 rows`.
pub(crate) fn count(number: impl TryInto<u64>, noun: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    if number == 1 { format!("1 {noun}") } else { format!("{} {}", thousands(number), plural(noun)) }
}

/// Groups of three.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect::<Vec<_>>().join(",")
}

/// Of a regular noun.
fn plural(noun: &str) -> String {
    let sibilant = ["s", "x", "z", "ch", "sh"].iter().any(|end| noun.ends_with(end));
    match noun.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ if sibilant => format!("{noun}es"),
        _ => format!("{noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_all_else_plural() {
        assert_eq!(count(1usize, "broken record"), "1 broken record");
        assert_eq!(count(0u64, "row"), "0 rows");
        assert_eq!(count(1_234_567i64, "glitch"), "1,234,567 glitches");
        assert_eq!(count(2u32, "entry"), "2 entries");
        assert_eq!(count(1_000u64, "day"), "1,000 days");
    }
}
