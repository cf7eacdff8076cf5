//! Checks a bundle with nothing but a public key.

use super::{BundleError, MOST};
use crate::evidence::{KeptPolicy, Tombstone};
use crate::ledger::Event;
use gateway_core::model::ids::SessionId;
use gateway_core::record::Hash;
use gateway_core::record::log::{Entry, Proof, VerifierKey};
use gateway_core::record::verify::{ClosedAs, Mark, Report, Verifier};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use tar::Archive;

/// What came of checking a bundle.
#[derive(Debug, Default, Serialize)]
pub struct BundleReport {
    /// The session, as the log's entry says.
    pub session: Option<SessionId>,
    /// The log's name.
    pub origin: Option<String>,
    /// How many entries the checkpoint covers that the proofs lead to.
    pub checkpoint_size: u64,
    /// Whose signatures were verified on it.
    pub signed_by: Vec<String>,
    /// Policy sets whose texts are there.
    pub policies: Vec<String>,
    /// Events of people's decisions whose signatures hold.
    pub events: u64,
    /// What is left of the record, where it was removed: then nothing of it was checked.
    pub removed: Option<Tombstone>,
    /// What was found in the record.
    pub record: Report,
    /// What is wrong beside the record.
    pub problems: Vec<String>,
}

impl BundleReport {
    /// How many things are wrong.
    #[must_use]
    pub fn wrong(&self) -> u64 {
        self.problems.len() as u64 + self.record.problems.len() as u64 + self.record.more_problems
    }
}

/// Checks the bundle at `path`. Without any of `keys` the key in the bundle is taken at its word, and the report says so.
///
/// # Errors
/// Where it can't be read as a tar file.
pub fn check(path: &Path, keys: &[VerifierKey]) -> Result<BundleReport, BundleError> {
    let failed = |error| BundleError::Io { path: path.to_owned(), error };
    let mut members = Members::read(path).map_err(failed)?;
    let mut report = BundleReport::default();
    let keys = members.keys(keys, &mut report);
    let opened = members.entry("log/opened.proof", &keys, &mut report);
    let closed = members.entry("log/closed.proof", &keys, &mut report);
    let removed =
        members.others.contains_key("log/removed.proof").then(|| members.entry("log/removed.proof", &keys, &mut report));
    match (opened, closed) {
        (
            Some(Entry::Opened { session, .. }),
            Some(Entry::Closed { session: same, frames, blocks, bytes, chain, end, segments, .. }),
        ) if session == same => {
            report.session = Some(session);
            if let Some(removed) = removed {
                left(removed, (session, frames, chain), &mut report);
                members.events(&mut report);
                return Ok(report);
            }
            let closed = ClosedAs { mark: Mark { frames, blocks, chain }, bytes, end };
            let mut verifier = Verifier::new(&session.to_string(), Some(closed));
            if members.segments.len() != usize::try_from(segments).unwrap_or(usize::MAX) {
                report.problems.push(format!("the record has {} of {segments} files", members.segments.len()));
            }
            // In the order of their names.
            for segment in members.segments.values() {
                verifier.segment(segment);
            }
            report.record = verifier.finish();
        }
        _ => report.problems.push("the proofs are not of one session's beginning and end".to_owned()),
    }
    members.policies(&mut report);
    members.events(&mut report);
    Ok(report)
}

/// The tombstone has to be of what was closed.
fn left(removed: Option<Entry>, (closed, all, last): (SessionId, u64, Hash), report: &mut BundleReport) {
    // That it does not prove anything is told already.
    let Some(entry) = removed else { return };
    match &entry {
        Entry::Removed { session, frames, chain, .. } if (*session, *frames, *chain) == (closed, all, last) => {
            report.removed = Tombstone::of(&entry).map(|(_, stone)| stone);
        }
        _ => report.problems.push("log/removed.proof is not of the record that was closed".to_owned()),
    }
}

/// What is in the tar file.
#[derive(Default)]
struct Members {
    segments: BTreeMap<String, Vec<u8>>,
    others: BTreeMap<String, Vec<u8>>,
}

impl Members {
    fn read(path: &Path) -> io::Result<Self> {
        let mut members = Self::default();
        for entry in Archive::new(File::open(path)?).entries()? {
            let mut entry = entry?;
            let name = entry.path()?.to_string_lossy().into_owned();
            let is_segment = name.starts_with("record/");
            if !is_segment && entry.size() > MOST {
                return Err(io::Error::other(format!("{name} is larger than anything in a bundle")));
            }
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            let to = if is_segment { &mut members.segments } else { &mut members.others };
            if to.insert(name.clone(), bytes).is_some() {
                return Err(io::Error::other(format!("{name} is there twice")));
            }
        }
        Ok(members)
    }

    fn keys(&self, given: &[VerifierKey], report: &mut BundleReport) -> Vec<VerifierKey> {
        if !given.is_empty() {
            return given.to_vec();
        }
        let text = self.others.get("log/log.pub").and_then(|bytes| std::str::from_utf8(bytes).ok());
        match text.and_then(|text| text.trim().parse().ok()) {
            Some(key) => vec![key],
            None => {
                report.problems.push("log/log.pub is no public key".to_owned());
                Vec::new()
            }
        }
    }

    /// The log's entry that a proof proves.
    fn entry(&mut self, name: &str, keys: &[VerifierKey], report: &mut BundleReport) -> Option<Entry> {
        let Some(bytes) = self.others.remove(name) else {
            report.problems.push(format!("{name} is not there"));
            return None;
        };
        let proved = Proof::parse(&bytes).map_err(|error| error.to_string()).and_then(|proof| {
            let entry = proof.extra.clone().unwrap_or_default();
            let checkpoint = proof.checkpoint.checkpoint();
            let signed = proof.verify(&entry, &checkpoint.origin, keys).map_err(|error| error.to_string())?;
            report.origin = Some(checkpoint.origin.clone());
            report.checkpoint_size = checkpoint.size;
            report.signed_by = signed.iter().map(|signed| signed.key.name().to_owned()).collect();
            Entry::parse(&entry).map_err(|error| error.to_string())
        });
        proved.inspect_err(|why| report.problems.push(format!("{name}: {why}"))).ok()
    }

    fn policies(&self, report: &mut BundleReport) {
        for (name, bytes) in self.others.iter().filter(|(name, _)| name.starts_with("policies/")) {
            let hash = name.trim_start_matches("policies/").trim_end_matches(".json");
            if KeptPolicy::parse(bytes, hash).is_some() {
                report.policies.push(hash.to_owned());
            } else {
                report.problems.push(format!("{name}: its text is not that of the set of this hash"));
            }
        }
    }

    fn events(&self, report: &mut BundleReport) {
        let text = self.others.get("events.jsonl").map(|bytes| String::from_utf8_lossy(bytes)).unwrap_or_default();
        for (number, line) in text.lines().enumerate() {
            if serde_json::from_str::<Event>(line).is_ok_and(|event| event.is_genuine()) {
                report.events += 1;
            } else {
                report.problems.push(format!("events.jsonl line {}: its signature does not hold", number + 1));
            }
        }
    }
}
