//! The policy texts that were in force, each kept under the hash that records name: `<state>/policies/<hash>.json`.

use super::{EvidenceError, now};
use crate::durable;
use gateway_core::model::time::Timestamp;
use gateway_core::policy::PolicySet;
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// A file of policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyFile {
    /// Its name.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A set that was in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptPolicy {
    /// When it first came into force here.
    pub since: Timestamp,
    /// Its files; cases are no part of a set.
    pub files: Vec<PolicyFile>,
}

/// Keeps the set of that hash, unless it is kept.
///
/// # Errors
/// Where it can't be written.
pub fn keep(state_dir: &Path, hash: &str, files: &[(String, String)]) -> Result<(), EvidenceError> {
    let path = path(state_dir, hash);
    if path.exists() {
        return Ok(());
    }
    let directory = directory(state_dir);
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
    made.map_err(EvidenceError::io("create", &directory))?;
    let files = files.iter().map(|(name, text)| PolicyFile { name: name.clone(), text: text.clone() }).collect();
    let bytes = serde_json::to_vec(&KeptPolicy { since: now(), files }).unwrap_or_default();
    // Another gateway that keeps it at this moment keeps the same.
    durable::create(&path, &bytes, 0o600).map(drop).map_err(EvidenceError::io("write", &path))
}

/// The set of that hash; none where it was never in force here, or is not any more what it was.
///
/// # Errors
/// Where it can't be read.
pub fn kept(state_dir: &Path, hash: &str) -> Result<Option<KeptPolicy>, EvidenceError> {
    if !is_hash(hash) {
        return Ok(None);
    }
    let path = path(state_dir, hash);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(EvidenceError::io("read", &path)(error)),
    };
    let Ok(kept) = serde_json::from_slice::<KeptPolicy>(&bytes) else { return Ok(None) };
    let texts = kept.files.iter().map(|file| (file.name.clone(), file.text.clone())).collect();
    Ok(PolicySet::load(texts).is_ok_and(|set| set.hash() == hash).then_some(kept))
}

/// The hashes of all sets that are kept, with the times at which they first came into force.
///
/// # Errors
/// Where they can't be read.
pub fn all_kept(state_dir: &Path) -> Result<Vec<(String, Timestamp)>, EvidenceError> {
    let directory = directory(state_dir);
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(EvidenceError::io("read", &directory)(error)),
    };
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.strip_suffix(".json")?.to_owned()));
    let hashes: Vec<_> = names.filter(|name| is_hash(name)).collect();
    let known = hashes.into_iter().map(|hash| Ok(kept(state_dir, &hash)?.map(|kept| (hash, kept.since))));
    known.filter_map(Result::transpose).collect()
}

fn directory(state_dir: &Path) -> PathBuf {
    state_dir.join("policies")
}

fn path(state_dir: &Path, hash: &str) -> PathBuf {
    directory(state_dir).join(format!("{hash}.json"))
}

/// Whether it can be a set's hash, and no path.
fn is_hash(text: &str) -> bool {
    (8..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_kept_once_and_one_that_was_changed_is_not_shown() {
        let state = tempfile::tempdir().unwrap();
        let files = [("a.cedar".to_owned(), r#"@id("p") permit (principal, action == Action::"connect", resource);"#.to_owned())];
        let hash = PolicySet::load(files.to_vec()).unwrap().hash().to_owned();
        assert_eq!(kept(state.path(), &hash).unwrap(), None);
        assert_eq!(all_kept(state.path()).unwrap(), []);
        keep(state.path(), &hash, &files).unwrap();
        let first = kept(state.path(), &hash).unwrap().unwrap();
        assert_eq!(first.files[0].text, files[0].1);
        keep(state.path(), &hash, &files).unwrap();
        assert_eq!(all_kept(state.path()).unwrap(), [(hash.clone(), first.since)]);
        for other in ["../ledger", "", "zz", "../../../../etc/passwd"] {
            assert_eq!(kept(state.path(), other).unwrap(), None, "{other}");
        }
        let path = path(state.path(), &hash);
        let text = fs::read_to_string(&path).unwrap().replace("permit", "forbid");
        fs::write(path, text).unwrap();
        assert_eq!(kept(state.path(), &hash).unwrap(), None);
    }
}
