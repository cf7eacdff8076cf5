//! Verhoeff's checksum (Error Detecting Decimal Codes, 1969): Aadhaar. It is worked out in the dihedral group of order 10.

/// The permutation that is applied as often as the digit's place says.
const PERMUTATION: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];

/// Whether the last digit fits those before it.
pub(in crate::detect) fn verhoeff(digits: &[u8]) -> bool {
    let sum = digits.iter().rev().enumerate().fold(0, |sum, (place, digit)| {
        let permuted = (0..place % 8).fold(*digit, |digit, _| PERMUTATION.get(usize::from(digit)).copied().unwrap_or_default());
        product(sum, permuted)
    });
    digits.len() > 1 && sum == 0
}

/// The product of two elements: 0 to 4 are turns, 5 to 9 turns of the mirrored pentagon.
fn product(left: u8, right: u8) -> u8 {
    match (left < 5, right < 5) {
        (true, true) => (left + right) % 5,
        (true, false) => 5 + (left + right) % 5,
        (false, true) => 5 + (left - right) % 5,
        (false, false) => (left + 5 - right) % 5,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Digits;
    use super::verhoeff;

    #[test]
    fn known_numbers() {
        for (text, good) in [
            ("2363", true),
            ("123451", true),
            ("1428570", true),
            ("84736430954837284567892", true),
            ("2364", false),
            ("123450", false),
            ("1248570", false),
            ("84736430954837284567829", false),
        ] {
            assert_eq!(verhoeff(Digits::of(text.as_bytes()).expect("short").values()), good, "{text}");
        }
    }
}
