//! Asks a host that runs nearby.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers.
    #[error("{0}")]
    Away(#[from] std::io::Error),
    /// Another answer than the one that was asked for.
    #[error("{0}")]
    Answer(String),
}

/// The body of one plain request; a client library for it would be most of a binary.
///
/// # Errors
/// When nobody answers at `address` (host and port), or the answer is not 200.
pub fn get(address: &str, path: &str, token: Option<&str>) -> Result<String, ClientError> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let access = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n{access}\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.contains(" 200 ") => Ok(body.to_owned()),
        _ => Err(ClientError::Answer(answer.lines().next().unwrap_or("nothing").to_owned())),
    }
}
