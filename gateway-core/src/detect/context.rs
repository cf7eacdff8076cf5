//! Words near a finding that say what it is: `phone: …`, `customer_ssn`, `dateOfBirth`.

use aho_corasick::{AhoCorasick, BuildError, MatchKind};

/// Words that are looked for before a finding, in any case, each as a word of its own.
#[derive(Debug)]
pub(super) struct Words(AhoCorasick);

impl Words {
    /// What is written with a space is found with `_`, with `-` and without anything between too.
    pub(super) fn new<W: AsRef<str>>(words: &[W]) -> Result<Option<Self>, BuildError> {
        if words.is_empty() {
            return Ok(None);
        }
        let mut written: Vec<_> =
            words.iter().flat_map(|word| [" ", "_", "-", ""].map(|space| word.as_ref().replace(' ', space))).collect();
        written.sort_unstable();
        written.dedup();
        let automaton =
            AhoCorasick::builder().ascii_case_insensitive(true).match_kind(MatchKind::LeftmostLongest).build(written)?;
        Ok(Some(Self(automaton)))
    }

    /// How far before `at` the nearest of them ends, of those that begin in the `within` bytes before it.
    pub(super) fn before(&self, text: &[u8], at: usize, within: usize) -> Option<usize> {
        let near = text.get(at.saturating_sub(within)..at).unwrap_or_default();
        let found = self.0.find_iter(near).filter(|found| is_word(near, found.start(), found.end()));
        found.last().map(|found| near.len() - found.end())
    }
}

/// Whether `start..end` is a word by itself: no letter beside it, but for a plural's `s` and another hump of camelCase.
pub(super) fn is_word(text: &[u8], start: usize, end: usize) -> bool {
    let at = |place: usize| text.get(place).copied().unwrap_or_default();
    let hump = |left: u8, right: u8| left.is_ascii_lowercase() && right.is_ascii_uppercase();
    let parted = |left: u8, right: u8| !is_letter(left) || !is_letter(right) || hump(left, right);
    let begins = start == 0 || parted(at(start - 1), at(start));
    let last = at(end.saturating_sub(1));
    let plural = matches!(at(end), b's' | b'S') && parted(at(end), at(end + 1));
    begins && (parted(last, at(end)) || plural)
}

/// Bytes beyond ASCII are parts of letters, as far as words go.
const fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_by_itself_alone() {
        let words = Words::new(&["phone", "tel", "date of birth"]).expect("three words").expect("not none");
        for (text, found) in [
            ("phone: ", true),
            ("Phones ", true),
            ("user_phone=", true),
            ("userPhone=", true),
            ("\"phoneNumber\": \"", true),
            ("Tel. ", true),
            ("Date of Birth ", true),
            ("telemetry ", false),
            ("microphone ", false),
            ("phoneme ", false),
            ("hotel ", false),
            ("été tel", true),
            ("date_of_birth: ", true),
            ("DateOfBirth ", true),
            ("", false),
        ] {
            assert_eq!(words.before(text.as_bytes(), text.len(), 64).is_some(), found, "{text}");
        }
        assert_eq!(words.before(b"phone    x", 9, 9), Some(4));
        assert_eq!(words.before(b"phone    x", 9, 8), None);
    }
}
