//! Luhn's checksum (ISO/IEC 7812-1, annex B): payment cards.

/// Whether the last digit fits those before it.
pub(in crate::detect) fn luhn(digits: &[u8]) -> bool {
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| if place % 2 == 1 { doubled(u32::from(*digit)) } else { u32::from(*digit) })
        .sum();
    digits.len() > 1 && sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::super::Digits;
    use super::luhn;

    #[test]
    fn known_numbers() {
        for (text, good) in [
            ("4111 1111 1111 1111", true),
            ("378282246310005", true),
            ("79927398713", true),
            ("4111 1111 1111 1112", false),
            ("4111 1111 1111 1711", false),
            ("79927398710", false),
            ("0", false),
        ] {
            assert_eq!(luhn(Digits::of(text.as_bytes()).expect("short").values()), good, "{text}");
        }
    }
}
