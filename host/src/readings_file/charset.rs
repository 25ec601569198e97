//! Any character set as UTF-8.

use std::io::{BufRead, ErrorKind, Read, Result};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::error::Fault;

/// The encoding that a prefix of the content shows, and whether that was guessed.
pub(super) fn recognise(prefix: &[u8]) -> std::result::Result<(&'static Encoding, bool), Fault> {
    if let Some((encoding, _)) = Encoding::for_bom(prefix) {
        return Ok((encoding, false));
    }
    let head = &prefix[..prefix.len().min(1_024) & !1];
    let zeros = |parity: usize| head.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
    // Text in Latin letters has a zero in every second byte of UTF-16.
    if head.len() >= 8 {
        for (parity, encoding) in [(1, UTF_16LE), (0, UTF_16BE)] {
            if zeros(parity) * 5 > head.len() {
                return Ok((encoding, true));
            }
        }
    }
    match std::str::from_utf8(prefix) {
        Ok(_) => Ok((UTF_8, false)),
        // The prefix may end within a character.
        Err(error) if error.error_len().is_none() => Ok((UTF_8, false)),
        Err(error) => single_byte(prefix, error.valid_up_to()),
    }
}

/// Text that is not UTF-8 is Windows-1252, unless some of its lines are UTF-8 beyond ASCII.
fn single_byte(prefix: &[u8], wrong: usize) -> std::result::Result<(&'static Encoding, bool), Fault> {
    let line_of = |at: usize| 1 + prefix[..at].iter().filter(|byte| **byte == b'\n').count() as u64;
    let mut at = 0;
    for line in prefix.split_inclusive(|byte| *byte == b'\n') {
        if !line.is_ascii() && std::str::from_utf8(line).is_ok() {
            let message = format!(
                "not UTF-8, but line {} is: the file mixes two character sets; set `input.file.charset`, or save it anew as UTF-8",
                line_of(at)
            );
            return Err(Fault::at(line_of(wrong), message));
        }
        at += line.len();
    }
    Ok((WINDOWS_1252, true))
}

/// Reads `inner` as UTF-8, without a byte order mark. Text that is UTF-8 already is passed on unchecked: its reader names the line.
pub(super) struct Utf8<R> {
    inner: R,
    decoder: Option<Decoder>,
    decoded: Vec<u8>,
    at: usize,
    ended: bool,
}

impl<R: BufRead> Utf8<R> {
    pub(super) fn new(mut inner: R, encoding: &'static Encoding) -> Result<Self> {
        if encoding == UTF_8 && inner.fill_buf()?.starts_with(b"\xEF\xBB\xBF") {
            inner.consume(3);
        }
        let decoder = (encoding != UTF_8).then(|| encoding.new_decoder_with_bom_removal());
        Ok(Self { inner, decoder, decoded: Vec::new(), at: 0, ended: false })
    }

    /// Decodes the next piece; leaves nothing at the end.
    fn refill(&mut self) -> Result<()> {
        let Some(decoder) = &mut self.decoder else { return Ok(()) };
        self.decoded.clear();
        self.at = 0;
        while self.decoded.is_empty() && !self.ended {
            let piece = self.inner.fill_buf()?;
            let last = piece.is_empty();
            let length = piece.len().min(1 << 16);
            let room = decoder.max_utf8_buffer_length_without_replacement(length).unwrap_or(1 << 18);
            self.decoded.resize(room, 0);
            let (result, read, written) = decoder.decode_to_utf8_without_replacement(&piece[..length], &mut self.decoded, last);
            self.decoded.truncate(written);
            self.inner.consume(read);
            match result {
                DecoderResult::Malformed(..) => {
                    let message = format!("the content is not {}; set `input.file.charset`", decoder.encoding().name());
                    return Err(std::io::Error::new(ErrorKind::InvalidData, message));
                }
                DecoderResult::InputEmpty if last => self.ended = true,
                _ => {}
            }
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Utf8<R> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        if self.decoder.is_none() {
            return self.inner.read(out);
        }
        if self.at == self.decoded.len() {
            self.refill()?;
        }
        let piece = &self.decoded[self.at..];
        let length = piece.len().min(out.len());
        out[..length].copy_from_slice(&piece[..length]);
        self.at += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn read(bytes: &[u8]) -> String {
        let (encoding, _) = recognise(bytes).unwrap();
        let mut text = String::new();
        Utf8::new(BufReader::new(bytes), encoding).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn text_is_read_whatever_its_character_set() {
        let text = "timestamp,building\n2026,Gebäude 1\n";
        let utf16 = |bom: &[u8], to: fn(u16) -> [u8; 2]| [bom.to_vec(), text.encode_utf16().flat_map(to).collect()].concat();
        assert_eq!(read(text.as_bytes()), text);
        assert_eq!(read(format!("\u{feff}{text}").as_bytes()), text);
        assert_eq!(read(&utf16(&[0xff, 0xfe], u16::to_le_bytes)), text);
        assert_eq!(read(&utf16(&[], u16::to_le_bytes)), text);
        assert_eq!(read(&utf16(&[], u16::to_be_bytes)), text);
        assert_eq!(read(&text.replace('ä', "\u{1}").bytes().map(|b| if b == 1 { 0xe4 } else { b }).collect::<Vec<_>>()), text);
    }

    #[test]
    fn two_character_sets_in_one_file_are_refused_with_both_lines() {
        let fault = recognise(b"a\nGeb\xc3\xa4ude\nGeb\xe4ude\n").unwrap_err();
        assert_eq!(fault.line, Some(3));
        assert!(fault.message.contains("line 2"), "{}", fault.message);
    }
}
