//! Payloads as gateways and connectors write them.

use std::ffi::{CStr, CString};

use super::*;
use crate::domain::Headers;

/// What a message says, by a configuration: building, meter, time and measures of each reading, or the word of each reject.
fn readings(config: &str, message: &Message<'_>) -> Vec<Result<String, String>> {
    let config = load_text(config, "test", []).unwrap();
    let mut decoder = Decoder::new(&config.input);
    let (mut batch, mut meters) = (Batch::new(config.input.measures.len()), MeterTable::default());
    let mut rejects = Vec::new();
    decoder.decode_each(message, &mut meters, &mut batch, |element, reject| rejects.push((element, reject)));
    let row = |row: usize| {
        let meter: &crate::domain::Meter = meters.meter(batch.meters[row]);
        let (building, name) = (meters.building(meter.building), &meter.name);
        let measures: Vec<f64> = batch.measures.iter().map(|column| column[row]).collect();
        let element = batch.element(row).map(|element| format!("{element}: ")).unwrap_or_default();
        Ok(format!("{element}{building} {name} {} {measures:?}", batch.event_time(row)))
    };
    let word = |(element, reject): (Option<u32>, Reject)| {
        let element = element.map(|element| format!("{element}: ")).unwrap_or_default();
        Err(format!("{element}{} {}", reject.reason.word(), reject.message))
    };
    (0..batch.len()).map(row).chain(rejects.into_iter().map(word)).collect()
}

fn one(config: &str, message: &Message<'_>) -> String {
    let [reading] = readings(config, message).try_into().unwrap();
    reading.unwrap_or_else(|reject| reject)
}

const HALL: &str = "Hall Hall 2026-01-15T12:00:00Z [150.5, 300.0]";

