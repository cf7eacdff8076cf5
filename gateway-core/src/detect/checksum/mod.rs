//! Checksums of cards, accounts and national ids: digits in, true or false out. A digit is its value, 0 to 9.

mod luhn;
mod mod11;
mod mod97;
mod national;
mod verhoeff;

pub(super) use luhn::luhn;
pub(super) use mod11::{abn, cnpj, cpf, nhs, pesel, tfn};
pub(super) use mod97::mod97;
pub(super) use national::{codice_fiscale, hetu, nif_letter};
pub(super) use verhoeff::verhoeff;

/// The digits of a written value, without what separates them: 24 at most, more are no checksummed number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Digits {
    /// One more than there can be, for what is no digit.
    values: [u8; MOST_DIGITS + 1],
    count: usize,
}

const MOST_DIGITS: usize = 24;

impl Digits {
    /// The digits of `text`; none where there are more than 24.
    pub(super) fn of(text: &[u8]) -> Option<Self> {
        let mut digits = Self { values: [0; MOST_DIGITS + 1], count: 0 };
        for byte in text {
            // Written in any case, so that nothing has to be foretold: what is no digit is overwritten.
            *digits.values.get_mut(digits.count)? = byte.wrapping_sub(b'0');
            digits.count += usize::from(byte.is_ascii_digit());
        }
        (digits.count <= MOST_DIGITS).then_some(digits)
    }

    /// Their values.
    pub(super) fn values(&self) -> &[u8] {
        self.values.get(..self.count).unwrap_or_default()
    }

    /// The number that `count` digits from `from` on are; `None` where there are not so many.
    pub(super) fn number(&self, from: usize, count: usize) -> Option<u32> {
        let digits = self.values().get(from..from + count)?;
        Some(digits.iter().fold(0, |number, digit| number * 10 + u32::from(*digit)))
    }
}

/// The sum of the digits, each times its weight.
fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| u32::from(*digit) * weight).sum()
}

/// Whether there is such a day. A year of two digits counts as a leap year: the century is not known.
pub(super) fn is_day(year: Option<u32>, month: u32, day: u32) -> bool {
    let leap = year.is_none_or(|year| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_are_and_are_not() {
        for (year, month, day) in [(Some(2024), 2, 29), (Some(2000), 2, 29), (None, 2, 29), (Some(1999), 12, 31)] {
            assert!(is_day(year, month, day), "{year:?} {month} {day}");
        }
        for (year, month, day) in
            [(Some(2023), 2, 29), (Some(1900), 2, 29), (None, 4, 31), (None, 13, 1), (None, 0, 1), (None, 1, 0)]
        {
            assert!(!is_day(year, month, day), "{year:?} {month} {day}");
        }
    }

    #[test]
    fn digits_are_taken_out_of_what_separates_them() {
        let digits = Digits::of(b"12-3 4.x").expect("four digits");
        assert_eq!((digits.values(), digits.number(1, 2), digits.number(3, 2)), (&[1, 2, 3, 4][..], Some(23), None));
        assert!(Digits::of(&[b'1'; 25]).is_none());
    }
}
