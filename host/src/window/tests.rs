use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const SIZE: i64 = 30;
const LATENESS: i64 = 90;

type Rows = BTreeMap<(u32, i64), (u64, u32, bool, f64)>;

fn publish_into(rows: &mut Rows) -> impl FnMut(BuildingId, &Window) + '_ {
    |building, w| {
        rows.insert((building.0, w.start_us), (w.count, w.revision, w.is_final, w.measures[0].sum()));
    }
}

/// The same rules, told once more in the slowest way: for each window, look at all readings before and after.
fn brute_force(readings: &[(u32, i64, f64)]) -> (Rows, usize) {
    let (mut rows, mut late) = (Rows::new(), 0);
    let mut accepted: Vec<(u32, i64, f64)> = Vec::new();
    for &(building, time, value) in readings {
        let start = time.div_euclid(SIZE) * SIZE;
        let watermark = accepted.iter().filter(|r| r.0 == building).map(|r| r.1).max();
        if watermark.is_some_and(|w| start + SIZE + LATENESS <= w) {
            late += 1;
            continue;
        }
        let was_final = rows.get(&(building, start)).is_some_and(|r| r.2);
        accepted.push((building, time, value));
        let watermark = watermark.map_or(time, |w| w.max(time));
        let row = rows.entry((building, start)).or_insert((0, 0, false, 0.0));
        row.0 += 1;
        row.3 += value;
        row.1 += u32::from(was_final);
        for ((b, start), row) in &mut rows {
            row.2 |= *b == building && start + SIZE <= watermark;
        }
    }
    (rows, late)
}

/// Another value, from what this one gives as changed.
fn restored(windows: &mut Windows) -> Windows {
    let mut again = Windows::new(SIZE, LATENESS, 1);
    windows.take_changes(|change| match change {
        Change::Time(building, time) => again.restore_time(building, *time),
        Change::Window(building, window) => again.restore_window(building, window.clone()),
        Change::Forgotten(..) => {}
    });
    again
}

proptest! {
    #[test]
    fn windows_are_what_brute_force_says(
        readings in proptest::collection::vec((0u32..3, -400i64..400, -10i32..10), 0..120),
    ) {
        let readings: Vec<(u32, i64, f64)> = readings.into_iter().map(|(b, t, v)| (b, t, f64::from(v))).collect();
        let mut windows = Windows::new(SIZE, LATENESS, 1);
        let (mut rows, mut late) = (Rows::new(), 0);
        for &(building, time, value) in &readings {
            let placed = windows.place(BuildingId(building), EventTime(time), |_| value, publish_into(&mut rows));
            late += usize::from(placed != Placed::Accepted);
        }
        windows.publish_open(publish_into(&mut rows));
        prop_assert_eq!((rows, late), brute_force(&readings));
    }

    #[test]
    fn a_lane_that_was_saved_and_loaded_goes_on_as_if_nothing_had_been(
        readings in proptest::collection::vec((0u32..3, -400i64..400), 1..80), cut in 0usize..80,
    ) {
        let run = |save: bool| {
            let mut windows = Windows::new(SIZE, LATENESS, 1);
            let mut rows = Rows::new();
            for (index, &(building, time)) in readings.iter().enumerate() {
                if save && index == cut {
                    windows = restored(&mut windows);
                }
                windows.place(BuildingId(building), EventTime(time), |_| 0.5, publish_into(&mut rows));
            }
            rows
        };
        prop_assert_eq!(run(true), run(false));
    }
}

#[test]
fn a_silent_building_holds_nothing_open_and_a_returning_one_is_not_late() {
    let mut windows = Windows::new(SIZE, LATENESS, 1);
    let mut rows = Rows::new();
    windows.place(BuildingId(0), EventTime(0), |_| 1.0, publish_into(&mut rows));
    windows.place(BuildingId(1), EventTime(100_000), |_| 1.0, publish_into(&mut rows));
    assert!(rows.is_empty(), "another building's time closes nothing");
    let placed = windows.place(BuildingId(0), EventTime(31), |_| 1.0, publish_into(&mut rows));
    assert_eq!(placed, Placed::Accepted, "two hours behind another building is not late");
    assert!(rows[&(0, 0)].2);
}

#[test]
fn an_open_window_is_published_once_for_each_change() {
    let mut windows = Windows::new(SIZE, LATENESS, 1);
    windows.place(BuildingId(0), EventTime(5), |_| 1.0, |_, _| panic!("nothing is final"));
    let mut published = 0;
    windows.publish_open(|_, w| published += usize::from(!w.is_final));
    windows.publish_open(|_, _| panic!("nothing changed"));
    assert_eq!(published, 1);
}