#[test]
fn envelopes_are_read_by_paths() {
    let cases = [
        (
            "timestamp = \"payload.after.measured\"\nbuilding = \"payload.after.building\"",
            "payload.after.",
            r#"{"schema":{"type":"struct"},"payload":{"before":null,"after":{"building":"Hall","measured":1768478400000000,"electricity":150.5,"water":300},"op":"c"}}"#,
        ),
        (
            "timestamp = \"time\"\nbuilding = \"data.building\"",
            "data.",
            r#"{"specversion":"1.0","time":"2026-01-15T12:00:00Z","data":{"building":"Hall","electricity":150.5,"water":300}}"#,
        ),
        ("", "", r#"{"timestamp":1768478400000000000,"building":"Hall","electricity":150.5,"water":300}"#),
        ("building = \"$.building\"", "", r#"{"timestamp":1768478400,"building":"Hall","electricity":150.5,"water":300}"#),
        (
            "timestamp = \"@timestamp\"",
            "v[1].",
            r#"{"@timestamp":"2026-01-15T12:00:00Z","building":"Hall","v":[0,{"electricity":150.5,"water":300},{"electricity":9}]}"#,
        ),
    ];
    for (keys, path, text) in cases {
        let measures =
            ["electricity", "water"].map(|name| format!("[input.measures.{name}]\nfield = \"{path}{name}\"\n")).concat();
        assert_eq!(one(&format!("[input]\n{keys}\n{measures}"), &Message::of(text.as_bytes())), HALL, "{text}");
    }
}

#[test]
fn a_building_comes_from_the_key_or_a_header() {
    let text = r#"{"Time":"2026-01-15T12:00:00","ENERGY":{"Total":3.262,"Power":[23.63,67.17,0.00]}}"#;
    let config = |building: &str| {
        format!(
            "[input]\ntimestamp = \"Time\"\nbuilding = \"{building}\"\n[input.measures.power]\nfield = \"ENERGY.Power[1]\"\n\
             [input.measures.total]\nfield = \"ENERGY.Total\""
        )
    };
    let headers: Vec<(&str, &[u8])> = vec![("site", b"old"), ("site", b"hall-main"), ("bad", b"\xff")];
    let message = Message { key: Some(b"tele/hall-main/SENSOR"), headers: Some(&headers), ..Message::of(text.as_bytes()) };
    let hall = "hall-main hall-main 2026-01-15T12:00:00Z [67.17, 3.262]";
    for building in ["@key.2", "@header.site"] {
        assert_eq!(one(&config(building), &message), hall);
    }
    assert!(one(&config("@key"), &message).starts_with("tele/hall-main/SENSOR "));
    let rejected = |building: &str, message: &Message<'_>| one(&config(building), message);
    assert!(rejected("@key", &Message { key: None, ..message }).starts_with("missing-field"));
    assert!(rejected("@key", &Message { key: Some(b""), ..message }).starts_with("missing-field"));
    assert!(rejected("@key.4", &message).starts_with("missing-field"));
    assert!(rejected("@header.other", &message).starts_with("missing-field"));
    assert!(rejected("@header.site", &Message { headers: None, ..message }).starts_with("missing-field"));
    assert!(rejected("@header.bad", &message).starts_with("not-utf8"));
    assert!(rejected("@key", &Message { key: Some(b"a\0b"), ..message }).starts_with("name"));
    // The key that names a record is what keys it again.
    let config = load_text(&config("@key.2"), "test", []).unwrap();
    assert_eq!(Decoder::new(&config.input).building(&message), Some("hall-main"));
}

const TELEMETRY: &str = "[input]\nreadings = \"[]\"\ntimestamp = \"ts\"\nbuilding = \"values.building\"\n\
                         [input.measures.electricity]\nfield = \"values.electricity\"\n[input.measures.water]\nfield = \"values.water\"";

#[test]
fn each_element_of_an_array_is_a_reading() {
    let text = r#"[{"ts":1768478400000,"values":{"building":"Hall","electricity":150.5,"water":300}},
                   {"ts":1768478460000,"values":{"building":"Hall","electricity":"unavailable","water":300}},
                   {"ts":1768478460000,"values":{"building":"Gym","electricity":151.5,"water":301}}, 7]"#;
    let message = Message::of(text.as_bytes());
    let [first, third, second, last] = readings(TELEMETRY, &message).try_into().unwrap();
    assert_eq!(first.unwrap(), format!("0: {HALL}"));
    assert_eq!(third.unwrap(), "2: Gym Gym 2026-01-15T12:01:00Z [151.5, 301.0]");
    assert!(second.unwrap_err().starts_with("1: wrong-type field `values.electricity`"));
    assert!(last.unwrap_err().starts_with("3: not-json"));
    // One that is redriven is read alone.
    assert_eq!(one(TELEMETRY, &Message { element: Some(2), ..message }), "2: Gym Gym 2026-01-15T12:01:00Z [151.5, 301.0]");
    assert!(one(TELEMETRY, &Message { element: Some(9), ..message }).starts_with("9: missing-field"));
    // A dead letter has its reading alone, under the index that it had.
    let letter = r#"[{"ts":1768478460000,"values":{"building":"Gym","electricity":151.5,"water":301}}]"#;
    let again = Message { element: Some(2), ..Message::of(letter.as_bytes()) };
    assert_eq!(one(TELEMETRY, &again), "2: Gym Gym 2026-01-15T12:01:00Z [151.5, 301.0]");
    // A gateway that sends an object where there is one reading.
    let alone = r#" {"ts":1768478400000,"values":{"building":"Hall","electricity":150.5,"water":300}} "#;
    assert_eq!(one(TELEMETRY, &Message::of(alone.as_bytes())), format!("0: {HALL}"));
    // Without the key, the message says which to set.
    assert!(one("", &message).contains("input.readings = \"[]\""));
}

#[test]
fn elements_have_fields_of_the_message_around_them() {
    let config = "[input]\nreadings = \"data.values[]\"\ntimestamp = \"t\"\nbuilding = \"$.site\"\nmeter = [\"$.site\", \"id\"]\n\
                  [input.measures.electricity]\nfield = \"v\"\n[input.measures.water]\nfield = \"$.data.water\"";
    let text =
        r#"{"site":"Hall","data":{"water":300,"values":[{"t":1768478400,"id":1,"v":150.5},{"t":1768478400,"id":2.50,"v":1}]}}"#;
    let read: Vec<String> = readings(config, &Message::of(text.as_bytes())).into_iter().map(Result::unwrap).collect();
    assert_eq!(
        read,
        ["0: Hall Hall/1 2026-01-15T12:00:00Z [150.5, 300.0]", "1: Hall Hall/2.50 2026-01-15T12:00:00Z [1.0, 300.0]"]
    );
    for (text, reason) in [
        (r#"{"site":"Hall"}"#, "missing-field field `data.values`"),
        (r#"{"data":{"values":"none"}}"#, "wrong-type"),
        (r#"{"data":{"values":[]}}"#, "empty"),
        ("[]", "not-json"),
        ("{", "not-json"),
    ] {
        assert!(one(config, &Message::of(text.as_bytes())).starts_with(reason), "{text}");
    }
    let pairs = "[input]\nreadings = \"$.x[]\"\n".replace("$.x", "rows")
        + "timestamp = \"[0]\"\nbuilding = \"$.site\"\n[input.measures.electricity]\nfield = \"[1]\"";
    let text = r#"{"site":"Hall","rows":[[1768478400,150.5],[1768478460,151.5]]}"#;
    assert_eq!(readings(&pairs, &Message::of(text.as_bytes())).len(), 2);
}

#[test]
fn an_array_has_no_more_readings_than_it_may() {
    let text = format!("[{}0]", "0,".repeat(10_000));
    let config = format!("{TELEMETRY}\n").replace("[input]\n", "[input]\nmax_message = \"1MiB\"\n");
    assert!(one(&config, &Message::of(text.as_bytes())).starts_with("oversize 10001 readings"));
}

#[test]
fn an_array_is_divided_among_its_buildings() {
    let config = load_text("[input]\nreadings = \"data[]\"\nbuilding = \"b\"", "test", []).unwrap();
    let mut decoder = Decoder::new(&config.input);
    let mut divide = |text: &str| {
        let mut parts = Vec::new();
        decoder.by_building(&Message::of(text.as_bytes()), |building, value| {
            parts.push((building.map(str::to_owned), String::from_utf8(value.unwrap().to_vec()).unwrap()));
        });
        parts
    };
    let part = |building: Option<&str>, value: &str| (building.map(str::to_owned), value.to_owned());
    assert_eq!(
        divide(r#"{"at":1,"data":[{"b":"A","v":1},{"b":2.0},{"b":"A","v":3},{}],"more":[]}"#),
        [
            part(Some("A"), r#"{"at":1,"data":[{"b":"A","v":1},{"b":"A","v":3}],"more":[]}"#),
            part(Some("2.0"), r#"{"at":1,"data":[{"b":2.0}],"more":[]}"#),
            part(None, r#"{"at":1,"data":[{}],"more":[]}"#),
        ]
    );
    for whole in [r#"{"data": [{"b":"A"}, {"b":"A"}] }"#, r#"{"data":{"b":"A"}}"#] {
        assert_eq!(divide(whole), [part(Some("A"), whole)]);
    }
    assert_eq!(divide("no JSON"), [part(None, "no JSON")]);
}

#[test]
fn framed_messages_are_named_and_json_in_a_frame_is_read() {
    let text = r#"{"timestamp":"2026-01-15T12:00:00Z","building":"Hall","electricity":150.5,"water":300}"#;
    let framed = [b"\0\0\0\0\x07", text.as_bytes()].concat();
    let rejected = one("", &Message::of(&framed));
    assert!(rejected.starts_with("not-json") && rejected.contains("input.framing"), "{rejected}");
    for payload in [&framed[..], text.as_bytes()] {
        assert_eq!(one("[input]\nframing = \"confluent\"", &Message::of(payload)), HALL);
    }
    let marked = format!("\u{feff}{text}");
    assert_eq!(one("", &Message::of(marked.as_bytes())), HALL);
    for (payload, reason, part) in [
        (&b"\0\0\0\0\x07\x08Hall\xff"[..], "not-utf8", "schema id 7"),
        (b"\0\0\0\0\x07\x08Hall\x02", "not-json", "schema id 7"),
        (b"\x1f\x8b\x08", "not-utf8", "gzip"),
        (b"\xff\xfe{\0", "not-utf8", "UTF-16"),
        (b"{\0\"\0", "not-json", "UTF-16"),
    ] {
        let rejected = one("", &Message::of(payload));
        assert!(rejected.starts_with(reason) && rejected.contains(part), "{rejected}");
    }
}

/// Headers as a client hands them out.
#[derive(Debug)]
struct Owned(Vec<(CString, Vec<u8>)>);

impl Headers for Owned {
    fn header(&self, name: &CStr) -> Option<&[u8]> {
        self.0.iter().find(|(known, _)| known.as_c_str() == name).map(|(_, value)| value.as_slice())
    }
}

#[test]
fn what_fields_need_beside_the_value_is_known() {
    let config =
        load_text("[input]\nbuilding = \"@key.1\"\ntimestamp = \"@header.at\"\nfloor = \"@header.floor\"", "test", []).unwrap();
    let decoder = Decoder::new(&config.input);
    assert!(decoder.reads_key());
    assert_eq!(decoder.headers().collect::<Vec<_>>(), [c"at", c"floor"]);
    assert!(!Decoder::new(&Input::default()).reads_key());
    let headers = Owned(vec![(c"at".into(), b"1768478400".to_vec()), (c"floor".into(), b"3".to_vec())]);
    let message = Message { key: Some(b"Hall/x"), headers: Some(&headers), ..Message::of(br#"{"electricity":1,"water":2}"#) };
    let config = "[input]\nbuilding = \"@key.1\"\ntimestamp = \"@header.at\"\nfloor = \"@header.floor\"";
    assert_eq!(one(config, &message), "Hall Hall/3 2026-01-15T12:00:00Z [1.0, 2.0]");
}
