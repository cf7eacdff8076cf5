//! The fuzz target's entry: every parser of the log, on the same bytes.

use super::{Entry, Note, Proof, SignedCheckpoint, VerifierKey, tile, tree};

/// For the fuzz target: reads `bytes` as everything that the log reads. What is read is written again as it was.
///
/// # Panics
/// Where it is not.
pub fn fuzz_entry(bytes: &[u8]) {
    if let Ok(note) = Note::parse(bytes) {
        assert_eq!(note.to_string().as_bytes(), bytes);
    }
    if let Ok(signed) = SignedCheckpoint::parse(bytes) {
        assert_eq!(signed.to_string().as_bytes(), bytes);
        assert!(signed.verify("log", &[]).is_err());
    }
    if let Ok(proof) = Proof::parse(bytes) {
        assert_eq!(proof.to_string().as_bytes(), bytes);
        assert!(proof.verify(bytes, "log", &[]).is_err());
    }
    let (width, rest) = bytes.split_first().map_or((1, bytes), |(&width, rest)| (usize::from(width) + 1, rest));
    if let Ok(entries) = tile::entries(rest, width) {
        let mut again = Vec::new();
        assert!(entries.iter().all(|entry| tile::push_entry(&mut again, entry)) && again == rest);
    }
    if let Ok(hashes) = tile::hashes(rest, width) {
        assert_eq!(tile::hash_bytes(&hashes), rest);
        let claimed = bytes.first_chunk::<8>().map_or(0, |size| u64::from_be_bytes(*size));
        let Some((&root, path)) = hashes.split_first() else { return };
        let _proved = tree::verify_inclusion(root, claimed / 2, claimed, path, root).is_ok();
        let _proved = tree::verify_consistency(claimed / 3, root, claimed, root, path).is_ok();
    }
    if let Ok(entry) = Entry::parse(bytes) {
        let written = entry.to_bytes().unwrap_or_default();
        assert!(written.is_empty() || Entry::parse(&written).is_ok_and(|again| again.at() == entry.at()));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(key) = text.parse::<VerifierKey>() {
            assert_eq!(key.to_string(), text);
        }
        if let Some(tile) = tile::Tile::parse(text) {
            assert_eq!(tile.to_string(), text);
            let _needs = tile.needs();
        }
    }
}
