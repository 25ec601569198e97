use std::collections::BTreeMap;

use super::*;
use crate::domain::EventTime;
use crate::results::{Outbox, ResultTopic};
use crate::window::Reading;

/// A compacted topic, as a reader finds it.
#[derive(Default)]
struct Topic(BTreeMap<Vec<u8>, Vec<u8>>);

impl Topic {
    fn take(&mut self, outbox: &mut Outbox) {
        for record in outbox.records() {
            assert_eq!(record.topic, ResultTopic::State);
            let key = record.key.unwrap().to_vec();
            match record.value {
                Some(value) => drop(self.0.insert(key, value.to_vec())),
                None => drop(self.0.remove(&key)),
            }
        }
        outbox.clear();
    }

    fn restore(&self, config: &Config) -> Result<Restored, StateError> {
        let mut stored = StoredLane::new(config);
        self.0.iter().for_each(|(key, value)| stored.take(key.clone(), Some(value.clone())));
        stored.restore(config)
    }
}

fn read(state: &mut LaneState, meter: &str, second: i64) {
    let (building, floor) = meter.split_once('/').unwrap();
    let meter = state.meters.intern(meter, building, Some(floor));
    let reading = Reading {
        building: state.meters.meter(meter).building,
        said: state.meters.fingerprint(meter).with(second.cast_unsigned()),
        time: EventTime(second * 1_000_000),
        record_time_ms: second * 1_000,
    };
    state.windows.place(reading, |_| 1.5, |_, _| {});
}

#[test]
fn a_lane_comes_back_as_it_was_at_the_last_cut() {
    let config = Config::default();
    let (mut state, mut outbox, mut topic) = (LaneState::new(&config), Outbox::default(), Topic::default());
    let mut writer = StateWriter::new(&config, Vec::new());
    for second in 0..5_000 {
        read(&mut state, ["A/1", "A/2", "B/1"][second % 3], second as i64 * 7);
        if second % 100 == 99 {
            writer.write(&mut state, std::iter::empty(), second as i64 + 1, &mut outbox);
            topic.take(&mut outbox);
        }
    }
    let mut restored = topic.restore(&config).unwrap();
    assert_eq!((restored.state.next_offset, restored.reshaped), (Some(5_000), false));
    // Neither has anything more to write, and both would write the same to an empty topic.
    for (writer, state) in [(&mut writer, &mut state), (&mut restored.writer, &mut restored.state)] {
        writer.write(state, std::iter::empty(), 5_000, &mut outbox);
        assert_eq!(outbox.records().count(), 1, "only the lane's own record");
        outbox.clear();
    }
    for second in 5_000..5_003 {
        for state in [&mut state, &mut restored.state] {
            read(state, "A/1", second * 7);
        }
    }
    let windows = topic.0.keys().filter(|key| key.windows(8).any(|part| part == b"/window/")).count();
    assert!((200..260).contains(&windows), "an hour of 30 s windows for two buildings: {windows}");
}

#[test]
fn the_order_of_readings_around_an_hour_that_comes_twice_comes_back_and_goes() {
    let config = Config::default();
    let (mut state, mut outbox, mut topic) = (LaneState::new(&config), Outbox::default(), Topic::default());
    let mut writer = StateWriter::new(&config, Vec::new());
    let mut write = |state: &mut LaneState, topic: &mut Topic, next_offset| {
        writer.write(state, std::iter::empty(), next_offset, &mut outbox);
        topic.take(&mut outbox);
    };
    let passes = |topic: &Topic| topic.0.keys().filter(|key| key.windows(6).any(|part| part == b"/pass/")).count();
    let meter = state.meters.intern("A/1", "A", Some("1"));
    for (minute, near) in [(0, true), (15, true), (3_000, false)] {
        state.meters.passes.follow(meter, EventTime(minute * 60_000_000), near);
        write(&mut state, &mut topic, minute);
        let restored = topic.restore(&config).unwrap().state;
        assert_eq!((restored.meters.passes, passes(&topic)), (state.meters.passes.clone(), usize::from(near)));
    }
}

#[test]
fn what_cannot_be_used_is_named() {
    let config = Config::default();
    let (mut state, mut outbox, mut topic) = (LaneState::new(&config), Outbox::default(), Topic::default());
    read(&mut state, "A/1", 5);
    StateWriter::new(&config, Vec::new()).write(&mut state, std::iter::empty(), 1, &mut outbox);
    topic.take(&mut outbox);
    let name = |key: &[u8]| String::from_utf8(key.to_vec()).unwrap();
    for key in topic.0.keys().cloned().collect::<Vec<_>>() {
        let whole = topic.0[&key].clone();
        let damage = |topic: &mut Topic, value: Vec<u8>| {
            topic.0.insert(key.clone(), value);
            topic.restore(&config).unwrap_err()
        };
        assert_eq!(damage(&mut topic, whole[..whole.len() - 1].to_vec()), StateError::Damaged(name(&key)));
        let mut another = whole.clone();
        another[0] = 9;
        assert_eq!(damage(&mut topic, another), StateError::UnknownVersion { key: name(&key), found: 9 });
        topic.0.insert(key, whole);
    }
    let key = topic.0.keys().find(|key| key.ends_with(b"meter/A/A/1")).unwrap().clone();
    let meter = topic.0.remove(&key).unwrap();
    assert!(topic.restore(&config).is_err());
    topic.0.insert(key, meter);
    let window = topic.0.keys().find(|key| name(key).contains("/window/")).unwrap().clone();
    topic.0.remove(&window);
    assert_eq!(topic.restore(&config).unwrap_err(), StateError::Lacking { found: 2, written: 3 });
    topic.0.remove(b"wattdog/university_consumption/lane".as_slice());
    assert_eq!(topic.restore(&config).unwrap_err(), StateError::Gone);
}

#[test]
fn groups_share_a_topic() {
    let (mine, mut other) = (Config::default(), Config::default());
    other.kafka.group = "another".into();
    let (mut outbox, mut topic) = (Outbox::default(), Topic::default());
    for (config, second) in [(&mine, 5), (&other, 500)] {
        let mut state = LaneState::new(config);
        read(&mut state, "A/1", second);
        StateWriter::new(config, Vec::new()).write(&mut state, std::iter::empty(), second, &mut outbox);
        topic.take(&mut outbox);
    }
    for (config, second) in [(&mine, 5), (&other, 500)] {
        let restored = topic.restore(config).unwrap();
        assert_eq!(restored.state.windows.watermark(), Some(EventTime(second * 1_000_000)));
    }
}

#[test]
fn windows_of_another_shape_do_not_go_on() {
    let mut config = Config::default();
    let (mut state, mut outbox, mut topic) = (LaneState::new(&config), Outbox::default(), Topic::default());
    read(&mut state, "A/1", 5);
    StateWriter::new(&config, Vec::new()).write(&mut state, std::iter::empty(), 1, &mut outbox);
    topic.take(&mut outbox);
    assert!(!topic.restore(&config).unwrap().reshaped);
    config.window.time_zone = "Europe/Berlin".into();
    let mut restored = topic.restore(&config).unwrap();
    assert!(restored.reshaped && restored.state.windows.is_empty() && restored.state.meters.count() == 1);
    restored.writer.write(&mut restored.state, std::iter::empty(), 1, &mut outbox);
    topic.take(&mut outbox);
    assert!(!topic.restore(&config).unwrap().reshaped, "windows of before are gone for good");
}
