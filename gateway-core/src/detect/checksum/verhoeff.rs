//! Verhoeff's checksum (Error Detecting Decimal Codes, 1969): Aadhaar. It is worked out in the dihedral group of order 10.

/// The permutation that is applied as often as the digit's place says.
const PERMUTATION: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
/// The digits, permuted so often.
const PERMUTED: [[u8; 10]; 8] = {
    let mut rows = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]; 8];
    let mut cell = 10;
    while cell < 80 {
        rows[cell / 10][cell % 10] = PERMUTATION[rows[cell / 10 - 1][cell % 10] as usize];
        cell += 1;
    }
    rows
};
const PRODUCTS: [[u8; 10]; 10] = {
    let mut rows = [[0; 10]; 10];
    let mut cell = 0;
    while cell < 100 {
        rows[cell / 10][cell % 10] = product((cell / 10) as u8, (cell % 10) as u8);
        cell += 1;
    }
    rows
};

/// Whether the last digit fits those before it.
pub(in crate::detect) fn verhoeff(digits: &[u8]) -> bool {
    let sum = digits.iter().rev().enumerate().fold(0, |sum, (place, digit)| {
        let permuted = PERMUTED.get(place % 8).and_then(|row| row.get(usize::from(*digit))).copied().unwrap_or_default();
        PRODUCTS.get(usize::from(sum)).and_then(|row| row.get(usize::from(permuted))).copied().unwrap_or_default()
    });
    digits.len() > 1 && sum == 0
}

/// The product of two elements: 0 to 4 are turns, 5 to 9 turns of the mirrored pentagon.
const fn product(left: u8, right: u8) -> u8 {
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
