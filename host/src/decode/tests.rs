use proptest::prelude::*;

use super::*;
use crate::config::{Config, load_text};

const NOW_MS: i64 = 1_764_864_120_000;

fn decode(payload: &[u8]) -> Result<(Batch, MeterTable), Reject> {
    let config = load_text("", "defaults", []).unwrap();
    let mut decoder = Decoder::new(&config.input);
    let (mut batch, mut meters) = (Batch::new(2), MeterTable::default());
    decoder.decode(&Message { offset: 7, timestamp_ms: NOW_MS, ..Message::of(payload) }, &mut meters, &mut batch)?;
    Ok((batch, meters))
}

#[test]
fn a_message_that_names_a_building_is_known_by_it_and_any_other_by_none() {
    let mut decoder = Decoder::new(&Input::default());
    let mut find = |payload: Option<&[u8]>| decoder.building(&Message { payload, ..Message::of(b"") }).map(ToOwned::to_owned);
    assert_eq!(find(Some(br#"{"building":"Tower","electricity":1}"#)).as_deref(), Some("Tower"));
    assert_eq!(find(Some(br#"{"more":[1],"building":7}"#)).as_deref(), Some("7"));
    let rejected = br#"{"building":"Hall\u0000"}"#;
    assert_eq!(find(Some(rejected)).as_deref(), Some("Hall\0"), "a lane says why, so it gets there");
    for nameless in [&br#"{"building":""}"#[..], br#"{"building":[1]}"#, b"{}", b"no JSON", b"\xff", &[b' '; 70_000]] {
        assert_eq!(find(Some(nameless)), None);
    }
    assert_eq!(find(None), None);
}

#[test]
fn a_reading_becomes_a_row() {
    let text =
        br#"{"timestamp":"2025-12-04T16:02:00Z","building":"Building A","floor":4,"electricity":271,"water":456.5,"x":[{}]}"#;
    let (batch, meters) = decode(text).unwrap();
    assert_eq!(batch.event_times_us, [1_764_864_120_000_000]);
    assert_eq!(batch.measures, [[271.0], [456.5]]);
    let meter = meters.meter(batch.meters[0]);
    assert_eq!((meter.name.as_str(), meter.floor.as_deref()), ("Building A/4", Some("4")));
    assert_eq!(meters.building(meter.building), "Building A");
}

#[test]
fn timestamps_come_in_several_forms() {
    for form in [
        r#""2025-12-04 16:02:00""#,
        r#""2025-12-04T17:02:00+01:00""#,
        "1764864120",
        "1764864120000",
        "1764864120.0",
        "1764864120000000",
        "1764864120000000000",
        r#""1764864120""#,
    ] {
        let text = format!(r#"{{"timestamp":{form},"building":"A","floor":"G","electricity":1,"water":1}}"#);
        assert_eq!(decode(text.as_bytes()).unwrap().0.event_times_us, [1_764_864_120_000_000], "{form}");
    }
}

#[test]
fn names_are_what_was_sent_byte_for_byte() {
    let names =
        ["1.1", "1.10", "300", "3E2", "4000000000001E10", "40000000000010E9", "-0", "0.0", "4530303331303033323031323334353637"];
    for name in names {
        for written in [name.to_owned(), format!("\"{name}\"")] {
            // Plain, and with an array that only the full reader takes.
            for rest in ["", r#","x":[]"#] {
                let text = format!(
                    r#"{{"timestamp":1764864120,"building":{written},"floor":{written},"electricity":1,"water":1{rest}}}"#
                );
                let (batch, meters) = decode(text.as_bytes()).unwrap();
                let meter = meters.meter(batch.meters[0]);
                assert_eq!(meters.building(meter.building), name, "{text}");
                assert_eq!((meter.name.clone(), meter.floor.as_deref()), (format!("{name}/{name}"), Some(name)), "{text}");
            }
        }
    }
}

#[test]
fn a_text_that_is_a_number_is_that_number() {
    for (written, value) in [("5834.163", 5834.163), ("001581.123", 1581.123), ("1e3", 1000.0), (" 7 ", 7.0), ("0", 0.0)] {
        let text = format!(r#"{{"timestamp":1764864120,"building":"A","electricity":"{written}","water":1}}"#);
        assert_eq!(decode(text.as_bytes()).unwrap().0.measures[0], [value], "{written}");
    }
    let text = br#"{"timestamp":1764864120,"building":"A","electricity":"unavailable","water":1}"#;
    assert!(decode(text).unwrap_err().message.contains("\"unavailable\""));
}

#[test]
fn a_meter_without_a_floor_is_named_by_its_building() {
    let (_, meters) = decode(br#"{"timestamp":1764864120,"building":12,"electricity":1,"water":1}"#).unwrap();
    assert_eq!((meters.meters()[0].name.as_str(), meters.meters()[0].floor.clone()), ("12", None));
}

#[test]
fn every_kind_of_broken_record_has_its_reason() {
    let with = |field: &str, value: &str| {
        let mut fields = vec![
            ("timestamp", r#""2025-12-04T16:02:00Z""#),
            ("building", r#""A""#),
            ("floor", "1"),
            ("electricity", "1.0"),
            ("water", "2.0"),
        ];
        fields.retain(|(name, _)| *name != field);
        if !value.is_empty() {
            fields.push((field, value));
        }
        let body: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", body.join(","))
    };
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"\xff\xfe{}".to_vec(), "not-utf8"),
        (b"".to_vec(), "not-json"),
        (b"{".to_vec(), "not-json"),
        (b"[1,2]".to_vec(), "not-json"),
        (b"\"x\"".to_vec(), "not-json"),
        (b"{} {}".to_vec(), "not-json"),
        (with("electricity", "").into(), "missing-field"),
        (with("electricity", "null").into(), "missing-field"),
        (with("building", "").into(), "missing-field"),
        (with("building", "\"\"").into(), "missing-field"),
        (with("timestamp", "").into(), "missing-field"),
        (with("electricity", "\"unavailable\"").into(), "wrong-type"),
        (with("electricity", "\"\"").into(), "wrong-type"),
        (with("electricity", "\"1,012.5\"").into(), "wrong-type"),
        (with("electricity", "\"12 kWh\"").into(), "wrong-type"),
        (with("electricity", "\"NaN\"").into(), "wrong-type"),
        (with("electricity", "\"1e999\"").into(), "not-finite"),
        (with("building", "\"Hall\\u0000\"").into(), "name"),
        (with("floor", "\"1\\n\"").into(), "name"),
        (with("building", &format!("\"{}\"", "x".repeat(6_000))).into(), "name"),
        (with("building", &"7".repeat(300)).into(), "name"),
        (with("timestamp", "202601151200").into(), "timestamp"),
        (with("timestamp", "\"46037.5\"").into(), "timestamp"),
        (with("timestamp", "\"\"").into(), "timestamp"),
        (with("building", "true").into(), "wrong-type"),
        (with("water", "[1]").into(), "wrong-type"),
        (with("timestamp", "{}").into(), "wrong-type"),
        (with("electricity", "NaN").into(), "not-finite"),
        (with("water", "-Infinity").into(), "not-finite"),
        (with("water", "1e999").into(), "not-finite"),
        (with("electricity", "-0.5").into(), "range"),
        (with("electricity", "1e10").into(), "range"),
        (with("timestamp", "\"yesterday\"").into(), "timestamp"),
        (with("timestamp", "\"2025-02-30T00:00:00Z\"").into(), "timestamp"),
        (with("timestamp", "-1e30").into(), "timestamp"),
        (with("timestamp", "\"2025-12-04T16:08:00Z\"").into(), "future"),
        (with("x", &format!("\"{}\"", "y".repeat(70_000))).into(), "oversize"),
    ];
    for (payload, reason) in cases {
        let shown = String::from_utf8_lossy(&payload).chars().take(120).collect::<String>();
        match decode(&payload) {
            Ok(_) => panic!("{shown} was taken, though {reason}"),
            Err(reject) => assert_eq!(reject.reason.word(), reason, "{shown}: {}", reject.message),
        }
    }
}

#[test]
fn a_known_meter_changes_nothing_about_what_is_taken() {
    let config = load_text("[input]\nmeter = [\"meter\"]", "test", []).unwrap();
    let mut decoder = Decoder::new(&config.input);
    let (mut batch, mut meters) = (Batch::new(2), MeterTable::default());
    let mut decode = |rest: &str| {
        let text = format!(r#"{{"timestamp":1764864120,"meter":"m","electricity":1,"water":1{rest}}}"#);
        let message = Message::of(text.as_bytes());
        decoder.decode(&message, &mut meters, &mut batch).map_err(|reject| reject.reason.word())
    };
    for _ in 0..2 {
        assert_eq!(decode(r#","building":true"#), Err("wrong-type"));
        assert_eq!(decode(r#","building":"A","floor":[]"#), Err("wrong-type"));
        assert_eq!(decode(r#","floor":1"#), Err("missing-field"));
        assert_eq!(decode(r#","building":"A","floor":1"#), Ok(()));
    }
}

#[test]
fn a_partition_has_no_more_meters_than_it_may() {
    let config = load_text("[input]\nmax_meters = 2", "test", []).unwrap();
    let mut decoder = Decoder::new(&config.input);
    let (mut batch, mut meters) = (Batch::new(2), MeterTable::default());
    let mut decode = |building: &str| {
        let text = format!(r#"{{"timestamp":1764864120,"building":"{building}","electricity":1,"water":1}}"#);
        let message = Message::of(text.as_bytes());
        decoder.decode(&message, &mut meters, &mut batch).map_err(|reject| reject.reason.word())
    };
    assert_eq!(["A", "B", "C", "A"].map(&mut decode), [Ok(()), Ok(()), Err("too-many-meters"), Ok(())]);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(payload in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&payload);
    }

    #[test]
    fn mutated_readings_never_panic_and_leave_no_half_row(at in 0usize..110, byte in any::<u8>()) {
        let mut text = br#"{"timestamp":"2025-12-04T16:02:00Z","building":"Building A","floor":4,"electricity":271.25,"water":456}"#.to_vec();
        let at = at % text.len();
        text[at] = byte;
        if let Ok((batch, _)) = decode(&text) {
            prop_assert!(batch.measures.iter().all(|column| column.len() == 1));
        }
    }
}

/// Building and name of the meter of each message, by the meter fields of a configuration.
fn meters_of(fields: &str, messages: &[&str]) -> Vec<(String, String)> {
    let config = load_text(&format!("[input]\nmeter = {fields}"), "test", []).unwrap();
    let mut decoder = Decoder::new(&config.input);
    let (mut batch, mut meters) = (Batch::new(2), MeterTable::default());
    for fields in messages {
        let text = format!(r#"{{"timestamp":1764864120,"electricity":1,"water":1,{fields}}}"#);
        let message = Message { timestamp_ms: NOW_MS, ..Message::of(text.as_bytes()) };
        decoder.decode(&message, &mut meters, &mut batch).unwrap();
    }
    let name = |id| {
        let meter: &crate::domain::Meter = meters.meter(id);
        (meters.building(meter.building).to_owned(), meter.name.clone())
    };
    batch.meters.iter().map(|id| name(*id)).collect()
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(building, name)| ((*building).to_owned(), (*name).to_owned())).collect()
}

#[test]
fn a_reading_belongs_to_the_building_of_its_own_message() {
    let bus =
        [r#""building":"Library","meter_id":"1""#, r#""building":"Gym","meter_id":"2""#, r#""building":"Gym","meter_id":"1""#];
    assert_eq!(meters_of(r#"["meter_id"]"#, &bus), owned(&[("Library", "1"), ("Gym", "2"), ("Gym", "1")]));
    // A floor that two buildings have, and a building whose name is another one's meter.
    let floors = [r#""building":"A","floor":3"#, r#""building":"B","floor":3"#, r#""building":"3","floor":"A""#];
    assert_eq!(meters_of(r#"["floor"]"#, &floors), owned(&[("A", "3"), ("B", "3"), ("3", "A")]));
}

#[test]
fn a_name_of_several_parts_is_unambiguous_and_one_of_a_single_part_is_as_it_was_sent() {
    let parts = [
        r#""building":"A/1","floor":2"#,
        r#""building":"A","floor":"1/2""#,
        r#""building":"A\\","floor":"1""#,
        r#""building":"A/1""#,
        r#""building":"A","floor":1"#,
    ];
    let names = [("A/1", r"A\/1/2"), ("A", r"A/1\/2"), (r"A\", r"A\\/1"), ("A/1", "A/1"), ("A", "A/1")];
    assert_eq!(meters_of(r#"["building", "floor"]"#, &parts), owned(&names));
    assert_eq!(meters_of(r#"["id"]"#, &[r#""building":"A","id":"1/2\\""#]), owned(&[("A", r"1/2\")]));
    // Within one building: no floor and a meter `1/2`, or floor 1 and meter 2.
    let same = [r#""building":"A","id":"1/2""#, r#""building":"A","floor":1,"id":"2""#];
    assert_eq!(meters_of(r#"["floor", "id"]"#, &same), owned(&[("A", r"1\/2"), ("A", "1/2")]));
}

mod gateways;
mod local_time;
mod reality;

/// Every example of the documents is read by the configuration under it.
#[test]
fn the_documents_examples_are_read() {
    let text = include_str!("../../docs/input.md");
    let (mut messages, mut configurations, mut block) = (Vec::new(), 0, None);
    for line in text.lines() {
        match (line, &mut block) {
            ("```json" | "```toml", None) => block = Some((line, String::new())),
            ("```", Some(("```json", message))) => {
                messages.push(std::mem::take(message));
                block = None;
            }
            ("```", Some((_, config))) => {
                let config = load_text(config, "input.md", []).unwrap();
                configurations += 1;
                for message in messages.drain(..) {
                    let (mut batch, mut meters) = (Batch::new(config.input.measures.len()), MeterTable::default());
                    let decoded = Decoder::new(&config.input).decode(&Message::of(message.as_bytes()), &mut meters, &mut batch);
                    assert_eq!(decoded, Ok(()), "{message}");
                    assert!(meters.buildings().iter().all(|building| building == "Hall") && !batch.is_empty(), "{message}");
                }
                block = None;
            }
            (line, Some((_, text))) => *text += &format!("{line}\n"),
            _ => {}
        }
    }
    assert!(configurations > 5, "{configurations}");
}
