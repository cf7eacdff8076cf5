//! Format-preserving encryption of short numeral strings: FF1 (NIST SP 800-38G) with AES-256, without allocation.

use aes::Aes256;
use fpe::ff1::{FF1, NumeralString, Operations};

/// The most numerals that one encryption takes: each half has to fit 120 bits.
pub(super) const MOST_DIGITS: usize = 72;
/// The fewest decimal digits that FF1 may be used for: a million values.
pub(super) const FEWEST_DIGITS: usize = 6;

/// A keyed permutation of all numeral strings of one length.
pub(super) struct Permutation {
    ff1: FF1<Aes256>,
    radix: u32,
}

impl Permutation {
    /// `None` where the radix is not one of FF1's.
    pub(super) fn new(key: &[u8; 32], radix: u32) -> Option<Self> {
        Some(Self { ff1: FF1::new(key, radix).ok()?, radix })
    }

    /// Another string of `count` numerals, as its value; `None` where FF1 or the memory at hand can't do it.
    pub(super) fn permute(&self, tweak: &[u8], value: Halves, count: usize) -> Option<Halves> {
        let (left, right) = (count / 2, count - count / 2);
        let numerals = Numerals(
            Half { value: value.0, count: left, modulus: modulus(self.radix, left)? },
            Half { value: value.1, count: right, modulus: modulus(self.radix, right)? },
        );
        let Numerals(left, right) = self.ff1.encrypt(tweak, &numerals).ok()?;
        Some((left.value, right.value))
    }
}

/// The values of a string's first `count / 2` numerals and of the rest.
pub(super) type Halves = (u128, u128);

/// `radix` to the `count`, where a byte can still be shifted in behind what is less than it.
fn modulus(radix: u32, count: usize) -> Option<u128> {
    u128::from(radix).checked_pow(u32::try_from(count).ok()?).filter(|modulus| *modulus <= 1 << 120)
}

struct Numerals(Half, Half);

#[derive(Clone, Copy)]
struct Half {
    value: u128,
    count: usize,
    modulus: u128,
}

impl NumeralString for Numerals {
    type Ops = Half;

    fn is_valid(&self, _radix: u32) -> bool {
        self.0.value < self.0.modulus && self.1.value < self.1.modulus
    }

    fn numeral_count(&self) -> usize {
        self.0.count + self.1.count
    }

    fn split(&self) -> (Half, Half) {
        (self.0, self.1)
    }

    fn concat(left: Half, right: Half) -> Self {
        Self(left, right)
    }
}

impl Half {
    /// A number of any length, modulo this half's modulus.
    fn reduced(self, bytes: impl Iterator<Item = u8>) -> u128 {
        let number = bytes.fold(0_u128, |number, byte| {
            let room = if number >> 120 == 0 { number } else { number % self.modulus };
            room << 8 | u128::from(byte)
        });
        number % self.modulus
    }
}

impl Operations for Half {
    type Bytes = BigEndian;

    fn numeral_count(&self) -> usize {
        self.count
    }

    fn to_be_bytes(&self, _radix: u32, length: usize) -> BigEndian {
        BigEndian { bytes: self.value.to_be_bytes(), length }
    }

    fn add_mod_exp(self, other: impl Iterator<Item = u8>, _radix: u32, _count: usize) -> Self {
        Self { value: (self.value + self.reduced(other)) % self.modulus, ..self }
    }

    fn sub_mod_exp(self, other: impl Iterator<Item = u8>, _radix: u32, _count: usize) -> Self {
        Self { value: (self.value + self.modulus - self.reduced(other)) % self.modulus, ..self }
    }
}

/// The last `length` bytes of a number.
struct BigEndian {
    bytes: [u8; 16],
    length: usize,
}

impl AsRef<[u8]> for BigEndian {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(self.bytes.len().saturating_sub(self.length)..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fpe::ff1::FlexibleNumeralString;
    use proptest::prelude::*;

    fn value(numerals: &[u16], radix: u128) -> u128 {
        numerals.iter().fold(0, |value, numeral| value * radix + u128::from(*numeral))
    }

    #[test]
    fn it_is_the_algorithm_of_the_standard() {
        // NIST's samples for FF1, sample 7.
        let key = *b"\x2b\x7e\x15\x16\x28\xae\xd2\xa6\xab\xf7\x15\x88\x09\xcf\x4f\x3c\xef\x43\x59\xd8\xd5\x80\xaa\x4f\x7f\x03\x6d\x6f\x04\xfc\x6a\x94";
        let permutation = Permutation::new(&key, 10).unwrap();
        assert_eq!(permutation.permute(&[], (1_234, 56_789), 10), Some((66_576, 67_009)));
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_crates_own_strings(
            key: [u8; 32],
            tweak in proptest::collection::vec(any::<u8>(), 0..12),
            binary: bool,
            numerals in proptest::collection::vec(0_u16..10, 20..=MOST_DIGITS),
        ) {
            let radix = if binary { 2 } else { 10 };
            let numerals: Vec<u16> = numerals.iter().map(|numeral| numeral % radix).collect();
            let (left, right) = numerals.split_at(numerals.len() / 2);
            let halves = (value(left, radix.into()), value(right, radix.into()));
            let ours = Permutation::new(&key, radix.into()).unwrap().permute(&tweak, halves, numerals.len());
            let theirs = FF1::<Aes256>::new(&key, radix.into()).unwrap()
                .encrypt(&tweak, &FlexibleNumeralString::from(numerals.clone())).unwrap();
            let theirs = Vec::from(theirs);
            let (left, right) = theirs.split_at(numerals.len() / 2);
            prop_assert_eq!(ours, Some((value(left, radix.into()), value(right, radix.into()))));
        }
    }
}
