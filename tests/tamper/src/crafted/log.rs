//! What is done to the transparency log, and to all of a store with it.

use super::records;
use crate::alter::Alteration;
use crate::place::Place;
use crate::store::{Base, Files, Stores};
use anyhow::Context as _;
use gateway_core::record::log::tile::{self, FULL};
use gateway_core::record::log::tree::leaf_hash;
use gateway_core::record::log::{Checkpoint, Edge, Entry, SignedCheckpoint, SigningKey};
use zeroize::Zeroizing;

const JOURNAL: &str = "log/journal";
const CHECKPOINT: &str = "log/checkpoint";

/// A key that is not the log's, and calls itself so.
fn stranger(base: &Base) -> anyhow::Result<SigningKey> {
    Ok(SigningKey::from_seed(base.key.verifier().name(), &Zeroizing::new([9; 32]))?)
}

fn file<'b>(base: &'b Base, path: &str) -> anyhow::Result<&'b [u8]> {
    base.files.get(path).map(Vec::as_slice).with_context(|| format!("the store has {path}"))
}

/// How many entries a base's last checkpoint covers.
fn covered(base: &Base) -> anyhow::Result<u64> {
    Ok(SignedCheckpoint::parse(&base.checkpoint)?.checkpoint().size)
}

/// The entries that a journal holds, and the number of the first.
fn entries(journal: &[u8]) -> anyhow::Result<(u64, Vec<Vec<u8>>)> {
    let first = u64::from_be_bytes(journal.get(8..16).context("a header")?.try_into()?);
    let (mut rest, mut all) = (journal.get(16..).unwrap_or_default(), Vec::new());
    while let Some(length) = rest.get(..2) {
        let length = usize::from(u16::from_be_bytes(length.try_into()?));
        let (entry, behind) = rest.get(10..).and_then(|rest| rest.split_at_checked(length)).context("an entry")?;
        all.push(entry.to_vec());
        rest = behind;
    }
    Ok((first, all))
}

