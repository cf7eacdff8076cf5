//! Any bytes through the detectors: for the fuzz target and the properties.

use super::engine::Scratch;
use super::{DetectConfig, Detectors, Stream};
use std::sync::OnceLock;

/// Looks through `bytes` as a text, in pieces, as a column and as JSON; the first byte says how long the pieces are.
///
/// Findings lie in the text and don't overlap; the text in pieces is redacted as the whole is; JSON stays JSON.
///
/// # Panics
/// Where that is not so.
pub fn fuzz_entry(bytes: &[u8]) {
    static DETECTORS: OnceLock<Option<Detectors>> = OnceLock::new();
    let Some(detectors) = DETECTORS.get_or_init(|| Detectors::new(&DetectConfig::default()).ok()) else { return };
    let Some((first, text)) = bytes.split_first() else { return };
    let mut scratch = detectors.scratch();
    holds(detectors, &mut scratch, text, usize::from(*first) + 1);
}

/// Holds what is said of `text` against itself.
pub(super) fn holds(detectors: &Detectors, scratch: &mut Scratch, text: &[u8], piece: usize) {
    let mut found = Vec::new();
    detectors.find(text, scratch, &mut found);
    let mut end = 0;
    for finding in &found {
        assert!(finding.span.start >= end && finding.span.end > finding.span.start, "{found:?} overlap");
        end = finding.span.end;
        assert!(end <= text.len() && finding.score >= 50, "{finding:?} is not in the text, or does not count");
    }
    let (mut whole, mut hits) = (Vec::new(), detectors.hits());
    detectors.redact(text, scratch, &mut whole, &mut hits);
    assert_eq!(hits.total(), found.len() as u64, "as many replaced as found");
    let (mut cut, mut cut_hits) = (Vec::new(), detectors.hits());
    let mut stream = Stream::default();
    for piece in text.chunks(piece) {
        stream.push(detectors, piece, scratch, &mut cut, &mut cut_hits);
        assert!(stream.held() <= 1100, "{} bytes are held back", stream.held());
    }
    stream.finish(detectors, scratch, &mut cut, &mut cut_hits);
    assert!(whole == cut, "{} and in pieces of {piece} {}", String::from_utf8_lossy(&whole), String::from_utf8_lossy(&cut));
    assert_eq!(hits, cut_hits, "counts depend on how a text is cut");
    let (mut json, mut valid) = (Vec::new(), text.to_vec());
    valid.retain(|byte| byte.is_ascii());
    detectors.redact_json(&valid, scratch, &mut json, &mut hits);
    assert!(serde_json::from_slice::<serde::de::IgnoredAny>(&json).is_ok() || too_deep(&json), "what comes out is JSON");
    detectors.redact_column(b"ssn", text, scratch, &mut json, &mut hits);
}

/// Whether the check itself gives up: it follows 128 levels.
fn too_deep(json: &[u8]) -> bool {
    json.iter().filter(|byte| matches!(byte, b'[' | b'{')).count() > 100
}
