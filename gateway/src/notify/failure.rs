//! Why a notifier could not be told: in words that hold no secret.

use crate::credential::{self, CredentialError, Source};
use std::fmt;
use std::time::Duration;

/// Characters of a failure's text: the other side may have sent any number.
const LONGEST: usize = 300;
/// A shorter secret is no secret, and its letters are in every text.
const SHORTEST_SECRET: usize = 4;

/// Why it failed, and what to do where that is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Failure {
    why: String,
    /// How long the other side wants to be left alone.
    pub wait: Option<Duration>,
}

impl Failure {
    /// A failure in these words.
    pub(super) fn new(why: impl fmt::Display) -> Self {
        Self { why: why.to_string(), wait: None }
    }

    /// The same, cut, and without what these sources hold: whoever answers may have sent it back.
    pub(super) fn without(mut self, secrets: &[&Source]) -> Self {
        for secret in secrets.iter().filter_map(|source| credential::fetch(source).ok()) {
            let values = [Some(secret.password.as_str()), secret.user.as_deref(), path(&secret.password)];
            for value in values.into_iter().flatten().filter(|value| value.len() >= SHORTEST_SECRET) {
                self.why = self.why.replace(value, "[secret]");
            }
        }
        // Last: half a secret would not be found.
        if let Some((end, _)) = self.why.char_indices().nth(LONGEST) {
            self.why.truncate(end);
            self.why.push('…');
        }
        self
    }
}

impl From<CredentialError> for Failure {
    fn from(error: CredentialError) -> Self {
        Self::new(error)
    }
}

/// What makes an address a secret: all behind its host.
fn path(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    rest.split_once('/').map(|(_, path)| path)
}

/// What the other side sent, as a line that can be printed.
pub(super) fn foreign(text: &str) -> String {
    let printable = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    printable.collect::<String>().trim().to_owned()
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
            let told = Failure::new(text).without(&[&source]).to_string();
            assert!(!told.contains("T0") && told.contains("[secret]"), "{told}");
        }
        assert_eq!(Failure::new("ä".repeat(999)).without(&[]).to_string().chars().count(), LONGEST + 1);
        assert_eq!(foreign("a\r\nb\u{1b}[31m"), "a  b [31m");
    }
}
