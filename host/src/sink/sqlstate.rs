//! What PostgreSQL's codes mean, which other stores pass on that are built upon it.

use super::SinkError;

/// The error of a statement with rows, by its code.
pub(super) fn judged(code: &str, words: String) -> SinkError {
    if is_about_a_row(code) {
        SinkError::Refused(words)
    } else if is_about_the_server(code) {
        SinkError::Unavailable(words)
    } else {
        SinkError::Unclear(words)
    }
}

/// Classes 22 and 23, data exceptions and violated constraints; 44000, a view's check; 54000 and 54001, a key too long for an index
/// and an object too deep; P0001, a trigger of the operator's that says no. The same row fails again, and others may not.
fn is_about_a_row(code: &str) -> bool {
    ["22", "23", "44"].iter().any(|class| code.starts_with(class)) || matches!(code, "54000" | "54001" | "P0001")
}

/// Classes of connections, transactions, roles, missing tables and columns, resources, locks, interventions and disks.
/// 42501, a right that is missing, may be one that a policy keeps from some rows.
fn is_about_the_server(code: &str) -> bool {
    const CLASSES: [&str; 15] = ["08", "25", "26", "28", "3D", "3F", "40", "42", "53", "55", "57", "58", "72", "F0", "HV"];
    code != "42501" && CLASSES.iter().any(|class| code.starts_with(class))
}

/// The code in a text such as `ERROR: … (SQLSTATE 22P05)`.
pub(super) fn within(text: &str) -> Option<&str> {
    let code = text.rsplit_once("(SQLSTATE ")?.1.get(..5)?;
    code.bytes().all(|byte| byte.is_ascii_alphanumeric()).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_a_row_nor_the_server_is_blamed_for_the_other() {
        for code in ["22P05", "22003", "22021", "23514", "23505", "44000", "54000", "54001", "P0001"] {
            assert!(matches!(judged(code, String::new()), SinkError::Refused(_)), "{code}");
        }
        for code in
            ["08006", "25006", "28P01", "40001", "40P01", "42P01", "42703", "53100", "53200", "55P03", "57014", "57P01", "58030"]
        {
            assert!(matches!(judged(code, String::new()), SinkError::Unavailable(_)), "{code}");
        }
        for code in ["XX000", "42501", "21000", "54023", "P0002", "38000"] {
            assert!(matches!(judged(code, String::new()), SinkError::Unclear(_)), "{code}");
        }
    }

    #[test]
    fn a_code_is_found_where_another_store_passes_it_on() {
        assert_eq!(within("[insert] ERROR: index row size 3064 exceeds maximum (SQLSTATE 54000)"), Some("54000"));
        assert_eq!(within("no code (SQLSTATE"), None);
        assert_eq!(within("(SQLSTATE 5é000)"), None);
    }
}
