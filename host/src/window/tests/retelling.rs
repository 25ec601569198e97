//! The rules told once more in the slowest way: at each reading, look at all that were accepted before it.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Said {
    building: u32,
    meter: u32,
    time: i64,
    record_time_ms: i64,
    value: f64,
}

impl Said {
    fn window(self) -> (u32, i64) {
        (self.building, self.time.div_euclid(SIZE) * SIZE)
    }

    fn reading(self) -> Reading {
        let meter = Fingerprint::of(&format!("{}/{}", self.building, self.meter));
        Reading {
            building: BuildingId(self.building),
            said: meter.with(self.time.cast_unsigned()).with(self.value.to_bits()),
            time: EventTime(self.time),
            record_time_ms: self.record_time_ms,
        }
    }
}

/// The latest record time, where any is known.
fn lane_time(accepted: &[Said]) -> Option<i64> {
    accepted.iter().map(|said| said.record_time_ms).filter(|&time| time >= 0).max()
}

/// Whether a window is past correcting; `times` are its building's, in order of arrival.
fn is_late(times: &[i64], end: i64) -> bool {
    let Some(&watermark) = times.iter().max() else { return false };
    let mut silence: Option<(i64, i64)> = None;
    for (index, &after) in times.iter().enumerate().skip(1) {
        let before = *times[..index].iter().max().unwrap();
        if after - before > LATENESS {
            let goes_on = silence.filter(|(_, ended)| before < ended + LATENESS);
            silence = Some((goes_on.map_or(before, |(began, _)| began), after));
        }
    }
    let is_awaited = silence.is_some_and(|(began, ended)| watermark < ended + LATENESS && end > began && end > ended - RESEND);
    end + LATENESS <= watermark && !is_awaited
}

fn retold(readings: &[Said]) -> (Rows, Vec<&'static str>) {
    let (mut rows, mut verdicts, mut accepted) = (Rows::new(), Vec::new(), Vec::<Said>::new());
    for &said in readings {
        let (building, start) = said.window();
        let same = |other: &Said| {
            (other.building, other.meter, other.time, other.value) == (building, said.meter, said.time, said.value)
        };
        let times = |accepted: &[Said]| accepted.iter().filter(|a| a.building == building).map(|a| a.time).collect::<Vec<_>>();
        if is_late(&times(&accepted), start + SIZE) {
            verdicts.push("late");
            continue;
        }
        if accepted.iter().any(same) {
            verdicts.push("repeat");
            continue;
        }
        verdicts.push("accepted");
        accepted.push(said);
        let now = lane_time(&accepted);
        for silent in 0..3 {
            let last = accepted[..accepted.len() - 1].iter().rposition(|a| a.building == silent);
            let last_time = last.and_then(|last| lane_time(&accepted[..=last]));
            if now.zip(last_time).is_some_and(|(now, last)| now - last >= IDLE_AFTER) {
                rows.iter_mut().filter(|((b, _), _)| *b == silent).for_each(|(_, row)| row.2 = true);
            }
        }
        let row = rows.entry((building, start)).or_insert((0, 0, false, 0.0));
        row.0 += 1;
        row.1 += u32::from(row.2);
        row.3 += said.value;
        let watermark = *times(&accepted).iter().max().unwrap();
        for ((b, start), row) in &mut rows {
            row.2 |= *b == building && start + SIZE <= watermark;
        }
    }
    (rows, verdicts)
}

/// What of windows was stored.
#[derive(Default)]
struct Store {
    times: BTreeMap<BuildingId, Vec<u8>>,
    windows: BTreeMap<(BuildingId, i64), Vec<u8>>,
}

impl Store {
    fn take(&mut self, windows: &mut Windows) {
        windows.take_changes(|change| match change {
            Change::Time(building, time) => {
                self.times.insert(building, postcard::to_stdvec(time).unwrap());
            }
            Change::Window(building, window) => {
                self.windows.insert((building, window.start_us), postcard::to_stdvec(window).unwrap());
            }
            Change::Forgotten(building, start) => {
                assert!(self.windows.remove(&(building, start)).is_some(), "what was not told is not told to be forgotten");
            }
        });
        assert_eq!(self.windows.len(), windows.len());
    }

