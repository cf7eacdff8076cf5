//! Check characters that are letters: ES NIF and NIE, FI henkilötunnus, IT codice fiscale.

/// The letter of a Spanish NIF or NIE with this number: by the remainder of 23 (Real Decreto 1553/2005, article 11).
pub(in crate::detect) fn nif_letter(number: u32) -> u8 {
    b"TRWAGMYFPDXBNJZSQVHLCKE".get(number as usize % 23).copied().unwrap_or_default()
}

/// The check character of a Finnish henkilötunnus whose nine digits are this number: by the remainder of 31 (DVV).
pub(in crate::detect) fn hetu(number: u32) -> u8 {
    b"0123456789ABCDEFHJKLMNPRSTUVWXY".get(number as usize % 31).copied().unwrap_or_default()
}

/// What characters in odd places of a codice fiscale count: by the digit, or by the letter's place in the alphabet.
const ODD: [u32; 26] = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];

/// Whether the sixteenth character of an Italian codice fiscale fits the others (Decreto ministeriale of 23 December 1976).
pub(in crate::detect) fn codice_fiscale(code: &[u8]) -> bool {
    let Some((check, body)) = code.split_last() else { return false };
    let value = |byte: u8| match byte.to_ascii_uppercase() {
        letter @ b'A'..=b'Z' => Some(u32::from(letter - b'A')),
        digit @ b'0'..=b'9' => Some(u32::from(digit - b'0')),
        _ => None,
    };
    let sum = body.iter().enumerate().try_fold(0, |sum, (place, byte)| {
        let value = value(*byte)?;
        // The first place is odd.
        Some(sum + if place % 2 == 0 { ODD.get(value as usize).copied()? } else { value })
    });
    body.len() == 15 && sum.is_some_and(|sum| check.is_ascii_alphabetic() && value(*check) == Some(sum % 26))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_known_numbers() {
        for (number, letter) in [(12_345_678, b'Z'), (1_234_567, b'L'), (0, b'T')] {
            assert_eq!(nif_letter(number), letter, "{number}");
        }
        // 131052-308T and 010101-123N.
        for (number, letter) in [(131_052_308, b'T'), (10_101_123, b'N')] {
            assert_eq!(hetu(number), letter, "{number}");
        }
    }

    #[test]
    fn known_codes() {
        for (code, good) in [
            ("RSSMRA85T10A562S", true),
            ("rssmra85t10a562s", true),
            ("RSSMRA85T10A562T", false),
            ("RSSMRA58T10A562S", false),
            ("RSSMRA85T10A562", false),
            ("RSSMRA85T10A5629", false),
        ] {
            assert_eq!(codice_fiscale(code.as_bytes()), good, "{code}");
        }
    }
}
