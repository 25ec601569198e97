//! What somebody said, in 64 bits: the same in every process and every version, since it is stored.
//!
//! A change of anything here makes every stored fingerprint another's.

/// FNV-1a of 64 bits, after G. Fowler, L. C. Noll and K.-P. Vo.
const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;
/// 2⁶⁴ divided by the golden ratio: odd, so that multiplying by it loses nothing, and without a pattern in its bits.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// Of a text and the numbers said under its name. Two that differ have the same one by chance, 2⁻⁶⁴ for each pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint(pub u64);

impl Fingerprint {
    /// Of a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(text.bytes().fold(FNV_BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME)))
    }

    /// With one more number, whose place among them counts: each step is one to one in the number and in what was before.
    #[must_use]
    pub fn with(self, number: u64) -> Self {
        let mixed = (self.0 ^ number).wrapping_mul(MIX);
        // Floats of few digits differ in their high bits only, and a product carries upwards only.
        Self(mixed ^ (mixed >> 32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_what_they_were() {
        assert_eq!(Fingerprint::of(""), Fingerprint(FNV_BASIS));
        assert_eq!(Fingerprint::of("a"), Fingerprint(0xaf63_dc4c_8601_ec8c), "as the authors of FNV publish it");
        let reading = Fingerprint::of("Building A/4").with(1_764_864_120_000_000).with(271.0f64.to_bits());
        assert_eq!(reading, Fingerprint(0xe19a_bfb1_e3fc_3337));
    }

    #[test]
    fn readings_that_are_alike_have_each_their_own() {
        let mut all = Vec::new();
        for second in 0..10u64 {
            for electricity in 0..200 {
                for water in 0..200 {
                    let time = Fingerprint::of("A/1").with(1_764_864_120_000_000 + second * 1_000_000);
                    let [electricity, water] = [electricity, water].map(|value| f64::from(value) * 0.5);
                    all.push(time.with(electricity.to_bits()).with(water.to_bits()));
                }
            }
        }
        let readings = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), readings);
    }
}
