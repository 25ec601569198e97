//! What a message is where it is no JSON, by how it begins, and what to do about it.

use crate::config::Framing;

/// A zero byte and a schema's id, before what a schema registry's serializer wrote.
const CONFLUENT_HEADER: usize = 5;

/// What a message holds after its framing.
pub(super) fn inner(payload: &[u8], framing: Framing) -> &[u8] {
    match (framing, payload) {
        (Framing::Confluent, [0, ..]) if payload.len() > CONFLUENT_HEADER => &payload[CONFLUENT_HEADER..],
        _ => payload,
    }
}

/// Which framing, encoding or compression it is, in a sentence with the remedy; none: no one that is known.
pub(super) fn describe(payload: &[u8], framing: Framing) -> Option<String> {
    const AS_JSON: &str = "have the sender or a converter, such as Kafka Connect's JsonConverter, write JSON";
    let text = match payload {
        [0, a, b, c, d, inner @ ..] if !inner.is_empty() => {
            let schema = u32::from_be_bytes([*a, *b, *c, *d]);
            let header = format!("it begins with byte 0x00 and schema id {schema}, as a schema registry's serializers write");
            match (inner.trim_ascii_start(), framing) {
                ([b'{' | b'[', ..], Framing::None) => {
                    format!("{header}: set `input.framing = \"confluent\"` to read the JSON after them")
                }
                ([b'{' | b'[', ..], Framing::Confluent) => return None,
                _ => format!("{header}, and no JSON follows them but Avro or Protobuf: {AS_JSON}"),
            }
        }
        [b'O', b'b', b'j', 1, ..] => format!("it is an Avro container file (`Obj`, 0x01): {AS_JSON}"),
        [0xc3, 0x01, ..] => format!("it begins with bytes 0xC3 0x01, Avro's single-object encoding: {AS_JSON}"),
        [0x1f, 0x8b, ..] => compressed("gzip"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => compressed("zstd"),
        [0x04, 0x22, 0x4d, 0x18, ..] => compressed("LZ4"),
        [b'P', b'K', 3, 4, ..] => compressed("zip"),
        [0xfe, 0xff, ..] | [0xff, 0xfe, ..] => {
            "it begins with the byte order mark of UTF-16: have the sender write UTF-8".to_owned()
        }
        [b'{' | b'[', 0, ..] | [0, b'{' | b'[', ..] => "it looks like UTF-16: have the sender write UTF-8".to_owned(),
        [b'<', ..] => format!("it looks like XML: {AS_JSON}"),
        _ if is_protobuf(payload) => format!("it looks like Protobuf: {AS_JSON}"),
        [0x80..=0x8f | 0xde | 0xdf, ..] => format!("it looks like MessagePack: {AS_JSON}"),
        [0xa0..=0xbf, ..] => format!("it looks like CBOR: {AS_JSON}"),
        _ => return None,
    };
    Some(text)
}

fn compressed(by: &str) -> String {
    format!("its value is compressed by {by}: let the producer compress (`compression.type`), or send it uncompressed")
}

/// Tags and values of Protobuf from begin to end, and not all of it text.
fn is_protobuf(payload: &[u8]) -> bool {
    fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
        let length = bytes.iter().take(10).position(|byte| byte & 0x80 == 0)? + 1;
        let value = bytes[..length].iter().rev().fold(0u64, |value, byte| value << 7 | u64::from(byte & 0x7f));
        Some((value, &bytes[length..]))
    }
    fn field(bytes: &[u8]) -> Option<&[u8]> {
        let (tag, rest) = varint(bytes)?;
        match (tag >> 3, tag & 7) {
            (0, _) => None,
            (_, 0) => Some(varint(rest)?.1),
            (_, 1) => rest.get(8..),
            (_, 2) => {
                let (length, rest) = varint(rest)?;
                rest.get(usize::try_from(length).ok()?..)
            }
            (_, 5) => rest.get(4..),
            _ => None,
        }
    }
    let is_text = payload.iter().all(|&byte| byte >= 0x20 || byte.is_ascii_whitespace());
    let mut rest = payload;
    while !rest.is_empty() {
        match field(rest) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    !payload.is_empty() && !is_text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_framing_is_named_with_its_remedy() {
        for (payload, parts) in [
            (&b"\0\0\0\0\x07{\"a\":1}"[..], ["0x00 and schema id 7", "input.framing = \"confluent\""]),
            (b"\0\0\0\x01\x00\x08Hall\x02", ["schema id 256", "JsonConverter"]),
            (b"Obj\x01\x04\x16avro.schema", ["Avro container", "JsonConverter"]),
            (b"\xc3\x01\x12\x34", ["single-object", "JsonConverter"]),
            (b"\x1f\x8b\x08\0", ["gzip", "compression.type"]),
            (b"\x28\xb5\x2f\xfd\x04", ["zstd", "compression.type"]),
            (b"PK\x03\x04", ["zip", "compression.type"]),
            (b"\xff\xfe{\0}\0", ["UTF-16", "UTF-8"]),
            (b"{\0}\0", ["UTF-16", "UTF-8"]),
            (b"<reading/>", ["XML", "JSON"]),
            (b"\x0a\x04Hall\x11\0\0\0\0\0\0\x59\x40\x18\x96\x01", ["Protobuf", "JsonConverter"]),
            (b"\x82\xa1a\x01", ["MessagePack", "JSON"]),
            (b"\xa2\x61a\x01", ["CBOR", "JSON"]),
        ] {
            let text = describe(payload, Framing::None).unwrap();
            assert!(parts.iter().all(|part| text.contains(part)), "{text}");
        }
        for payload in [&b""[..], b"hello", b"{", b"{\"a\":nul}", b"\0", b"building=Hall"] {
            assert_eq!(describe(payload, Framing::None), None);
        }
    }

    #[test]
    fn a_frame_is_taken_off_where_it_is_configured() {
        let framed = b"\0\0\0\0\x07{}";
        assert_eq!(inner(framed, Framing::Confluent), b"{}");
        assert_eq!(inner(framed, Framing::None), framed);
        assert_eq!(inner(b"{}", Framing::Confluent), b"{}", "a message without the frame");
        assert!(describe(b"\0\0\0\0\x07\x02Hall", Framing::Confluent).unwrap().contains("Avro or Protobuf"));
        assert_eq!(describe(b"\0\0\0\0\x07{", Framing::Confluent), None);
    }
}
