//! Units of energy, power and volume that meters send, and the factor from one to another.

/// Units of one quantity, each with its size in the first.
type Quantity = &'static [(&'static str, f64)];

const ENERGY: Quantity = &[
    ("Wh", 1.0),
    ("kWh", 1e3),
    ("MWh", 1e6),
    ("GWh", 1e9),
    ("J", 1.0 / 3_600.0),
    ("kJ", 1.0 / 3.6),
    ("MJ", 1e3 / 3.6),
    ("GJ", 1e6 / 3.6),
];
const POWER: Quantity = &[("W", 1.0), ("kW", 1e3), ("MW", 1e6), ("GW", 1e9)];
/// A US gallon is 231 cubic inches of 25.4 mm (NIST Handbook 44, appendix C).
const VOLUME: Quantity = &[
    ("L", 1.0),
    ("l", 1.0),
    ("mL", 1e-3),
    ("hL", 1e2),
    ("m³", 1e3),
    ("m3", 1e3),
    ("dm³", 1.0),
    ("gal", 3.785_411_784),
    ("ft³", 28.316_846_592),
];

/// What a value in `from` is to be multiplied with to be one in `to`; none where they are not of one quantity.
pub(super) fn factor(from: &str, to: &str) -> Option<f64> {
    if from == to {
        return Some(1.0);
    }
    [ENERGY, POWER, VOLUME].into_iter().find_map(|quantity| {
        let size = |unit: &str| quantity.iter().find(|(name, _)| *name == unit).map(|(_, size)| *size);
        Some(size(from)? / size(to)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_converted_within_its_quantity_and_never_beyond() {
        for (from, to, expected) in
            [("Wh", "kWh", 1e-3), ("MWh", "kWh", 1e3), ("m³", "L", 1e3), ("L", "m3", 1e-3), ("x", "x", 1.0)]
        {
            assert_eq!(factor(from, to), Some(expected), "{from} to {to}");
        }
        assert!((factor("kWh", "MJ").unwrap() - 3.6).abs() < 1e-12);
        assert_eq!((factor("kWh", "L"), factor("kWh", "kW"), factor("therm", "kWh")), (None, None, None));
    }
}