/// A journal of these entries, each with the beginning of its hash.
fn journal(first: u64, entries: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = [b"weirlog1".as_slice(), &first.to_be_bytes()].concat();
    for entry in entries {
        bytes.extend_from_slice(&u16::try_from(entry.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend_from_slice(leaf_hash(entry).0.get(..8).unwrap_or_default());
        bytes.extend_from_slice(entry);
    }
    bytes
}

/// A whole log of these entries, which fit into its journal: as the program would write it, signed by `key`.
fn log_anew(entries: &[Vec<u8>], key: &SigningKey) -> anyhow::Result<Files> {
    let mut edge = Edge::default();
    entries.iter().for_each(|entry| edge.push(leaf_hash(entry), |_, _| {}));
    let mut files = Files::new();
    for (tile, hashes) in edge.tiles() {
        files.insert(format!("log/{tile}"), tile::hash_bytes(hashes));
    }
    let mut bundle = Vec::new();
    anyhow::ensure!(entries.iter().all(|entry| tile::push_entry(&mut bundle, entry)), "each entry fits into its bundle");
    files.insert(format!("log/tile/entries/000.p/{}", entries.len()), bundle);
    files.insert(JOURNAL.to_owned(), journal(0, entries));
    let origin = key.verifier().name().to_owned();
    let checkpoint = Checkpoint { origin, size: edge.size(), root: edge.root(), extensions: Vec::new() };
    files.insert(CHECKPOINT.to_owned(), signed(checkpoint, key)?);
    Ok(files)
}

fn signed(checkpoint: Checkpoint, key: &SigningKey) -> anyhow::Result<Vec<u8>> {
    let mut signed = SignedCheckpoint::new(checkpoint)?;
    signed.note_mut().sign(key);
    Ok(signed.to_string().into_bytes())
}

/// `base` with all files of this part as in `files`.
fn replaced(what: &str, base: &Base, files: &Files, part: impl Fn(&str) -> bool) -> Alteration {
    let gone = base.files.keys().filter(|path| part(path) && !files.contains_key(*path));
    let alteration = gone.fold(Alteration::new(what), Alteration::gone);
    files.iter().filter(|(path, _)| part(path)).fold(alteration, |all, (path, bytes)| all.file(path, bytes.clone()))
}

/// The log that goes with records, and records that go with it.
pub(super) fn of_records(stores: &Stores) -> anyhow::Result<Vec<Alteration>> {
    let (base, older) = (&stores.records, &stores.older);
    let (_, true_ones) = entries(file(base, JOURNAL)?)?;
    let size = true_ones.len() as u64;
    anyhow::ensure!(size == covered(base)? && size < FULL, "the log of the records has {size} entries");
    let closing = true_ones.iter().rposition(|entry| matches!(Entry::parse(entry), Ok(Entry::Closed { .. })));
    let closing = closing.context("a record was closed")?;
    let mut forged = true_ones.clone();
    let Entry::Closed { at, session, frames, blocks, segments, end, .. } = Entry::parse(&true_ones[closing])? else {
        anyhow::bail!("it closes a record");
    };
    // The record says another, and its closing entry fits it: from here on the log alone can tell.
    let record = records::rewritten(base, session)?;
    let bytes = record.files().iter().map(|file| file.len() as u64).sum();
    let chain = record.last_hash();
    forged[closing] = Entry::Closed { at, session, frames, blocks, bytes, segments, chain, end }.to_bytes()?;
    let with_record = |alteration: Alteration| {
        let files = (0..).zip(record.files());
        files.fold(alteration, |all, (segment, bytes)| all.file(Base::path(session, segment), bytes))
    };
    let of_log = |path: &str| path.starts_with("log/");
    let entry = |number: usize| Place::Entries(number as u64, number as u64);
    let latest = SignedCheckpoint::parse(&base.checkpoint)?.checkpoint().size;
    let without_last = last_gone(base, &true_ones)?;
    Ok(vec![
        with_record(Alteration::new("a record is rewritten, and its closing entry").file(JOURNAL, journal(0, &forged)))
            .at([entry(closing)]),
        replaced(
            "an entry is forged, and the log made anew with another key",
            base,
            &log_anew(&forged, &stranger(base)?)?,
            of_log,
        )
        .at([Place::Checkpoint(latest)]),
        replaced("an entry is forged, and the log made anew with its own key", base, &log_anew(&forged, &base.key)?, of_log)
            .with_outside(&base.checkpoint)
            .at([Place::Checkpoint(latest)]),
        without_last.clone().at([Place::Entries(size - 1, size - 1)]),
        all_back("all of it is as it was a while ago", base, older, &[])
            .with_outside(&base.checkpoint)
            .at([Place::Checkpoint(latest)]),
        all_back("the log alone is as it was a while ago", base, older, &["log/"])
            .with_outside(&base.checkpoint)
            .at([Place::Checkpoint(latest)]),
        Alteration::new("the checkpoint of a while ago is there again")
            .file(CHECKPOINT, older.checkpoint.clone())
            .with_outside(&base.checkpoint)
            .at([Place::Checkpoint(latest), Place::Checkpoint(covered(older)?), Place::File(CHECKPOINT.to_owned())]),
    ])
}

/// All of a store, or these parts of it, as an older copy has them.
fn all_back(what: &str, base: &Base, older: &Base, parts: &[&str]) -> Alteration {
    replaced(what, base, &older.files, |path| parts.is_empty() || parts.iter().any(|part| path.starts_with(part)))
}

/// The last record, and all that tells of it, but for the checkpoint.
fn last_gone(base: &Base, entries: &[Vec<u8>]) -> anyhow::Result<Alteration> {
    let session = *base.records.keys().next_back().context("a record")?;
    let name = session.to_string();
    let tells = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(&name);
    let kept: Vec<Vec<u8>> = entries.iter().filter(|entry| !tells(entry)).cloned().collect();
    let mut alteration =
        Alteration::new("the last record is removed, and what the logs say of it").file(JOURNAL, journal(0, &kept));
    for path in base.files.keys().filter(|path| path.contains(&name)) {
        alteration = alteration.gone(path);
    }
    Ok(alteration)
}

/// A log of several bundles.
pub(super) fn of_long(base: &Base) -> anyhow::Result<Vec<Alteration>> {
    let size = covered(base)?;
    let checkpoint = SignedCheckpoint::parse(&base.checkpoint)?.checkpoint().clone();
    let other = stranger(base)?;
    let (first, kept) = entries(file(base, JOURNAL)?)?;
    let swapped = |path: &str, one: &str, two: &str| -> anyhow::Result<Vec<u8>> {
        let text = String::from_utf8(file(base, path)?.to_vec())?;
        anyhow::ensure!(text.contains(one) && one.len() == two.len(), "{path} has {one}");
        Ok(text.replacen(one, two, 1).into_bytes())
    };
    let forged = Checkpoint { root: leaf_hash(b"another"), ..checkpoint.clone() };
    let smaller = Checkpoint { size: size - 1, ..checkpoint.clone() };
    let mut flipped = file(base, "log/tile/0/001")?.to_vec();
    flipped.get_mut(33).into_iter().for_each(|byte| *byte ^= 1);
    let bundle = swapped("log/tile/entries/000", "\"number\":7}", "\"number\":8}")?;
    let leaves: Vec<_> = tile::entries(&bundle, FULL as usize)?.into_iter().map(leaf_hash).collect();
    let path = |path: &str| Place::File(path.to_owned());
    let last_three = kept.len().saturating_sub(usize::try_from(size - first)?) + 3;
    Ok(vec![
        Alteration::new("an old entry says another").file("log/tile/entries/000", bundle.clone()).at([Place::Entries(7, 7)]),
        Alteration::new("an old entry says another, and its tile too")
            .file("log/tile/entries/000", bundle)
            .file("log/tile/0/000", tile::hash_bytes(&leaves))
            .at([Place::Checkpoint(size), path("log/tile/1/000.p/3"), Place::Entries(0, 255)]),
        Alteration::new("a hash of a tile is another").file("log/tile/0/001", flipped).at([path("log/tile/0/001")]),
        Alteration::new("a tile is another's")
            .file("log/tile/0/001", file(base, "log/tile/0/000")?.to_vec())
            .at([path("log/tile/0/001"), Place::Entries(256, 511)]),
        Alteration::new("a tile is removed").gone("log/tile/0/001").at([path("log/tile/0/001")]),
        Alteration::new("old entries are removed").gone("log/tile/entries/001").at([Place::Entries(256, 511)]),
        Alteration::new("the last entries are removed")
            .file(JOURNAL, journal(first, kept.get(..kept.len() - last_three).unwrap_or_default()))
            .at([Place::Entries(size - 3, size - 1)]),
        Alteration::new("the checkpoint is signed with another key")
            .file(CHECKPOINT, signed(checkpoint, &other)?)
            .at([Place::Checkpoint(size)]),
        Alteration::new("the checkpoint is of another tree")
            .file(CHECKPOINT, signed(forged.clone(), &other)?)
            .at([Place::Checkpoint(size)]),
        Alteration::new("the checkpoint is of another tree, signed with the log's own key")
            .file(CHECKPOINT, signed(forged, &base.key)?)
            .at([Place::Checkpoint(size)]),
        Alteration::new("the checkpoint says another size")
            .file(CHECKPOINT, signed(smaller, &base.key)?)
            .at([Place::Checkpoint(size - 1)]),
        Alteration::new("the checkpoint is removed").gone(CHECKPOINT).at([path(CHECKPOINT)]),
        Alteration::new("the journal is removed").gone(JOURNAL).at([path(JOURNAL), Place::Entries(first, size - 1)]),
        Alteration::new("a file that is not the log's")
            .file("log/tile/0/x001/000", vec![0; 8192])
            .at([path("log/tile/0/x001/000")]),
    ])
}
