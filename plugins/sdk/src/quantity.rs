//! Numbers as a person wants to read them in a reason.

/// Appends a value with three significant digits or all its whole ones: `271`, `15.2`, `0.035`.
///
/// Written by hand because reasons are on the hot path of a bad day: it takes a tenth of the time of `format!`.
pub fn push(text: &mut String, value: f64) {
    let size = value.abs();
    if !(size == 0.0 || (1e-3..1e12).contains(&size)) {
        // NaN and infinities come here too.
        text.push_str(&if value.is_finite() { format!("{value:.2e}") } else { format!("{value}") });
        return;
    }
    let (scale, decimals) = match size {
        100.0.. => (1.0, 0),
        10.0.. => (10.0, 1),
        1.0.. => (100.0, 2),
        _ => (1000.0, 3),
    };
    // Halves go up. `round` is a function of its own in WebAssembly, and takes longer than all the rest here.
    let digits = (size * scale + 0.5) as u64;
    if value < 0.0 {
        text.push('-');
    }
    push_decimal(text, digits, decimals);
}

/// Appends `value` and its unit, which may be empty.
pub fn push_with_unit(text: &mut String, value: f64, unit: &str) {
    push(text, value);
    if !unit.is_empty() {
        text.push(' ');
        text.push_str(unit);
    }
}

/// Appends `digits / 10^decimals` without trailing zeros after the point.
fn push_decimal(text: &mut String, digits: u64, mut decimals: u32) {
    let scale = 10_u64.pow(decimals);
    push_digits(text, digits / scale, 1);
    let mut fraction = digits % scale;
    if fraction > 0 {
        while fraction.is_multiple_of(10) {
            fraction /= 10;
            decimals -= 1;
        }
        text.push('.');
        push_digits(text, fraction, decimals);
    }
}

/// Appends a whole number, with leading zeros up to `width`.
fn push_digits(text: &mut String, mut value: u64, width: u32) {
    // As many as the largest value has.
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    while value > 0 || digits.len() - first < width as usize {
        first -= 1;
        digits[first] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    text.push_str(std::str::from_utf8(&digits[first..]).expect("digits are ASCII"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_are_enough() {
        let cases = [
            (271.0, "271"),
            (271.5, "272"),
            (15.24, "15.2"),
            (10.0, "10"),
            (99.96, "100"),
            (9.996, "10"),
            (1.86, "1.86"),
            (0.5, "0.5"),
            (0.0351, "0.035"),
            (0.001, "0.001"),
            (0.0, "0"),
            (-3.25, "-3.25"),
            (-0.05, "-0.05"),
            (123_456.7, "123457"),
            (1e13, "1.00e13"),
            (0.000_12, "1.20e-4"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
        ];
        for (value, expected) in cases {
            let mut text = String::new();
            push(&mut text, value);
            assert_eq!(text, expected, "{value}");
        }
    }

    #[test]
    fn a_unit_follows_after_a_space() {
        let mut text = String::new();
        push_with_unit(&mut text, 150.0, "kWh");
        text.push('/');
        push_with_unit(&mut text, 3.0, "");
        assert_eq!(text, "150 kWh/3");
    }
}
