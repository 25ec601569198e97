//! Inputs as senders really wrote them (`host/tests/reality`), and what is right for each.

use super::*;

/// Each line by a configuration: event time and building, or the reason's word.
fn read(config: &str, lines: &[String]) -> Vec<Result<(String, String), &'static str>> {
    let config = load_text(config, "test", []).unwrap();
    let mut decoder = Decoder::new(&config.input);
    let (mut batch, mut meters) = (Batch::new(config.input.measures.len()), MeterTable::default());
    let mut line = |line: &String| {
        batch.clear();
        decoder.decode(&Message::of(line.as_bytes()), &mut meters, &mut batch).map_err(|reject| reject.reason.word())?;
        let building = meters.meter(batch.meters[0]).building;
        Ok((batch.event_time(0).to_string(), meters.building(building).to_owned()))
    };
    lines.iter().map(&mut line).collect()
}

fn times(config: &str, lines: &[String]) -> Vec<String> {
    read(config, lines).into_iter().map(|reading| reading.unwrap().0).collect()
}

fn lines(text: &str) -> Vec<String> {
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Rows of a plain table, every cell a text.
fn table(text: &str) -> Vec<String> {
    let mut rows = text.lines();
    let header: Vec<&str> = rows.next().unwrap().split(',').collect();
    let object = |row: &str| {
        let fields: Vec<String> = header.iter().zip(row.split(',')).map(|(name, cell)| format!("{name:?}:{cell:?}")).collect();
        format!("{{{}}}", fields.join(","))
    };
    rows.filter(|row| !row.is_empty()).map(object).collect()
}

#[test]
fn compact_time_stamps_follow_the_format_and_a_spreadsheets_days_are_no_times() {
    let quarters = ["11:00", "11:15", "11:30", "11:45", "12:00", "12:15", "12:30", "12:45"];
    let expected: Vec<String> = quarters.iter().map(|quarter| format!("2026-01-15T{quarter}:00Z")).collect();
    let config = "[input]\ntimestamp_format = \"%Y%m%d%H%M\"\ntime_zone = \"Europe/Berlin\"";
    let compact = lines(include_str!("../../../tests/reality/03-compact-time-stamps/compact.jsonl"));
    assert_eq!(times(config, &compact), expected);
    assert_eq!(times(config, &table(include_str!("../../../tests/reality/03-compact-time-stamps/compact.csv"))), expected);
    let serial = table(include_str!("../../../tests/reality/03-compact-time-stamps/excel-serial.csv"));
    for config in [config, ""] {
        assert_eq!(read(config, &serial), [Err("timestamp"), Err("timestamp")]);
    }
    assert!(read("", &compact).iter().all(|reading| *reading == Err("timestamp")));
}

#[test]
fn the_day_of_25_hours_has_a_hundred_quarters() {
    let table = table(include_str!("../../../tests/reality/14-the-hour-that-comes-twice/constant.csv"));
    let mut times = times("[input]\ntime_zone = \"Europe/Berlin\"", &table);
    let day = |time: &String| ("2025-10-25T22:00:00Z".."2025-10-26T23:00:00Z").contains(&time.as_str());
    assert_eq!(times.iter().filter(|time| day(time)).count(), 100);
    let count = times.len();
    times.dedup();
    assert!(times.is_sorted() && times.len() == count);
}

#[test]
fn a_day_ends_at_24_00() {
    let config = "[input]\ntimestamp_format = \"%d.%m.%Y %H:%M\"\ntime_zone = \"Europe/Berlin\"";
    let day = times(config, &table(include_str!("../../../tests/reality/15-24-00/day.csv")));
    assert_eq!((day.len(), day.last().unwrap().as_str()), (96, "2025-12-31T23:00:00Z"));
    let iso = lines(include_str!("../../../tests/reality/15-24-00/iso.jsonl"));
    for config in [config, ""] {
        assert_eq!(times(config, &iso), ["2026-01-01T00:00:00Z"]);
    }
}

#[test]
fn stamps_at_the_end_belong_to_the_day_before() {
    let table = table(include_str!("../../../tests/reality/23-stamped-at-the-end/day.csv"));
    let times = times("[input]\ntime_zone = \"Europe/Paris\"\nstamp = \"end\"\ninterval = \"30m\"", &table);
    let in_day = times.iter().filter(|time| ("2026-01-14T23:00:00Z".."2026-01-15T23:00:00Z").contains(&time.as_str()));
    assert_eq!((times.len(), in_day.count()), (48, 48));
}

#[test]
fn numbers_in_quotes_are_numbers() {
    let config = "[input]\nbuilding = \"site\"\n[input.measures.electricity]\nfield = \"electricity_delivered_1\"";
    assert_eq!(times(config, &lines(include_str!("../../../tests/reality/25-numbers-in-quotes/p1.jsonl"))).len(), 30);
    let hidden = lines(include_str!("../../../tests/reality/25-numbers-in-quotes/hidden.jsonl"));
    let first = Ok(("2026-01-15T00:00:00Z".to_owned(), "Hall".to_owned()));
    for format in ["", "timestamp_format = \"%s\""] {
        let config = config.replace("[input]", &format!("[input]\n{format}"));
        assert_eq!(read(&config, &hidden), [first.clone(), Err("wrong-type")]);
    }
}

#[test]
fn payloads_of_gateways_are_readings_by_a_configuration() {
    let hall = |building: &str| vec![Ok(("2026-01-15T12:00:00Z".to_owned(), building.to_owned()))];
    let measures = |prefix: &str| {
        format!(
            "[input.measures.electricity]\nfield = \"{prefix}electricity\"\n[input.measures.water]\nfield = \"{prefix}water\"\n"
        )
    };
    let cases = [
        (
            include_str!("../../../tests/reality/26-payloads-of-gateways/cloud-event.json"),
            "timestamp = \"time\"\nbuilding = \"data.building\"",
            "data.",
        ),
        (
            include_str!("../../../tests/reality/26-payloads-of-gateways/envelope.json"),
            "timestamp = \"payload.after.measured\"\nbuilding = \"payload.after.building\"",
            "payload.after.",
        ),
        (
            include_str!("../../../tests/reality/26-payloads-of-gateways/array.json"),
            "readings = \"[]\"\ntimestamp = \"ts\"\nbuilding = \"values.building\"",
            "values.",
        ),
        (include_str!("../../../tests/reality/26-payloads-of-gateways/nanoseconds.json"), "", ""),
        (include_str!("../../../tests/reality/26-payloads-of-gateways/framed.bin"), "framing = \"confluent\"", ""),
    ];
    for (text, input, prefix) in cases {
        let config = format!("[input]\n{input}\n{}", measures(prefix));
        assert_eq!(read(&config, &[text.trim_end().to_owned()]), hall("Hall"), "{text}");
    }
    let keyed = include_str!("../../../tests/reality/26-payloads-of-gateways/key-only.keyed");
    let (key, value) = keyed.trim_end().split_once('|').unwrap();
    let config = "[input]\ntimestamp = \"Time\"\nbuilding = \"@key.2\"\n[input.measures.power]\nfield = \"ENERGY.Power[0]\"";
    let config = load_text(config, "test", []).unwrap();
    let (mut batch, mut meters) = (Batch::new(1), MeterTable::default());
    let message = Message { key: Some(key.as_bytes()), ..Message::of(value.as_bytes()) };
    Decoder::new(&config.input).decode(&message, &mut meters, &mut batch).unwrap();
    assert_eq!((meters.buildings()[0].to_string().as_str(), &batch.measures[0][..]), ("hall-main", &[23.63][..]));
    assert_eq!(batch.event_time(0).to_string(), "2026-01-15T12:00:00Z");
}

#[test]
fn names_with_zero_bytes_are_rejected_and_their_neighbours_are_not() {
    let readings = read("", &lines(include_str!("../../../tests/reality/27-names-that-bite/nul.jsonl")));
    let rejected = readings.iter().filter(|reading| **reading == Err("name")).count();
    let gym = readings.iter().filter(|reading| reading.as_ref().is_ok_and(|(_, building)| building == "Gym")).count();
    assert_eq!((rejected, gym, readings.len()), (30, 30, 60));
}
