use super::*;
use crate::config::load_text;

fn config() -> Config {
    let text = "[input.measures.gas]\nfield = \"gas\"\nkind = \"counter\"\nrollover = 1000.0\n\
                [input.measures.heat]\nfield = \"heat\"";
    load_text(text, "test", []).unwrap()
}

fn batch(rows: &[(u32, i64, f64)]) -> Batch {
    let mut batch = Batch::new(2);
    for &(meter, time_us, gas) in rows {
        batch.offsets.push(0);
        batch.record_times_ms.push(-1);
        batch.meters.push(MeterId(meter));
        batch.event_times_us.push(time_us);
        batch.measures[0].push(gas);
        batch.measures[1].push(7.0);
    }
    batch
}

/// What the first measure has grown by; -1: missing.
fn grown(counters: &mut Counters, rows: &[(u32, i64, f64)]) -> Vec<f64> {
    let mut batch = batch(rows);
    counters.convert(&mut batch);
    assert_eq!(batch.measures[1], vec![7.0; rows.len()], "an interval value stays as it is");
    batch.measures[0].iter().map(|grown| if grown.is_nan() { -1.0 } else { *grown }).collect()
}

#[test]
fn each_meter_grows_by_itself_and_over_batches() {
    let mut counters = Counters::new(&config());
    assert_eq!(grown(&mut counters, &[(0, 1, 10.0), (1, 1, 500.0), (0, 2, 12.5)]), [-1.0, -1.0, 2.5]);
    assert_eq!(grown(&mut counters, &[(1, 2, 501.0), (0, 2, 12.5), (0, 3, 13.0)]), [1.0, 0.0, 0.5]);
}

#[test]
fn a_counter_that_falls_to_almost_nothing_has_rolled_over_where_that_is_plausible() {
    let minute = |minute: i64| minute * 60_000_000;
    let mut counters = Counters::new(&config());
    assert_eq!(grown(&mut counters, &[(0, minute(1), 990.0), (0, minute(2), 15.0)]), [-1.0, 25.0], "rolled over at 1000");
    let reset = [(0, minute(3), 400.0), (0, minute(4), 3.0), (0, minute(5), 4.0)];
    assert_eq!(grown(&mut counters, &reset), [385.0, 3.0, 1.0], "reset: 603 would be too much to believe");
}

#[test]
fn what_was_taken_earlier_is_within_what_is_counted_and_a_missing_value_changes_nothing() {
    let mut counters = Counters::new(&config());
    assert_eq!(grown(&mut counters, &[(0, 10, 100.0), (0, 20, 110.0), (0, 15, 105.0), (0, 30, 111.0)]), [-1.0, 10.0, -1.0, 1.0]);
    assert_eq!(grown(&mut counters, &[(0, 40, f64::NAN), (0, 50, 113.0)]), [-1.0, 2.0]);
}

#[test]
fn a_reading_that_is_not_booked_moves_nothing() {
    let mut counters = Counters::new(&config());
    grown(&mut counters, &[(0, 1, 400.0)]);
    let mut late = batch(&[(0, 2, 500.0)]);
    counters.weigh(&mut late, 0);
    counters.take_changes(|_, _| {});
    assert_eq!(grown(&mut counters, &[(0, 3, 510.0)]), [110.0], "with the growth of the reading that was rejected");
}

#[test]
fn what_is_restored_goes_on_where_it_was() {
    let mut counters = Counters::new(&config());
    grown(&mut counters, &[(0, 1, 10.0), (2, 1, 30.0)]);
    let mut restored = Counters::new(&config());
    counters.take_changes(|meter, shown| assert!(restored.restore(meter, shown)));
    assert_eq!(grown(&mut restored, &[(2, 2, 31.0), (0, 2, 11.0)]), [1.0, 1.0]);
    counters.take_changes(|meter, _| panic!("{meter:?} was given before"));
    let mut others = Counters::new(&Config::default());
    assert!(!others.restore(MeterId(0), &[Register::default()]), "counters that are none any more");
}

/// Registers of one meter, a quarter of an hour apart, and the growth of each; -1: missing, -2: refused.
fn quarters(config: &str, registers: &[f64]) -> Vec<f64> {
    let text = format!("[input.measures.heat]\nfield = \"heat\"\nkind = \"counter\"\n{config}");
    let mut counters = Counters::new(&load_text(&text, "test", []).unwrap());
    let growth = |(quarter, register): (i64, &f64)| {
        let mut batch = Batch::new(1);
        batch.offsets.push(0);
        batch.record_times_ms.push(-1);
        batch.meters.push(MeterId(0));
        batch.event_times_us.push(quarter * 900_000_000);
        batch.measures[0].push(*register);
        if counters.weigh(&mut batch, 0).is_some() {
            counters.doubt(MeterId(0));
            return -2.0;
        }
        counters.book(MeterId(0));
        let growth = batch.measures[0][0];
        if growth.is_nan() { -1.0 } else { (growth * 1e6).round() / 1e6 }
    };
    (0..).zip(registers).map(growth).collect()
}

