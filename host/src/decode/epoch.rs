//! Numbers as times: since 1970, in the unit that the configuration names or that their size shows.

use jiff::civil::DateTime;
use jiff::fmt::strtime;

use crate::config::TimestampUnit;

/// 1990-01-01 and 2040-01-01, in microseconds: where a unit is not configured, a number is a time between them.
///
/// So the units' ranges are far apart, and what people take for numbers of a unit lies outside: days of a spreadsheet, minutes since 1970
/// and stamps such as 202601151200. 2601151200 would be seconds of 2052.
const PLAUSIBLE_US: std::ops::Range<i64> = 631_152_000_000_000..2_208_988_800_000_000;

/// Numbers of a spreadsheet's serial days, about 1954 to 2064.
const SERIAL_DAYS: std::ops::Range<f64> = 20_000.0..60_000.0;

/// Stamps of digits alone, longest first, and how a format names them.
const COMPACT: [(usize, &str); 5] = [(14, "%Y%m%d%H%M%S"), (12, "%Y%m%d%H%M"), (10, "%y%m%d%H%M"), (8, "%Y%m%d"), (6, "%y%m%d")];

/// True for digits with a sign, a fraction or an exponent as JSON writes them; leading zeros and a plus sign do no harm.
pub(super) fn is_number(text: &str) -> bool {
    fn digits(text: &str) -> Option<&str> {
        let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
        (rest.len() < text.len()).then_some(rest)
    }
    let whole = || {
        let mut rest = digits(text.strip_prefix(['-', '+']).unwrap_or(text))?;
        if let Some(fraction) = rest.strip_prefix('.') {
            rest = digits(fraction)?;
        }
        if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
            rest = digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))?;
        }
        Some(rest.is_empty())
    };
    whole().unwrap_or(false)
}

/// Microseconds since 1970, rounded; none where no unit makes a time of the number, or where it is too large to be counted.
pub(super) fn micros(number: &str, unit: TimestampUnit) -> Option<i64> {
    match unit {
        TimestampUnit::Auto => [TimestampUnit::S, TimestampUnit::Ms, TimestampUnit::Us, TimestampUnit::Ns]
            .into_iter()
            .filter_map(|unit| micros(number, unit))
            .find(|micros| PLAUSIBLE_US.contains(micros)),
        TimestampUnit::S => scaled(number, 1_000_000, 1),
        TimestampUnit::Ms => scaled(number, 1_000, 1),
        TimestampUnit::Us => scaled(number, 1, 1),
        TimestampUnit::Ns => scaled(number, 1, 1_000),
    }
}

/// A whole number exactly, since nanoseconds have more digits than a float.
fn scaled(number: &str, times: i64, by: i64) -> Option<i64> {
    if let Ok(whole) = number.parse::<i64>() {
        return Some(whole.checked_mul(times)?.checked_add(by / 2)?.div_euclid(by));
    }
    let micros = (number.parse::<f64>().ok()? * times as f64 / by as f64).round();
    (micros.abs() < i64::MAX as f64).then_some(micros as i64)
}

/// What a number that is no plausible time may be, and what to set then.
pub(super) fn remedy(number: &str) -> String {
    let value: f64 = number.parse().unwrap_or(f64::NAN);
    let compact = || {
        let (_, format) = COMPACT.into_iter().find(|(digits, _)| number.len() == *digits)?;
        let plausible = |at: DateTime| (1990..2100).contains(&at.year());
        strtime::parse(format, number).ok()?.to_datetime().ok().filter(|at| plausible(*at)).map(|_| format)
    };
    if let Some(format) = compact() {
        format!("if it is a date in digits, set `input.timestamp_format = \"{format}\"`")
    } else if SERIAL_DAYS.contains(&value) {
        "it looks like a spreadsheet's count of days: export times as text".to_owned()
    } else if (value * 60e6).is_finite() && PLAUSIBLE_US.contains(&((value * 60e6) as i64)) {
        "it looks like minutes since 1970: send seconds".to_owned()
    } else {
        "set `input.timestamp_format` if it is a date in digits, or `input.timestamp_unit` to its unit".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUTO: TimestampUnit = TimestampUnit::Auto;

    #[test]
    fn the_unit_follows_from_the_size() {
        for number in ["1768478400", "1768478400000", "1768478400000000", "1768478400000000000", "1768478400.0", "1.7684784e9"] {
            assert_eq!(micros(number, AUTO), Some(1_768_478_400_000_000), "{number}");
        }
        assert_eq!(micros("1768478400123456789", AUTO), Some(1_768_478_400_123_457), "no digit goes through a float");
        assert_eq!(micros("1768478400.123456", AUTO), Some(1_768_478_400_123_456));
        assert_eq!(micros("1768478400123.5", AUTO), Some(1_768_478_400_123_500));
    }

    #[test]
    fn a_number_that_is_no_plausible_time_has_a_remedy() {
        for (number, part) in [
            ("202601151200", "%Y%m%d%H%M\""),
            ("20260115120000", "%Y%m%d%H%M%S"),
            ("20260115", "%Y%m%d\""),
            ("2601151200", "%y%m%d%H%M"),
            ("260115", "%y%m%d\""),
            ("46037.5", "spreadsheet"),
            ("46037", "spreadsheet"),
            ("29474640", "minutes"),
            ("0", "timestamp_unit"),
            ("-1e30", "timestamp_unit"),
            ("4102444800000000000000", "timestamp_unit"),
        ] {
            assert_eq!(micros(number, AUTO), None, "{number}");
            assert!(remedy(number).contains(part), "{number}: {}", remedy(number));
        }
    }

    #[test]
    fn a_unit_that_is_set_is_obeyed() {
        for (number, unit, seconds) in [
            ("0", TimestampUnit::S, 0),
            ("202601151200", TimestampUnit::Ms, 202_601_151),
            ("-86400", TimestampUnit::S, -86_400),
            ("1768478400000000000", TimestampUnit::Ns, 1_768_478_400),
            ("1768478400000000", TimestampUnit::Us, 1_768_478_400),
        ] {
            assert_eq!(micros(number, unit).map(|micros| micros.div_euclid(1_000_000)), Some(seconds), "{number}");
        }
        assert_eq!(micros("99999999999999999999", TimestampUnit::S), None);
        assert_eq!(micros("9223372036854775807", TimestampUnit::S), None);
    }

    #[test]
    fn a_number_is_known_from_other_texts() {
        for text in ["0", "5834.163", "-0.5", "001581.123", "+5", "1e3", "1.5E-7"] {
            assert!(is_number(text), "{text}");
        }
        for text in ["", "-", ".", ".5", "5.", "1e", "1,012.5", "12 kWh", "unavailable", "NaN", "inf", "0x10", "1_000", " 1", "١"]
        {
            assert!(!is_number(text), "{text}");
        }
    }
}
