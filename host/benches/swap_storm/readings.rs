//! Readings whose values follow from meter and number. Meters send in turn, so that all have as many readings, or one less.

/// The value of a meter's n-th reading, in kWh: exact in a double, and in JSON.
pub(crate) fn value(meter: u32, number: u64) -> f64 {
    let mixed = (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (u64::from(meter) << 7)) >> 40;
    (mixed % 4_000) as f64 / 8.0
}

/// Key and text of the n-th reading of all.
pub(crate) fn reading(total: u64, meters: u32) -> (String, String) {
    let (meter, number) = ((total % u64::from(meters)) as u32, total / u64::from(meters));
    let (building, value) = (format!("M{meter}"), value(meter, number));
    // Event time a second for each round.
    let time = 1_767_225_600 + number;
    let text = format!(r#"{{"timestamp":{time},"building":"{building}","floor":1,"electricity":{value},"water":1}}"#);
    (building, text)
}

/// How many of so many readings are of a meter.
pub(crate) fn of_meter(total: u64, meters: u32, meter: u32) -> u64 {
    let meters = u64::from(meters);
    total / meters + u64::from(u64::from(meter) < total % meters)
}
