//! Shares of a gap's growth: the total is exact, averages are those of readings, and batches make no difference.

use proptest::prelude::*;

use super::*;

/// A reading of one of two meters: its time, and the growth that it shows.
type Step = (usize, i64, f64);

/// Takes steps, publishing shares after each of them or at the end alone; gives the rows and what the readings' own windows had.
fn rows(steps: &[Step], each: bool) -> (Rows, f64) {
    let (mut windows, mut rows, mut taken) = (windows(), Rows::new(), 0.0);
    let mut before: [Option<i64>; 2] = [None; 2];
    for (number, &(meter, time, growth)) in steps.iter().enumerate() {
        let said = Fingerprint(number as u64 + 1).with(time.cast_unsigned());
        let reading = Reading { building: BuildingId(0), said, time: EventTime(time), record_time_ms: -1 };
        let plan = before[meter].filter(|since| *since <= time).and_then(|since| windows.plan(&reading, since));
        let own = plan.map_or(growth, |plan| plan.own(growth));
        if windows.place(reading, |_| own, into(&mut rows)) != Placed::Accepted {
            continue;
        }
        if let Some(plan) = plan {
            windows.spread(reading.building, 0, &plan, growth);
        }
        before[meter] = before[meter].max(Some(time));
        taken += growth;
        if each {
            windows.publish_corrected(into(&mut rows));
        }
    }
    windows.publish_corrected(into(&mut rows));
    windows.publish_open(into(&mut rows));
    (rows, taken)
}

proptest! {
    #[test]
    fn all_growth_is_in_rows_wherever_batches_are_cut(
        steps in proptest::collection::vec((0usize..2, prop_oneof![0i64..40, 0i64..900, -200i64..0], 0.0..9.0), 1..60),
    ) {
        let mut now = 0;
        let steps: Vec<Step> = steps.into_iter().map(|(meter, step, growth)| {
            now += step;
            (meter, now, growth)
        }).collect();
        let (at_once, taken) = rows(&steps, false);
        let (one_by_one, _) = rows(&steps, true);
        prop_assert_eq!(at_once.len(), one_by_one.len());
        for (key, row) in &at_once {
            prop_assert_eq!(row, &one_by_one[key], "{:?}", key);
        }
        let sum: f64 = at_once.values().map(|(_, _, _, sum)| if sum.is_nan() { 0.0 } else { *sum }).sum();
        prop_assert!((sum - taken).abs() < 1e-9, "{} of {}", sum, taken);
    }
}

#[test]
fn a_share_is_no_reading() {
    let mut lane = Lane::new();
    lane.place_value(0, 5, -1, 4.0);
    let reading = Reading { building: BuildingId(0), said: Fingerprint::of("A"), time: EventTime(95), record_time_ms: -1 };
    assert_eq!(lane.windows.plan(&reading, 25), lane.windows.plan(&reading, 5), "whenever in its window the reading before was");
    assert_eq!(lane.windows.plan(&reading, 30), lane.windows.plan(&reading, 59));
    assert_eq!(lane.windows.plan(&reading, 60), None, "the window before");
    let plan = lane.windows.plan(&reading, 5).unwrap();
    let own = plan.own(9.0);
    lane.windows.place(reading, |_| own, into(&mut lane.rows));
    lane.windows.spread(BuildingId(0), 0, &plan, 9.0);
    let mut published = Vec::new();
    lane.windows.publish_corrected(|_, window| {
        let of = &window.measures[0];
        published.push((window.start_us, window.count, window.is_final, of.sum(), of.mean().is_nan(), of.max().is_nan()));
    });
    assert_eq!(published, [(30, 0, true, 3.0, true, true), (60, 0, true, 3.0, true, true)]);
    assert_eq!(own, 3.0);
    lane.place_value(0, 40, -1, 8.0);
    assert_eq!(lane.rows[&(0, 30)], (1, 1, true, 11.0), "a late reading corrects it");
    lane.windows.publish_corrected(|_, _| panic!("published already"));
}

#[test]
fn a_window_that_is_forgotten_with_its_share_is_published() {
    let mut lane = Lane::new();
    lane.place_value(0, 5, -1, 4.0);
    let reading = Reading { building: BuildingId(0), said: Fingerprint::of("A"), time: EventTime(65), record_time_ms: -1 };
    let plan = lane.windows.plan(&reading, 5).unwrap();
    lane.windows.place(reading, |_| 0.0, into(&mut lane.rows));
    lane.windows.spread(BuildingId(0), 0, &plan, 2.0);
    for step in 2..9 {
        lane.place(0, 65 + step * LATENESS / 2);
    }
    assert_eq!(lane.rows[&(0, 30)], (0, 0, true, 1.0));
    lane.windows.publish_corrected(|_, _| panic!("published already"));
}