    /// In an order that nobody would choose.
    fn restored(&self) -> Windows {
        let mut again = windows();
        for (&(building, _), window) in self.windows.iter().rev() {
            again.restore_window(building, postcard::from_bytes(window).unwrap());
        }
        self.times.iter().for_each(|(&building, time)| again.restore_time(building, postcard::from_bytes(time).unwrap()));
        again
    }
}

/// Rows in the order in which they are published.
type Published = Vec<((u32, i64), Row)>;

/// Every row that is published, and every verdict; something is done before the readings of these numbers.
fn run(readings: &[Said], at: &[usize], mut interrupt: impl FnMut(&mut Windows)) -> (Published, Vec<Placed>) {
    let (mut windows, mut published) = (windows(), Vec::new());
    let placed = readings.iter().enumerate().map(|(index, said)| {
        if at.contains(&index) {
            interrupt(&mut windows);
        }
        windows.place(
            said.reading(),
            |_| said.value,
            |building, window| published.push(((building.0, window.start_us), row(window))),
        )
    });
    let placed = placed.collect();
    windows.publish_open(|building, window| published.push(((building.0, window.start_us), row(window))));
    (published, placed)
}

/// Time goes on, with silences; readings come late; some are said again.
fn readings() -> impl Strategy<Value = Vec<Said>> {
    let step = prop_oneof![6 => 0i64..3, 1 => 9i64..40, 1 => 60i64..90];
    let behind = prop_oneof![5 => 0i64..3, 2 => 0i64..20, 1 => 0i64..90];
    let record_step = prop_oneof![6 => 0i64..10, 1 => 45i64..70];
    let said = (0u32..3, 0u32..2, step, behind, record_step, -8i64..3, 0u8..2);
    proptest::collection::vec(said, 0..150).prop_map(|said| {
        let (mut time, mut record) = ([-40i64; 3], 0);
        let said = said.into_iter().map(|(building, meter, step, behind, record_step, jitter, value)| {
            time[building as usize] += step;
            record += record_step;
            // About one in four has no record time.
            let record_time_ms = if jitter > 0 { -1 } else { (record + jitter).max(0) };
            let time = (time[building as usize] - behind) * 10;
            Said { building, meter, time, record_time_ms, value: f64::from(value) }
        });
        said.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn windows_are_what_the_slowest_way_says(readings in readings()) {
        let (published, placed) = run(&readings, &[], |_| ());
        let words = placed.into_iter().map(|placed| match placed {
            Placed::Accepted => "accepted",
            Placed::TooLate { .. } => "late",
            Placed::Repeat => "repeat",
        });
        let (rows, verdicts) = retold(&readings);
        prop_assert_eq!(words.collect::<Vec<_>>(), verdicts);
        prop_assert_eq!(published.into_iter().collect::<Rows>(), rows);
    }

    #[test]
    fn a_lane_that_was_stored_and_loaded_goes_on_as_if_nothing_had_been(
        readings in readings(), cuts in proptest::collection::vec(0usize..150, 1..4), stored_only in 0usize..4,
    ) {
        let (mut store, mut taken) = (Store::default(), 0);
        let interrupted = run(&readings, &cuts, |windows| {
            store.take(windows);
            let again = store.restored();
            assert_eq!(&again, windows);
            if taken != stored_only {
                *windows = again;
            }
            taken += 1;
        });
        prop_assert_eq!(interrupted, run(&readings, &[], |_| ()));
    }

    #[test]
    fn where_batches_are_cut_makes_no_difference_to_what_is_final(
        readings in readings(), cuts in proptest::collection::vec(0usize..150, 0..20),
    ) {
        let is_final = |published: Published| {
            published.into_iter().filter(|(_, row)| row.2).collect::<Vec<_>>()
        };
        let (published, placed) = run(&readings, &cuts, |windows| windows.publish_open(|_, _| ()));
        let (undisturbed, placed_undisturbed) = run(&readings, &[], |_| ());
        prop_assert_eq!(placed, placed_undisturbed);
        prop_assert_eq!(is_final(published), is_final(undisturbed));
    }
}
