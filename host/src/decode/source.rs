//! Where a field comes from: the message, its record's key or one of its headers.

use std::borrow::Cow;
use std::ffi::{CStr, CString};

use super::fields::Value;
use super::reject;
use crate::domain::{Message, Reason, Reject};

/// What the configured name of a field means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A path in the message, or in one of its readings where it has several.
    Path(String),
    /// `$.path`: a path in the message itself.
    Root(String),
    /// `@key`: the record's key.
    Key,
    /// `@key.2`: the second part of the record's key, between slashes.
    KeyPart(usize),
    /// `@header.NAME`: a header of the record.
    Header(CString),
}

impl Source {
    /// # Errors
    /// Saying how to write it.
    pub(super) fn parse(name: &str) -> Result<Self, String> {
        if name == "@key" {
            return Ok(Self::Key);
        }
        if let Some(part) = name.strip_prefix("@key.") {
            return match part.parse() {
                Ok(part @ 1..) => Ok(Self::KeyPart(part)),
                _ => Err(format!(
                    "{name:?} is no part of a key: write `@key` for all of it, `@key.2` for its second part between slashes"
                )),
            };
        }
        if let Some(header) = name.strip_prefix("@header.") {
            let header = CString::new(header).ok().filter(|header| !header.is_empty());
            return header.map(Self::Header).ok_or_else(|| format!("{name:?} names no header: write `@header.NAME`"));
        }
        match name.strip_prefix("$.") {
            Some("") => Err(format!("{name:?} names no field: write `$.` and its path in the message")),
            Some(path) => Ok(Self::Root(path.to_owned())),
            None => Ok(Self::Path(name.to_owned())),
        }
    }

    /// The name of the header that it is.
    pub(super) fn header(&self) -> Option<&CStr> {
        match self {
            Self::Header(name) => Some(name),
            _ => None,
        }
    }

    pub(super) fn is_of_key(&self) -> bool {
        matches!(self, Self::Key | Self::KeyPart(_))
    }

    /// What a record has for it beside its value.
    pub(super) fn value<'m>(&self, message: &Message<'m>, name: &str) -> Result<Value<'m>, Reject> {
        let bytes = match self {
            Self::Path(_) | Self::Root(_) => None,
            Self::Key => message.key,
            Self::KeyPart(part) => message.key.and_then(|key| key.split(|&byte| byte == b'/').nth(part - 1)),
            Self::Header(header) => message.headers.and_then(|headers| headers.header(header)),
        };
        match bytes.map(std::str::from_utf8) {
            None => Ok(Value::Absent),
            Some(Ok(text)) => Ok(Value::Text(Cow::Borrowed(text))),
            Some(Err(_)) => Err(reject(Reason::NotUtf8, format!("`{name}` of the record is not UTF-8 text"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_where_its_field_is() {
        let path = |path: &str| Source::Path(path.to_owned());
        for (name, source) in [
            ("building", path("building")),
            ("@timestamp", path("@timestamp")),
            ("@keyed", path("@keyed")),
            ("ENERGY.Power[0]", path("ENERGY.Power[0]")),
            ("$.site", Source::Root("site".into())),
            ("$.@key", Source::Root("@key".into())),
            ("@key", Source::Key),
            ("@key.2", Source::KeyPart(2)),
            ("@header.site", Source::Header(c"site".into())),
        ] {
            assert_eq!(Source::parse(name), Ok(source));
        }
        for name in ["@key.0", "@key.x", "@key.", "@header.", "$."] {
            assert!(Source::parse(name).unwrap_err().contains("write"), "{name}");
        }
    }
}
