//! Each rule by name; together they are told once more in `retelling`.

mod retelling;
mod spreading;

use std::collections::BTreeMap;

use super::*;
use crate::config::load_text;

const SIZE: i64 = 30;
const LATENESS: i64 = 90;
const RESEND: i64 = 600;
const IDLE_AFTER: i64 = 50;

/// Of microseconds and milliseconds, small enough to write down.
fn windows() -> Windows {
    let text = format!(
        "[window]\nsize = \"{SIZE}us\"\nallowed_lateness = \"{LATENESS}us\"\nresend = \"{RESEND}us\"\nidle_after = \"{IDLE_AFTER}ms\"\n\
         [input.measures.electricity]\nfield = \"electricity\""
    );
    Windows::new(Rules::new(&load_text(&text, "test", []).unwrap()).unwrap())
}

/// Count, revision, final, sum.
type Row = (u64, u32, bool, f64);
/// By building and window start.
type Rows = BTreeMap<(u32, i64), Row>;

fn row(window: &Window) -> Row {
    (window.count, window.revision, window.is_final, window.measures[0].sum())
}

fn into(rows: &mut Rows) -> impl FnMut(BuildingId, &Window) + '_ {
    |building, window| {
        rows.insert((building.0, window.start_us), row(window));
    }
}

/// Windows, and the rows that they have published.
struct Lane {
    windows: Windows,
    rows: Rows,
    /// The last value that was said.
    value: f64,
}

impl Lane {
    fn new() -> Self {
        Self { windows: windows(), rows: Rows::new(), value: 100.0 }
    }

    /// A reading without a record time, whose value no other has.
    fn place(&mut self, building: u32, time: i64) -> &'static str {
        self.value += 1.0;
        self.place_value(building, time, -1, self.value)
    }

    fn place_value(&mut self, building: u32, time: i64, record_time_ms: i64, value: f64) -> &'static str {
        let meter = Fingerprint::of(["A", "B", "C", "D"][building as usize]);
        let said = meter.with(time.cast_unsigned()).with(value.to_bits());
        let reading = Reading { building: BuildingId(building), said, time: EventTime(time), record_time_ms };
        match self.windows.place(reading, |_| value, into(&mut self.rows)) {
            Placed::Accepted => "accepted",
            Placed::TooLate { .. } => "late",
            Placed::Repeat => "repeat",
        }
    }

    /// (count, revision, final) of a published row.
    fn row(&self, building: u32, start: i64) -> (u64, u32, bool) {
        let (count, revision, is_final, _) = self.rows[&(building, start)];
        (count, revision, is_final)
    }
}

#[test]
fn a_reading_does_not_make_itself_late() {
    let mut lane = Lane::new();
    lane.place(0, 0);
    assert_eq!(lane.place(0, 5_000), "accepted", "the watermark moves after it was judged");
    assert_eq!(lane.place(0, 5_000 - LATENESS), "accepted");
}

#[test]
fn lateness_is_honoured_when_a_window_closes() {
    let mut lane = Lane::new();
    for time in [5, 60, SIZE + LATENESS - 1] {
        lane.place(0, time);
    }
    assert_eq!(lane.row(0, 0), (1, 0, true));
    assert_eq!(lane.place(0, 6), "accepted");
    assert_eq!(lane.row(0, 0), (2, 1, true));
    lane.place(0, SIZE + LATENESS);
    assert_eq!(lane.place(0, 7), "late");
    assert_eq!(lane.row(0, 0), (2, 1, true));
}

#[test]
fn what_was_late_stays_late_after_a_restart_and_what_was_in_time_in_time() {
    let mut lane = Lane::new();
    for time in [0, 60, 125] {
        lane.place(0, time);
    }
    let mut again = windows();
    lane.windows.take_changes(|change| match change {
        Change::Time(building, time) => again.restore_time(building, *time),
        Change::Window(building, window) => again.restore_window(building, window.clone()),
        Change::Forgotten(..) => panic!("nothing was told before"),
    });
    lane.windows = again;
    assert_eq!(lane.place(0, 1), "late");
    assert_eq!(lane.place(0, 61), "accepted");
    assert_eq!(lane.row(0, 60), (2, 1, true));
}

