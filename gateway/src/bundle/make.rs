//! Writes a bundle.

use super::BundleError;
use crate::evidence::log::{LogError, prove, read_log};
use crate::evidence::{EvidenceError, Tombstone, Walk, files, kept_policy};
use crate::ledger::Events;
use gateway_core::model::ids::SessionId;
use gateway_core::record::FrameKind;
use gateway_core::record::log::Entry;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use tar::{Builder, Header};

const README: &str = "The record of one session of weir, with all that proves it.

Check it, offline, with the log's public key as you noted it down elsewhere:

    weir audit verify --bundle THIS.tar --key KEY

The formats are described in weir's book: evidence.md (records, byte by byte) and log.md (the log's proofs, which are
those of C2SP's tlog-proof and verify with other tools, too).
";

const LEFT: &str = "What is left of the record of one session of weir, which was removed: that it was, when, by whom and why.

Check it, offline, with the log's public key as you noted it down elsewhere:

    weir audit verify --bundle THIS.tar --key KEY

The formats are described in weir's book: log.md (the log's proofs, which are those of C2SP's tlog-proof).
";

/// Writes the bundle of `session` to `to`, which must not be there yet. Of a record that was removed it has the proofs alone,
/// and the tombstone comes back.
///
/// # Errors
/// Where the session is not closed, no checkpoint covers its end yet, or something can't be read or written.
pub fn make(state_dir: &Path, session: SessionId, to: &Path) -> Result<Option<Tombstone>, BundleError> {
    let failed = |error| BundleError::Io { path: to.to_owned(), error };
    let Listed { opened, closed, removed } = Listed::read(state_dir, session)?;
    let proved: Vec<u64> = [opened, closed].into_iter().chain(removed.iter().map(|(index, _)| *index)).collect();
    let proofs = prove(state_dir, &proved).map_err(|error| match error {
        LogError::NoEntry { .. } => BundleError::Unsigned(session),
        error => EvidenceError::from(error).into(),
    })?;
    let (identity, policies) = match removed {
        Some(_) => (Value::Null, BTreeSet::new()),
        None => about(state_dir, session)?,
    };
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(failed)?;
    let mut tar = Builder::new(file);
    let readme = if removed.is_some() { LEFT } else { README };
    member(&mut tar, "README.txt", readme.as_bytes()).map_err(failed)?;
    // What has a tombstone is none any more, whatever lies there.
    let segments = if removed.is_some() { Vec::new() } else { files::segments(state_dir, session)? };
    for (number, (path, _)) in segments.into_iter().enumerate() {
        let mut segment = File::open(&path).map_err(failed)?;
        tar.append_file(format!("record/{number:04}.weir"), &mut segment).map_err(failed)?;
    }
    for (name, proof) in ["log/opened.proof", "log/closed.proof", "log/removed.proof"].into_iter().zip(&proofs) {
        member(&mut tar, name, proof.as_bytes()).map_err(failed)?;
    }
    let public = std::fs::read(state_dir.join("log.pub")).map_err(failed)?;
    member(&mut tar, "log/log.pub", &public).map_err(failed)?;
    for hash in policies {
        if let Some(kept) = kept_policy(state_dir, &hash)? {
            member(&mut tar, &format!("policies/{hash}.json"), &kept.to_bytes()).map_err(failed)?;
        }
    }
    member(&mut tar, "events.jsonl", &events(state_dir, session)?).map_err(failed)?;
    if !identity.is_null() {
        member(&mut tar, "identity.json", &serde_json::to_vec_pretty(&identity).unwrap_or_default()).map_err(failed)?;
    }
    let mut file = tar.into_inner().map_err(failed)?;
    file.flush().and_then(|()| file.sync_all()).map_err(failed)?;
    Ok(removed.map(|(_, tombstone)| tombstone))
}

/// The numbers of the log's entries of a session: its beginning, its end, and its tombstone where it was removed.
struct Listed {
    opened: u64,
    closed: u64,
    removed: Option<(u64, Tombstone)>,
}

impl Listed {
    fn read(state_dir: &Path, session: SessionId) -> Result<Self, BundleError> {
        let (mut opened, mut closed, mut removed) = (None, None, None);
        for (index, entry) in read_log(state_dir).map_err(EvidenceError::from)? {
            let Some(entry) = entry.ok().filter(|entry| entry.session() == Some(session)) else { continue };
            match entry {
                Entry::Opened { .. } => opened = Some(index),
                Entry::Closed { .. } => closed = Some(index),
                other => removed = removed.or_else(|| Tombstone::of(&other).map(|(_, stone)| (index, stone))),
            }
        }
        let (opened, closed) = opened.zip(closed).ok_or(BundleError::Open(session))?;
        Ok(Self { opened, closed, removed })
    }
}

/// Who it was, and the policy sets that decided.
fn about(state_dir: &Path, session: SessionId) -> Result<(Value, BTreeSet<String>), BundleError> {
    let mut walk = Walk::open(state_dir, session)?;
    let (mut identity, mut policies) = (Value::Null, BTreeSet::new());
    while let Some(seen) = walk.next(|kind| matches!(kind, FrameKind::Opened | FrameKind::Decision | FrameKind::Note))? {
        let body: Value = match seen.kind {
            FrameKind::Opened | FrameKind::Decision | FrameKind::Note => serde_json::from_slice(seen.body).unwrap_or_default(),
            _ => continue,
        };
        let hash = body.get("set_hash").or_else(|| body.pointer("/decision/set_hash")).and_then(Value::as_str);
        policies.extend(hash.map(str::to_owned));
        if seen.kind == FrameKind::Opened {
            identity = body;
        }
    }
    Ok((identity, policies))
}

/// What people decided that names the session, a line each.
fn events(state_dir: &Path, session: SessionId) -> Result<Vec<u8>, BundleError> {
    let mut lines = Vec::new();
    let Some(mut events) = Events::of(state_dir)? else { return Ok(lines) };
    let name = session.to_string();
    while let Some(event) = events.following()? {
        if event.subject == name || event.details.get("session").and_then(Value::as_str) == Some(&name) {
            // Writing JSON into memory can't fail.
            let _written = serde_json::to_writer(&mut lines, &event).is_ok();
            lines.push(b'\n');
        }
    }
    Ok(lines)
}

fn member(tar: &mut Builder<File>, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o600);
    header.set_cksum();
    tar.append_data(&mut header, name, bytes)
}
