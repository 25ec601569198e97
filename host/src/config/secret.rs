//! Passwords in URLs, and tokens, which are never shown.

use std::collections::BTreeMap;

use serde::Serializer;

/// The URL with `***` for its password.
#[must_use]
pub fn mask_password(url: &str) -> String {
    match url.split_once('?') {
        Some((address, query)) => format!("{}?{}", in_authority(address), in_query(query)),
        None => in_authority(url),
    }
}

/// PostgreSQL takes it as a parameter too.
fn in_query(query: &str) -> String {
    let masked = |part: &str| match part.split_once('=') {
        Some((name, _)) if name.ends_with("password") => format!("{name}=***"),
        _ => part.to_owned(),
    };
    query.split('&').map(masked).collect::<Vec<_>>().join("&")
}

fn in_authority(url: &str) -> String {
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

/// Likewise, for properties of which some are.
pub(super) fn masked_secrets<S: Serializer>(properties: &BTreeMap<String, String>, serializer: S) -> Result<S::Ok, S::Error> {
    const SECRET: [&str; 5] = ["password", "secret", ".key.pem", "token", "oauthbearer.config"];
    let is_secret = |name: &str| SECRET.iter().any(|part| name.contains(part));
    let shown =
        |(name, value): (&String, &String)| (name.clone(), if is_secret(name) { "***".to_owned() } else { value.clone() });
    serializer.collect_map(properties.iter().map(shown))
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
            (
                "postgres://localhost/energy?user=a&password=p&sslmode=require",
                "postgres://localhost/energy?user=a&password=***&sslmode=require",
            ),
        ] {
            assert_eq!(mask_password(url), shown);
        }
    }
}
