//! Texts that may be shown: what somebody else said, without control characters and without what we told them in confidence.

use super::{Source, fetch};

/// Characters of such a text: the other side may have sent any number.
const LONGEST: usize = 300;
/// A shorter secret is no secret, and its letters are in every text.
const SHORTEST_SECRET: usize = 4;

/// The text, cut, and without what these sources hold: whoever answers may have sent it back.
#[must_use]
pub fn without(mut text: String, secrets: &[&Source]) -> String {
    for secret in secrets.iter().filter_map(|source| fetch(source).ok()) {
        let values = [Some(secret.password.as_str()), secret.user.as_deref(), path(&secret.password)];
        for value in values.into_iter().flatten().filter(|value| value.len() >= SHORTEST_SECRET) {
            text = text.replace(value, "[secret]");
        }
    }
    // Last: half a secret would not be found.
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// What the other side sent, as a line that can be printed.
#[must_use]
pub fn foreign(text: &str) -> String {
    let printable = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    printable.collect::<String>().trim().to_owned()
}

/// What makes an address a secret: all behind its host.
fn path(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    rest.split_once('/').map(|(_, path)| path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::OpenOptionsExt as _;

    #[test]
    fn what_comes_back_holds_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("url");
        let mut options = std::fs::OpenOptions::new();
        let mut opened = options.write(true).create(true).truncate(true).mode(0o600).open(&file).unwrap();
        std::io::Write::write_all(&mut opened, b"https://hooks.example/services/T0/B0/hunter2").unwrap();
        let source = Source::File(file);
        let at_the_end = format!("{}services/T0/B0/hunter2", "x".repeat(LONGEST - 20));
        for text in ["it knows no services/T0/B0/hunter2", "https://hooks.example/services/T0/B0/hunter2: no", &at_the_end] {
            let told = without(text.to_owned(), &[&source]);
            assert!(!told.contains("T0") && told.contains("[secret]"), "{told}");
        }
        assert_eq!(without("ä".repeat(999), &[]).chars().count(), LONGEST + 1);
        assert_eq!(foreign("a\r\nb\u{1b}[31m"), "a  b [31m");
    }
}
