//! What is counted never runs ahead of the true consumption, and lacks only what an exchange or a reset hides.

use proptest::prelude::*;

use super::register::{Growth, Level, Register, Rule};

const QUARTER_US: i64 = 900_000_000;
/// Readings without an event between two that have one: a register is not exchanged twice within the hour.
const CALM: usize = 4;

/// A register that is so little below or above a level that was left may be the old one again: nobody could tell.
const LIKE_THE_OLD_ONE: [f64; 2] = [200.0, 1_000.0];

/// What becomes of a register or of a reading.
#[derive(Clone, Copy, Debug)]
enum Event {
    Zero,
    AlmostZero(f64),
    Tremble(f64),
    Wild(f64),
    Absent,
    Reset(f64),
    Higher(f64),
    Lower(f64),
    /// So many readings are not sent.
    Gap(usize),
    /// The reading before comes again.
    Again,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Zero),
        (0.0..0.02).prop_map(Event::AlmostZero),
        (0.0..0.05).prop_map(Event::Tremble),
        (1e5..1e7).prop_map(Event::Wild),
        Just(Event::Absent),
        (0.0..1.0).prop_map(Event::Reset),
        (1e4..1e6).prop_map(Event::Higher),
        (0.05..0.7).prop_map(Event::Lower),
        (1usize..60).prop_map(Event::Gap),
        Just(Event::Again),
    ]
}

/// A day or so of a meter: growth in each quarter of an hour, and what happens after some calm readings.
#[derive(Clone, Debug)]
struct Life {
    start: f64,
    quarters: Vec<f64>,
    events: Vec<Event>,
}

fn life() -> impl Strategy<Value = Life> {
    let quarters = proptest::collection::vec(0.05..0.5, 260);
    (1_000.0..90_000.0, quarters, proptest::collection::vec(event(), 0..8)).prop_map(|(start, quarters, events)| Life {
        start,
        quarters,
        events,
    })
}

/// A reading, and the true consumption until then.
struct Sent {
    now: Level,
    consumed: f64,
}

impl Life {
    /// The readings that are sent, and how much of the consumption no register shows.
    fn readings(&self) -> (Vec<Sent>, f64) {
        let (mut register, mut consumed, mut hidden) = (self.start, 0.0, 0.0);
        let (mut readings, mut events) = (Vec::<Sent>::new(), self.events.iter());
        let mut left = Vec::<f64>::new();
        let mut gap = 0;
        let mut calm = 0;
        for (quarter, growth) in self.quarters.iter().enumerate() {
            register += growth;
            consumed += growth;
            calm += 1;
            let time_us = quarter as i64 * QUARTER_US;
            if gap > 0 {
                gap -= 1;
                calm = 0;
                continue;
            }
            let is_last = quarter + 2 * CALM > self.quarters.len();
            let event = if calm > CALM && !is_last { events.next() } else { None };
            calm = if event.is_some() { 0 } else { calm };
            let mut shown = register;
            let [below, above] = LIKE_THE_OLD_ONE;
            let returns = |value: f64| left.iter().any(|level| (level - below..level + above).contains(&value));
            let before = register;
            match event {
                Some(Event::Zero) => shown = 0.0,
                Some(Event::AlmostZero(value)) => shown = *value,
                Some(Event::Tremble(by)) => shown = register - growth - by,
                Some(Event::Wild(by)) if !returns(register + by) => shown += by,
                Some(Event::Absent) => shown = f64::NAN,
                // Soon after a reset another one looks like a 0 that goes away.
                Some(Event::Reset(part)) if register > 50.0 && !returns(growth * part) => {
                    register = growth * part;
                    shown = register;
                    hidden += growth;
                }
                Some(Event::Higher(by)) if !returns(register + by) => {
                    register += by;
                    shown = register;
                    hidden += growth;
                }
                // A new meter that stands at what the old one could have grown by looks like a reset, and is one.
                Some(Event::Lower(part)) if register * part > 50.0 && !returns(register * part) => {
                    register *= part;
                    shown = register;
                    hidden += growth;
                }
                Some(Event::Gap(readings)) => gap = *readings,
                Some(Event::Again) => {
                    if let Some(before) = readings.last() {
                        readings.push(Sent { now: before.now, consumed });
                    }
                }
                Some(Event::Reset(_) | Event::Lower(_) | Event::Higher(_) | Event::Wild(_)) | None => {}
            }
            if register != before {
                left.push(before);
            }
            readings.push(Sent { now: Level { time_us, value: shown }, consumed });
        }
        let first = readings[0].consumed;
        readings.iter_mut().for_each(|reading| reading.consumed -= first);
        (readings, hidden)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn what_is_counted_is_the_true_consumption_but_for_what_no_register_shows(life in life(), restored_at in 0usize..260) {
        let (readings, hidden) = life.readings();
        let (mut register, mut counted) = (Register::default(), 0.0);
        for (index, Sent { now, consumed }) in readings.iter().enumerate() {
            if index == restored_at {
                register = postcard::from_bytes(&postcard::to_stdvec(&register).unwrap()).unwrap();
            }
            let (growth, next) = register.read(&Rule::default(), *now);
            register = next;
            if let Growth::Since(_, growth) = growth {
                prop_assert!(growth >= 0.0);
                counted += growth;
            }
            // Almost nothing may be counted as that of a reset; the next growth counts from there.
            prop_assert!(counted <= consumed + 0.02 + 1e-6, "{counted} of {consumed} at {now:?} of {life:?}");
        }
        let consumed = readings.last().unwrap().consumed;
        prop_assert!(counted >= consumed - hidden - 1e-6, "{counted} of {consumed}, {hidden} hidden");
    }
}
