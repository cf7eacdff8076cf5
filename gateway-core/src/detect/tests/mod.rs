//! What is found and what is not, by whole texts; and that a text's cuts make no difference.

mod chunking;
mod json;
mod own;
mod values;

use super::{DetectConfig, Detectors};
use std::sync::OnceLock;

/// All built-in rules.
fn detectors() -> &'static Detectors {
    static DETECTORS: OnceLock<Detectors> = OnceLock::new();
    DETECTORS.get_or_init(|| Detectors::new(&DetectConfig::default()).expect("the built-in rules"))
}

fn redacted(detectors: &Detectors, text: &str) -> String {
    let (mut out, mut hits) = (Vec::new(), detectors.hits());
    detectors.redact(text.as_bytes(), &mut detectors.scratch(), &mut out, &mut hits);
    String::from_utf8_lossy(&out).into_owned()
}

/// Each text as it has to come out; what differs is told at once.
fn check(pairs: &[(&str, &str)]) {
    let detectors = detectors();
    let wrong: Vec<_> = pairs
        .iter()
        .map(|(text, expected)| (*text, redacted(detectors, text), *expected))
        .filter(|(_, out, expected)| out != expected)
        .collect();
    assert!(wrong.is_empty(), "text, what came out, what was expected: {wrong:#?}");
}

/// Texts in which nothing is found.
fn harmless(texts: &[&str]) {
    check(&texts.iter().map(|text| (*text, *text)).collect::<Vec<_>>());
}