#[test]
fn a_register_that_trembles_counts_again_above_its_highest_value() {
    assert_eq!(quarters("", &[24753.2, 24753.27, 24753.23, 24753.31, 24753.4]), [-1.0, 0.07, 0.0, 0.04, 0.09]);
    assert_eq!(quarters("rollover = 100000.0", &[24753.2, 24753.27, 24753.23, 24753.31]), [-1.0, 0.07, 0.0, 0.04]);
    assert_eq!(quarters("", &[50.0, 49.9, 50.1, 50.3]), [-1.0, -1.0, 0.1, 0.2], "no history: too much of a small register");
}

#[test]
fn a_zero_that_goes_away_is_skipped() {
    assert_eq!(quarters("", &[500.0, 500.2, 0.0, 500.6]), [-1.0, 0.2, -1.0, 0.4]);
    assert_eq!(quarters("", &[500.0, 0.0, 0.0, 500.6]), [-1.0, -1.0, 0.0, 0.6], "two of them, and no history");
    assert_eq!(quarters("", &[500.0, 500.2, 0.1, 500.6]), [-1.0, 0.2, 0.1, 0.3], "what it showed meanwhile counts once");
    assert_eq!(quarters("", &[0.0, 24753.2, 24753.3, 24753.5]), [-1.0, -1.0, 0.1, 0.2], "the first one of all");
    assert_eq!(quarters("rollover = 1000.0", &[990.0, 995.0, 0.0, 996.0]), [-1.0, 5.0, -1.0, 1.0]);
}

#[test]
fn a_reset_counts_from_there() {
    assert_eq!(quarters("", &[500.0, 500.2, 0.0, 0.1, 0.3]), [-1.0, 0.2, -1.0, 0.1, 0.2]);
    assert_eq!(quarters("", &[500.0, 500.2, 0.1, 0.3]), [-1.0, 0.2, 0.1, 0.2]);
    assert_eq!(
        quarters("rollover = 1000.0", &[990.0, 995.0, 0.0, 2.0]),
        [-1.0, 5.0, -1.0, 7.0],
        "a roll-over, seen a reading later"
    );
}

#[test]
fn an_exchange_counts_from_the_new_register() {
    assert_eq!(quarters("", &[1200.0, 1200.2, 1200.5, 1200.6, 17000.0, 17000.3]), [-1.0, 0.2, 0.3, 0.1, -2.0, 0.3]);
    assert_eq!(quarters("", &[17000.0, 17000.2, 120.0, 120.3, 120.5]), [-1.0, 0.2, -1.0, 0.3, 0.2]);
    assert_eq!(quarters("", &[400.0, 410.0, 420.0, 17000.0, 17005.0]), [-1.0, 10.0, 10.0, -1.0, 5.0], "no history yet");
    assert_eq!(quarters("rollover = 100000.0", &[80000.0, 80000.2, 120.0, 120.3]), [-1.0, 0.2, -1.0, 0.3]);
}

#[test]
fn a_single_jump_is_refused_and_consumption_that_rises_is_believed_with_the_second() {
    let glitch = [100.0, 100.1, 100.2, 100.3, 9e6, 100.5, 100.6];
    assert_eq!(quarters("", &glitch), [-1.0, 0.1, 0.1, 0.1, -2.0, 0.2, 0.1]);
    let twice = [100.0, 100.1, 100.2, 100.3, 9e6, 9e6, 100.5];
    assert_eq!(quarters("", &twice), [-1.0, 0.1, 0.1, 0.1, -2.0, 0.0, 0.2], "the register returns");
    let rises = [100.0, 100.01, 100.02, 100.03, 110.03, 121.0, 132.0];
    assert_eq!(quarters("", &rises), [-1.0, 0.01, 0.01, 0.01, -2.0, 20.97, 11.0]);
    assert_eq!(quarters("", &[0.0, 2000.0, 4100.0]), [-1.0, -1.0, 4100.0], "watt-hours of a new meter");
    assert_eq!(quarters("", &[0.0, 2000.0, 2000.0, 2100.0]), [-1.0, -1.0, -1.0, 2100.0]);
}

#[test]
fn a_configured_rate_is_the_limit() {
    let limited = [100.0, 112.0, 124.5, 137.1, 137.2];
    assert_eq!(quarters("counter = { max_rate = 50.0 }", &limited), [-1.0, 12.0, 12.5, -2.0, 12.7]);
    let steps = [100.0, 150.0, 200.0, 250.0];
    assert_eq!(quarters("counter = { max_rate = 50.0 }", &steps), [-1.0, -2.0, -2.0, -2.0], "each is too much");
    assert_eq!(quarters("", &[100.0, f64::NAN, 101.0]), [-1.0, -1.0, 1.0]);
}

#[test]
fn no_register_is_refused_for_ever() {
    let mut registers = vec![100.0, 100.1, 100.2, 100.3];
    registers.extend((1..40).map(|quarter| f64::from(quarter) * 1e6));
    let growth = quarters("", &registers);
    assert!(growth.iter().filter(|growth| **growth == -2.0).count() <= 5, "{growth:?}");
    assert!(growth[20..].iter().all(|growth| *growth == 1e6), "{growth:?}");
}
