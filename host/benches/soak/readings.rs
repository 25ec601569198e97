//! What gateways send.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const METERS_OF_A_BUILDING: u64 = 10;
/// As long as topics keep what the sinks have read.
pub(crate) const RETENTION: Duration = Duration::from_secs(1_800);

/// Key and text of the n-th reading, which is of now. One of `findings_every` is a finding of the default detector.
pub(crate) fn reading(number: u64, meters: u32, findings_every: u64) -> (String, String) {
    let meter = number % u64::from(meters);
    let building = format!("Building {}", meter / METERS_OF_A_BUILDING);
    let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let (electricity, water) =
        if mixed.is_multiple_of(findings_every) { (51, 539) } else { (140 + mixed % 20, 290 + mixed / 20 % 20) };
    let floor = meter % METERS_OF_A_BUILDING;
    let text =
        format!(r#"{{"timestamp":{time},"building":"{building}","floor":{floor},"electricity":{electricity},"water":{water}}}"#);
    (building, text)
}
