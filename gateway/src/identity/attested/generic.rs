//! Any other OpenID provider: its subject is the name, and the configuration says which claims are kept.

use gateway_core::hex::hex;
use sha2::{Digest as _, Sha256};

const DIGITS: usize = 8;

/// The subject as one part of a name. One that has to be spelt differently there gets a part of its hash, so
/// that two subjects never share a name.
pub(super) fn path(subject: &str) -> Vec<String> {
    let fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if subject.bytes().all(fit) && !matches!(subject, "." | "..") {
        return vec![subject.to_owned()];
    }
    let hash = hex(&Sha256::digest(subject.as_bytes()));
    vec![format!("{subject}-{}", hash.get(..DIGITS).unwrap_or_default())]
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn no_two_subjects_share_a_name() {
        assert_eq!(path("job-7"), ["job-7"]);
        assert_ne!(path("a b").first().unwrap().get(3..), path("a/b").first().unwrap().get(3..));
        assert!(path("..").first().unwrap().starts_with("..-"));
    }
}
