//! Asks a host that runs nearby.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::clock;

/// How long an answer may take, and how long it may be.
const PATIENCE: Duration = Duration::from_secs(5);
const MOST_BYTES: usize = 16 << 20;

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
    let access = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n{access}\r\n")?;
    let answer = read_all(&mut stream)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.contains(" 200 ") => Ok(body.to_owned()),
        _ => Err(ClientError::Answer(answer.lines().next().unwrap_or("nothing").to_owned())),
    }
}

/// Ends whatever the other side does: one that sends a byte now and then is not waited for.
fn read_all(stream: &mut TcpStream) -> Result<String, ClientError> {
    let deadline = clock::monotonic() + PATIENCE;
    let (mut answer, mut part) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        let left = deadline.saturating_duration_since(clock::monotonic());
        if left.is_zero() {
            return Err(io::Error::from(io::ErrorKind::TimedOut).into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut part)? {
            0 => break,
            count => answer.extend_from_slice(&part[..count]),
        }
        if answer.len() > MOST_BYTES {
            return Err(ClientError::Answer(format!("it answers more than {} MiB", MOST_BYTES >> 20)));
        }
    }
    String::from_utf8(answer).map_err(|_| ClientError::Answer("it answers no text".into()))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn an_endless_answer_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut sent = 0;
            while stream.write_all(&[b'x'; 1 << 16]).is_ok() {
                sent += 1 << 16;
            }
            sent
        });
        let error = get(&address, "/", None).unwrap_err().to_string();
        assert_eq!(error, "it answers more than 16 MiB");
        assert!(server.join().unwrap() < 4 * MOST_BYTES);
    }
}
