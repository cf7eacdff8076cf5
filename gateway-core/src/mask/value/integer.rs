//! Integers: read, written, and replaced by others.

use super::super::Key;
use super::Format;
use super::ff1::Permutation;
use super::prf::{Prf, number};
use super::types::Width;

/// The values of an integer of four bytes that are not negative.
const NARROW: Domain = Domain { bits: 31, lowest: 0 };
/// Those of an integer of eight bytes that four do not hold.
const WIDE: Domain = Domain { bits: 63, lowest: 1 << 31 };
/// How often a number is encrypted until it is in its domain: of 2^32 attempts in the wider, one fails.
const ATTEMPTS: usize = 16;

impl Width {
    pub(super) fn highest(self) -> u64 {
        match self {
            Self::Two => i16::MAX as u64,
            Self::Four => i32::MAX as u64,
            Self::Eight => i64::MAX as u64,
            Self::Oid => u32::MAX.into(),
        }
    }

    /// The value of these bytes, if they are an integer of this type.
    pub(super) fn read(self, value: &[u8], format: Format) -> Option<i64> {
        match format {
            Format::Text => {
                let number: i64 = str::from_utf8(value).ok()?.parse().ok()?;
                let lowest = match self {
                    Self::Two => i16::MIN.into(),
                    Self::Four => i32::MIN.into(),
                    Self::Eight => i64::MIN,
                    Self::Oid => 0,
                };
                (number >= lowest && (number < 0 || number.unsigned_abs() <= self.highest())).then_some(number)
            }
            Format::Binary => match self {
                Self::Two => value.try_into().ok().map(|bytes| i16::from_be_bytes(bytes).into()),
                Self::Four => value.try_into().ok().map(|bytes| i32::from_be_bytes(bytes).into()),
                Self::Eight => value.try_into().ok().map(i64::from_be_bytes),
                Self::Oid => value.try_into().ok().map(|bytes| u32::from_be_bytes(bytes).into()),
            },
        }
    }

    /// Appends a value, if this type has it.
    pub(super) fn write(self, value: i64, format: Format, out: &mut Vec<u8>) -> Option<()> {
        match format {
            Format::Text => {
                if value < 0 {
                    out.push(b'-');
                }
                decimal(value.unsigned_abs(), 1, out);
            }
            Format::Binary => match self {
                Self::Two => out.extend_from_slice(&i16::try_from(value).ok()?.to_be_bytes()),
                Self::Four => out.extend_from_slice(&i32::try_from(value).ok()?.to_be_bytes()),
                Self::Eight => out.extend_from_slice(&value.to_be_bytes()),
                Self::Oid => out.extend_from_slice(&u32::try_from(value).ok()?.to_be_bytes()),
            },
        }
        Some(())
    }
}

/// Appends a number with at least `width` digits.
pub(super) fn decimal(mut value: u64, width: usize, out: &mut Vec<u8>) {
    let start = out.len();
    while value > 0 || out.len() < start + width {
        out.push(b'0' + u8::try_from(value % 10).unwrap_or_default());
        value /= 10;
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

/// The pseudonyms of a class's integers: others of the same type, none negative.
///
/// Those that are not negative are permuted, so that what was unique stays so, and an integer of four bytes has the
/// same pseudonym as one of eight, so that joins between both work. Negative ones, for which no room is left, and
/// those of two bytes, which are too few to be permuted, are hashed: they may fall together.
pub(super) struct Pseudonyms {
    permutation: Permutation,
    prf: Prf,
}

impl Pseudonyms {
    pub(super) fn new(key: &Key, class: &str) -> Option<Self> {
        let permutation = Permutation::new(&Prf::derived(key, "integers", class), 2)?;
        Some(Self { permutation, prf: Prf::new(key, class) })
    }

    pub(super) fn of(&self, value: i64, width: Width) -> i64 {
        let permuted = match (width, u64::try_from(value)) {
            (Width::Two, _) | (_, Err(_)) => None,
            (Width::Four | Width::Eight | Width::Oid, Ok(value)) if value < WIDE.lowest => {
                NARROW.permute(&self.permutation, value)
            }
            (Width::Eight, Ok(value)) => WIDE.permute(&self.permutation, value),
            (Width::Four | Width::Oid, Ok(_)) => None,
        };
        let image = permuted.unwrap_or_else(|| number(&self.prf.of(&value.to_be_bytes())) % (width.highest() + 1));
        i64::try_from(image).unwrap_or_default()
    }
}

/// Numbers of so many bits, from `lowest` on.
struct Domain {
    bits: usize,
    lowest: u64,
}

impl Domain {
    fn permute(&self, permutation: &Permutation, value: u64) -> Option<u64> {
        let right = self.bits - self.bits / 2;
        let mut halves = (u128::from(value >> right), u128::from(value & ((1 << right) - 1)));
        for _ in 0..ATTEMPTS {
            halves = permutation.permute(&[], halves, self.bits)?;
            let image = u64::try_from(halves.0 << right | halves.1).ok()?;
            if image >= self.lowest {
                return Some(image);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use zeroize::Zeroizing;

    fn pseudonyms() -> Pseudonyms {
        Pseudonyms::new(&Key::new(Zeroizing::new([7; 32])), "id").unwrap()
    }

    #[test]
    fn what_was_unique_stays_so_in_the_types_range() {
        let pseudonyms = pseudonyms();
        let images: BTreeSet<i64> = (0..100_000).map(|value| pseudonyms.of(value, Width::Four)).collect();
        assert_eq!(images.len(), 100_000);
        assert!(images.iter().all(|image| (0..=i64::from(i32::MAX)).contains(image)));
        let wide = (1 << 40..(1 << 40) + 1000).map(|value| pseudonyms.of(value, Width::Eight)).collect::<BTreeSet<_>>();
        assert_eq!(wide.len(), 1000);
        assert!(wide.iter().all(|image| *image >= 1 << 31));
    }

    #[test]
    fn joins_across_widths_work_and_edges_are_in_range() {
        let pseudonyms = pseudonyms();
        for value in [0, 1, 42, i64::from(i32::MAX)] {
            assert_eq!(pseudonyms.of(value, Width::Four), pseudonyms.of(value, Width::Eight));
            assert_eq!(pseudonyms.of(value, Width::Four), pseudonyms.of(value, Width::Oid));
        }
        for (width, edges) in [
            (Width::Two, vec![i64::from(i16::MIN), -1, 0, i64::from(i16::MAX)]),
            (Width::Four, vec![i64::from(i32::MIN), -1]),
            (Width::Eight, vec![i64::MIN, -1, i64::MAX]),
            (Width::Oid, vec![i64::from(u32::MAX)]),
        ] {
            for edge in edges {
                let image = pseudonyms.of(edge, width);
                assert!(image >= 0 && image.unsigned_abs() <= width.highest(), "{edge} {image}");
            }
        }
    }

    #[test]
    fn only_integers_of_the_type_are_read() {
        for (text, width, value) in [
            ("-32768", Width::Two, Some(-32768)),
            ("32768", Width::Two, None),
            ("-1", Width::Oid, None),
            ("4294967295", Width::Oid, Some(4_294_967_295)),
            ("9223372036854775808", Width::Eight, None),
            ("1.0", Width::Four, None),
            ("", Width::Four, None),
        ] {
            assert_eq!(width.read(text.as_bytes(), Format::Text), value, "{text}");
        }
        assert_eq!(Width::Four.read(&[0, 0, 1], Format::Binary), None);
        assert_eq!(Width::Four.read(&[0xff, 0xff, 0xff, 0xfe], Format::Binary), Some(-2));
    }
}
