//! Local stamps of a zone become instants again.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::*;

/// Readings of one meter, by their instants.
struct Series {
    building: String,
    instants: Vec<Timestamp>,
}

fn series(building: &str, from: &str, step_minutes: i64, count: usize) -> Series {
    let from: Timestamp = from.parse().unwrap();
    let instants = (0..count as i64).map(|reading| from + (reading * step_minutes).minutes()).collect();
    Series { building: building.to_owned(), instants }
}

fn config(zone: &str) -> Config {
    load_text(&format!("[input]\ntime_zone = \"{zone}\""), "test", []).unwrap()
}

fn line(zone: &TimeZone, building: &str, instant: Timestamp) -> String {
    let local = zone.to_datetime(instant);
    format!(r#"{{"timestamp":"{local}","building":"{building}","electricity":1,"water":2}}"#)
}

/// Decodes in batches that end at `cuts`, each by a decoder of its own, and gives building and instant of each reading.
fn read(config: &Config, lines: &[String], cuts: &[usize]) -> Vec<(String, i64)> {
    let (mut meters, mut read) = (MeterTable::default(), Vec::new());
    let mut decoder = Decoder::new(&config.input);
    for (offset, line) in lines.iter().enumerate() {
        if cuts.contains(&offset) {
            decoder = Decoder::new(&config.input);
        }
        let mut batch = Batch::new(2);
        let message = Message { offset: offset as i64, ..Message::of(line.as_bytes()) };
        decoder.decode(&message, &mut meters, &mut batch).unwrap();
        let meter = meters.meter(batch.meters[0]);
        read.push((meters.building(meter.building).to_owned(), batch.event_times_us[0]));
    }
    read
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn readings_of_interleaved_meters_keep_their_instants(
        zone in prop_oneof![Just("Europe/Berlin"), Just("America/New_York"), Just("Australia/Lord_Howe"), Just("Asia/Tokyo"), Just("UTC")],
        steps in proptest::collection::vec(prop_oneof![Just(1), Just(5), Just(15), Just(30), Just(60)], 1..4),
        early in 0i64..90,
        cuts in proptest::collection::vec(0usize..400, 0..4),
    ) {
        let (config, time_zone) = (config(zone), TimeZone::get(zone).unwrap());
        let before: Timestamp = "2025-10-24T00:00:00Z".parse().unwrap();
        let transition = time_zone.following(before).next().map_or(before, |transition| transition.timestamp());
        let mut all: Vec<(Timestamp, String)> = Vec::new();
        for (meter, step) in steps.iter().enumerate() {
            let from = transition - (3 * 60 + early).minutes();
            let series = series(&format!("B{meter}"), &from.to_string(), *step, (480 / step) as usize);
            all.extend(series.instants.iter().map(|instant| (*instant, series.building.clone())));
        }
        all.sort();
        let skipped = |(instant, _): &(Timestamp, String)| time_zone.to_timestamp(time_zone.to_datetime(*instant)).is_err();
        prop_assert!(!all.iter().any(skipped));
        let lines: Vec<String> = all.iter().map(|(instant, building)| line(&time_zone, building, *instant)).collect();
        let truth: Vec<_> = all.iter().map(|(instant, building)| (building.clone(), instant.as_microsecond())).collect();
        prop_assert_eq!(read(&config, &lines, &cuts), truth);
    }
}

#[test]
fn a_day_of_25_hours_has_all_its_quarters() {
    let (config, zone) = (config("Europe/Berlin"), TimeZone::get("Europe/Berlin").unwrap());
    let Series { instants, .. } = series("Hall", "2025-10-25T22:00:00Z", 15, 100);
    let lines: Vec<String> = instants.iter().map(|instant| line(&zone, "Hall", *instant)).collect();
    let truth: Vec<_> = instants.iter().map(|instant| ("Hall".to_owned(), instant.as_microsecond())).collect();
    assert_eq!(read(&config, &lines, &[]), truth);
    // `time` alone comes to the same.
    let mut decoder = Decoder::new(&config.input);
    let times = lines.iter().map(|line| {
        let message = Message::of(line.as_bytes());
        decoder.time(&message).unwrap().0
    });
    assert_eq!(times.collect::<Vec<_>>(), truth.iter().map(|(_, time)| *time).collect::<Vec<_>>());
}

#[test]
fn a_reading_whose_value_is_rejected_keeps_its_place_in_the_order() {
    let config = config("Europe/Berlin");
    let mut decoder = Decoder::new(&config.input);
    let (mut meters, mut batch) = (MeterTable::default(), Batch::new(2));
    let mut decode = |hour: u32, electricity: &str| {
        let text =
            format!(r#"{{"timestamp":"2025-10-26 {hour:02}:00:00","building":"A","electricity":{electricity},"water":1}}"#);
        let message = Message::of(text.as_bytes());
        decoder.decode(&message, &mut meters, &mut batch).map(|()| *batch.event_times_us.last().unwrap())
    };
    decode(0, "1").unwrap();
    decode(1, "1").unwrap();
    decode(2, "\"unavailable\"").unwrap_err();
    assert_eq!(EventTime(decode(2, "1").unwrap()).to_string(), "2025-10-26T01:00:00Z");
}