#[test]
fn windows_before_the_epoch_are_windows() {
    let mut lane = Lane::new();
    lane.place(0, -31);
    lane.place(0, -1);
    assert_eq!(lane.row(0, -60), (1, 0, true));
    lane.place(0, 0);
    assert_eq!(lane.row(0, -30), (1, 0, true));
}

#[test]
fn another_buildings_time_makes_nothing_final_and_nothing_late() {
    let mut lane = Lane::new();
    lane.place(0, 0);
    lane.place(1, 100_000);
    assert!(lane.rows.is_empty());
    assert_eq!(lane.place(0, 31), "accepted");
    assert_eq!(lane.row(0, 0), (1, 0, true));
}

#[test]
fn a_gateway_that_was_silent_sends_again_newest_first() {
    let mut lane = Lane::new();
    lane.place(0, 0);
    assert_eq!(lane.place(0, 500), "accepted");
    for time in (1..33).rev().map(|step| step * 15) {
        assert_eq!(lane.place(0, time), "accepted", "{time}");
    }
    assert_eq!(lane.row(0, 240), (2, 1, true), "final with its first reading, corrected by the second");
    assert_eq!(lane.row(0, 0), (2, 1, true), "the window in which the silence began");
    let held = lane.windows.len();
    lane.place(0, 500 + LATENESS - 1);
    assert_eq!((lane.place(0, 7), lane.windows.len()), ("accepted", held + 1));
    lane.place(0, 500 + LATENESS);
    assert_eq!(lane.place(0, 8), "late");
    assert!(lane.windows.len() < 6, "windows of the span are forgotten when it is over");
}

#[test]
fn what_was_before_the_silence_stays_late() {
    let mut lane = Lane::new();
    for time in [0, 80, 160] {
        lane.place(0, time);
    }
    assert_eq!(lane.place(0, 29), "late");
    lane.place(0, 700);
    assert_eq!((lane.place(0, 149), lane.place(0, 150)), ("late", "accepted"), "its window has the last reading before");
}

#[test]
fn no_more_is_taken_than_resend_allows() {
    let mut lane = Lane::new();
    lane.place(0, 0);
    lane.place(0, 30_000);
    assert_eq!(lane.place(0, 30_000 - RESEND - 1), "late");
    assert_eq!(lane.place(0, 30_000 - RESEND), "accepted");
}

#[test]
fn a_silence_before_the_last_one_is_over_goes_on_with_it() {
    let mut lane = Lane::new();
    for time in [0, 200, 450] {
        lane.place(0, time);
    }
    assert_eq!(lane.place(0, 100), "accepted", "of the first silence");
    assert_eq!(lane.place(0, 300), "accepted", "of the second");
    lane.place(0, 510);
    lane.place(0, 540);
    assert_eq!(lane.place(0, 101), "late", "both are over");
    lane.place(0, 700);
    assert_eq!((lane.place(0, 400), lane.place(0, 600)), ("late", "accepted"), "a third one begins anew");
}

#[test]
fn a_first_reading_ends_no_silence() {
    let mut lane = Lane::new();
    lane.place(0, 10_000);
    assert_eq!((lane.place(0, 10_000 - LATENESS), lane.place(0, 9_700)), ("accepted", "late"));
}

