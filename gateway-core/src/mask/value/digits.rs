//! Digits by other digits: FF1 over all of a value's digits, or a keyed hash where there are too few for FF1.

use super::super::Key;
use super::ff1::{FEWEST_DIGITS, MOST_DIGITS, Permutation};
use super::prf::{Prf, number};

const RADIX: u64 = 10;
/// How often a number is encrypted until it lies in its range. A tenth of the numbers of ten digits are integers
/// of four bytes, so that 256 attempts fail once in 10^13 values; those are hashed.
const ATTEMPTS: usize = 256;

/// The keyed permutation of a class's digits.
pub(super) struct Digits {
    permutation: Permutation,
    prf: Prf,
}

/// What the first digit may become.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lead {
    Any,
    /// Not zero, so that a number keeps its length.
    NonZero,
}

impl Digits {
    pub(super) fn new(key: &Key, class: &str) -> Option<Self> {
        Some(Self {
            permutation: Permutation::new(&Prf::derived(key, "digits", class), 10)?,
            prf: Prf::keyed(&Prf::derived(key, "few digits", class)),
        })
    }

    /// Replaces the ASCII digits of `text`. More than 72 are taken in pieces of about the same length.
    pub(super) fn replace(&self, text: &mut [u8], lead: Lead) {
        let total = text.iter().filter(|byte| byte.is_ascii_digit()).count();
        let pieces = total.div_ceil(MOST_DIGITS).max(1);
        let (each, longer) = (total / pieces, total % pieces);
        let mut rest = text;
        for piece in 0..pieces {
            let size = each + usize::from(piece < longer);
            let (head, behind) = split_behind(rest, size);
            let lead = if piece == 0 { lead } else { Lead::Any };
            self.piece(head, size, lead, piece);
            rest = behind;
        }
    }

    /// Replaces a number by one of as many digits, at most `highest`.
    pub(super) fn integer(&self, magnitude: u64, highest: u64) -> u64 {
        let mut digits = [0; 20];
        let count = magnitude.checked_ilog10().map_or(1, |log| log as usize + 1);
        let lowest = if count > 1 { power(count - 1) } else { 0 };
        let highest = if count > 19 { highest } else { highest.min(power(count) - 1) };
        let (tweak, mut halves) = (tweak(0, count), split(magnitude, count));
        let attempts = if count < FEWEST_DIGITS { 0 } else { ATTEMPTS };
        for _ in 0..attempts {
            let Some(next) = self.permutation.permute(&tweak, halves, count) else { break };
            halves = next;
            if let Some(found) = join(halves, count).filter(|found| (lowest..=highest).contains(found)) {
                return found;
            }
        }
        let digits = write(magnitude, count, &mut digits);
        lowest + number(&self.prf.of(digits)) % (highest.saturating_sub(lowest).saturating_add(1))
    }

    /// Replaces the `count` digits of one piece.
    fn piece(&self, text: &mut [u8], count: usize, lead: Lead, piece: usize) {
        if count < FEWEST_DIGITS {
            return self.few(text, count, lead);
        }
        let (tweak, mut halves) = (tweak(piece, count), gather(text, count));
        let lowest = if lead == Lead::NonZero { power128(count / 2 - 1) } else { 0 };
        // Every attempt but one in ten ends at once: the limit is there for the proof, not for the numbers.
        for _ in 0..ATTEMPTS {
            let Some(next) = self.permutation.permute(&tweak, halves, count) else { break };
            halves = next;
            if halves.0 >= lowest {
                return scatter(text, count, halves);
            }
        }
        for byte in text.iter_mut().filter(|byte| byte.is_ascii_digit()) {
            *byte = b'1';
        }
    }

    /// Replaces fewer digits than FF1 takes.
    fn few(&self, text: &mut [u8], count: usize, lead: Lead) {
        if count == 0 {
            return;
        }
        let halves = gather(text, count);
        let (value, range) = (join(halves, count).unwrap_or_default(), power(count));
        let lowest = if lead == Lead::NonZero && count > 1 { power(count - 1) } else { 0 };
        let mut digits = [0; 20];
        let hash = number(&self.prf.of(write(value, count, &mut digits)));
        scatter(text, count, split(lowest + hash % (range - lowest), count));
    }
}

/// `text` up to its `count`th digit, and the rest.
fn split_behind(text: &mut [u8], count: usize) -> (&mut [u8], &mut [u8]) {
    let last = text.iter().enumerate().filter(|(_, byte)| byte.is_ascii_digit()).nth(count.saturating_sub(1));
    let at = last.map_or(text.len(), |(at, _)| at + 1);
    text.split_at_mut(at)
}

