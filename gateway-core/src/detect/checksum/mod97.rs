//! The remainder by 97 of ISO/IEC 7064, as IBANs have it (ISO 13616).

/// Whether letters and digits, the first four moved to the end, leave 1 as a number: A is 10, Z is 35.
pub(in crate::detect) fn mod97(characters: &[u8]) -> bool {
    let Some((head, rest)) = characters.split_at_checked(4) else { return false };
    let remainder = rest.iter().chain(head).try_fold(0u32, |sum, character| match character {
        b'0'..=b'9' => Some((sum * 10 + u32::from(character - b'0')) % 97),
        b'A'..=b'Z' => Some((sum * 100 + u32::from(character - b'A') + 10) % 97),
        b'a'..=b'z' => Some((sum * 100 + u32::from(character - b'a') + 10) % 97),
        _ => None,
    });
    remainder == Some(1)
}

#[cfg(test)]
mod tests {
    use super::mod97;

    #[test]
    fn known_accounts() {
        for (text, good) in [
            ("GB82WEST12345698765432", true),
            ("DE89370400440532013000", true),
            ("fr1420041010050500013M02606", true),
            ("DE89370400440532013001", false),
            ("DE98370400440532013000", false),
            ("DE89 370400440532013000", false),
            ("DE8", false),
        ] {
            assert_eq!(mod97(text.as_bytes()), good, "{text}");
        }
    }
}