#[test]
fn a_silent_building_holds_nothing_open() {
    let mut lane = Lane::new();
    lane.place_value(0, 5, 1_000, 1.0);
    lane.place_value(1, 5, 1_000 + IDLE_AFTER - 1, 1.0);
    assert!(lane.rows.is_empty());
    lane.place_value(1, 6, 1_000 + IDLE_AFTER, 1.0);
    assert_eq!(lane.rows.keys().collect::<Vec<_>>(), [&(0, 0)]);
    assert_eq!(lane.row(0, 0), (1, 0, true));
    assert_eq!(lane.place_value(0, 7, 1_200, 1.0), "accepted", "its watermark is where it was");
    assert_eq!(lane.row(0, 0), (2, 1, true));
    lane.place_value(0, 31, 1_201, 1.0);
    assert!(!lane.rows.contains_key(&(0, 30)), "the next window is open as always");
}

#[test]
fn a_building_that_speaks_or_a_record_without_a_time_makes_nothing_final() {
    let mut lane = Lane::new();
    for step in 0..10 {
        lane.place_value(0, step, 1_000 + step * (IDLE_AFTER - 1), 1.0);
        lane.place_value(1, step, -1, 1.0);
    }
    assert!(lane.rows.is_empty());
    // A little back is not a long silence.
    lane.place_value(0, 20, 1_300, 1.0);
    lane.place_value(0, 21, 1_441 + IDLE_AFTER - 1, 1.0);
    assert!(lane.rows.is_empty());
}

#[test]
fn a_repeat_is_nothing_at_all() {
    let mut lane = Lane::new();
    assert_eq!(lane.place_value(0, 5, 1_000, 1.0), "accepted");
    assert_eq!(lane.place_value(1, 5, 1_000, 1.0), "accepted", "of another meter");
    assert_eq!(lane.place_value(0, 5, 1_000, 2.0), "accepted", "other values are another reading");
    assert_eq!(lane.place_value(0, 6, 1_000, 1.0), "accepted", "as is another time");
    let before = lane.windows.clone();
    assert_eq!(lane.place_value(0, 5, 9_000, 1.0), "repeat", "its record time is nobody's");
    assert_eq!(lane.windows, before);
    assert!(lane.rows.is_empty());
    lane.place(0, 40);
    assert_eq!(lane.place_value(0, 5, 1_000, 2.0), "repeat", "in a final window too");
    assert_eq!(lane.row(0, 0), (3, 0, true));
    for time in [100, 160] {
        lane.place(0, time);
    }
    assert_eq!(lane.place_value(0, 5, 1_000, 1.0), "late", "lateness comes first");
}

#[test]
fn repeats_can_be_kept() {
    let text = "[input]\nrepeats = \"keep\"\n[input.measures.electricity]\nfield = \"electricity\"";
    let mut windows = Windows::new(Rules::new(&load_text(text, "test", []).unwrap()).unwrap());
    let reading = Reading { building: BuildingId(0), said: Fingerprint::of("A"), time: EventTime(5), record_time_ms: -1 };
    assert_eq!([(); 2].map(|()| windows.place(reading, |_| 1.0, |_, _| ())), [Placed::Accepted; 2]);
    windows.take_changes(|change| {
        if let Change::Window(_, window) = change {
            assert_eq!((window.count, &window.seen), (2, &Seen::default()));
        }
    });
}

#[test]
fn an_open_window_is_published_once_for_each_change() {
    let mut lane = Lane::new();
    lane.place(0, 5);
    let mut published = 0;
    lane.windows.publish_open(|_, window| published += usize::from(!window.is_final));
    lane.windows.publish_open(|_, _| panic!("nothing changed"));
    assert_eq!(published, 1);
}

#[test]
fn a_window_that_came_and_went_is_not_told() {
    let mut lane = Lane::new();
    for time in [0, 60, 120, 180] {
        lane.place(0, time);
    }
    let mut told = Vec::new();
    lane.windows.take_changes(|change| match change {
        Change::Time(..) => {}
        Change::Window(_, window) => told.push(window.start_us),
        Change::Forgotten(..) => panic!("it was never told"),
    });
    assert_eq!(told, [90, 120, 180].map(|time| time / SIZE * SIZE)[1..]);
    lane.windows.take_changes(|_| panic!("nothing changed"));
}
