//! Passwords in URLs, and tokens, which are never shown.

use serde::Serializer;

/// The URL with `***` for its password.
#[must_use]
pub fn mask_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let authority_end = rest.find(['/', '?']).unwrap_or(rest.len());
    let Some(at) = rest[..authority_end].rfind('@') else { return url.to_owned() };
    match rest[..at].split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:***{}", &rest[at..]),
        None => url.to_owned(),
    }
}

/// For `serialize_with`.
pub(crate) fn masked_url<S: Serializer>(url: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&mask_password(url))
}

/// Likewise, for what is a secret as a whole.
pub(super) fn masked<S: Serializer>(_: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("***")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_is_masked() {
        for (url, shown) in [
            ("postgres://admin:s3cret@localhost:5432/energy", "postgres://admin:***@localhost:5432/energy"),
            ("postgres://admin@localhost/energy", "postgres://admin@localhost/energy"),
            ("mongodb://u:p:q@a,b/?x=y@z", "mongodb://u:***@a,b/?x=y@z"),
            ("localhost:29092", "localhost:29092"),
        ] {
            assert_eq!(mask_password(url), shown);
        }
    }
}