/// The values of the first half of the digits and of the rest.
fn gather(text: &[u8], count: usize) -> (u128, u128) {
    let digits = text.iter().filter(|byte| byte.is_ascii_digit()).take(count);
    digits.enumerate().fold((0, 0), |(left, right), (at, digit)| {
        let digit = u128::from(digit - b'0');
        if at < count / 2 { (left * 10 + digit, right) } else { (left, right * 10 + digit) }
    })
}

fn scatter(text: &mut [u8], count: usize, (mut left, mut right): (u128, u128)) {
    let digits = text.iter_mut().rev().filter(|byte| byte.is_ascii_digit()).take(count);
    for (at, place) in digits.enumerate() {
        let half = if at < count - count / 2 { &mut right } else { &mut left };
        *place = b'0' + u8::try_from(*half % 10).unwrap_or_default();
        *half /= 10;
    }
}

fn split(value: u64, count: usize) -> (u128, u128) {
    let unit = power(count - count / 2);
    ((value / unit).into(), (value % unit).into())
}

fn join((left, right): (u128, u128), count: usize) -> Option<u64> {
    u64::try_from(left * power128(count - count / 2) + right).ok()
}

/// The last `count` decimal digits of a number, as text.
fn write(mut value: u64, count: usize, digits: &mut [u8; 20]) -> &[u8] {
    for place in digits.iter_mut().rev() {
        *place = b'0' + u8::try_from(value % RADIX).unwrap_or_default();
        value /= RADIX;
    }
    digits.get(digits.len().saturating_sub(count)..).unwrap_or_default()
}

fn tweak(piece: usize, count: usize) -> [u8; 16] {
    (((piece as u128) << 64) | count as u128).to_be_bytes()
}

fn power(exponent: usize) -> u64 {
    (0..exponent).fold(1, |power: u64, _| power.saturating_mul(RADIX))
}

fn power128(exponent: usize) -> u128 {
    (0..exponent).fold(1, |power: u128, _| power.saturating_mul(10))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use zeroize::Zeroizing;

    fn digits() -> Digits {
        Digits::new(&Key::new(Zeroizing::new([7; 32])), "card").unwrap()
    }

    #[test]
    fn other_characters_stay_and_digits_change() {
        let mut text = b"4111-1111 1111/1111 x".to_vec();
        digits().replace(&mut text, Lead::Any);
        let shape: Vec<u8> = text.iter().map(|byte| if byte.is_ascii_digit() { b'9' } else { *byte }).collect();
        assert_eq!(shape, b"9999-9999 9999/9999 x");
        assert_ne!(text, b"4111-1111 1111/1111 x");
    }

    #[test]
    fn six_digits_are_permuted() {
        let digits = digits();
        let images: BTreeSet<u64> = (100_000..120_000).map(|value| digits.integer(value, u64::MAX)).collect();
        assert_eq!(images.len(), 20_000);
        assert!(images.iter().all(|image| (100_000..=999_999).contains(image)));
    }

    proptest! {
        #[test]
        fn integers_keep_their_length_and_range(value: u32, narrow: bool) {
            let highest: u64 = if narrow { 2_147_483_647 } else { u64::MAX };
            let value = u64::from(value).min(highest);
            let image = digits().integer(value, highest);
            prop_assert_eq!(image.to_string().len(), value.to_string().len());
            prop_assert!(image <= highest);
        }

        #[test]
        fn text_and_numbers_agree(value in 100_000_u64..9_000_000_000_000_000_000) {
            let mut text = value.to_string().into_bytes();
            digits().replace(&mut text, Lead::NonZero);
            prop_assert_eq!(digits().integer(value, u64::MAX).to_string().into_bytes(), text);
        }

        #[test]
        fn digits_of_any_number_are_replaced(text in "[0-9a-z]{0,400}", nonzero: bool) {
            let lead = if nonzero { Lead::NonZero } else { Lead::Any };
            let mut once = text.clone().into_bytes();
            digits().replace(&mut once, lead);
            for (before, after) in text.bytes().zip(&once) {
                prop_assert_eq!(before.is_ascii_digit(), after.is_ascii_digit());
                prop_assert!(before.is_ascii_digit() || before == *after);
            }
            let count = once.iter().filter(|byte| byte.is_ascii_digit()).count();
            let first = once.iter().find(|byte| byte.is_ascii_digit());
            prop_assert!(!nonzero || count < 2 || first != Some(&b'0'));
            // Ten digits stay as they were once in ten thousand million values.
            prop_assert!(count < 10 || once != text.as_bytes());
        }
    }
}
