//! The policy texts that were in force, each kept under the hash that records name: `<state>/policies/<hash>.json`. When each
//! was in force is what the log says.

use super::EvidenceError;
use super::log::read_log;
use crate::durable;
use gateway_core::model::time::Timestamp;
use gateway_core::policy::PolicySet;
use gateway_core::record::log::Entry;
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// A file of policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyFile {
    /// Its name, without the folder that it lay in.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// The texts of a set; cases are no part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptPolicy {
    /// Its files.
    pub files: Vec<PolicyFile>,
}

/// A set that came into force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameIntoForce {
    /// When.
    pub at: Timestamp,
    /// Its hash.
    pub hash: String,
    /// The number of the log's entry that says so.
    pub entry: u64,
}

impl KeptPolicy {
    /// These sources, each a path and a text.
    #[must_use]
    pub fn of(sources: &[(String, String)]) -> Self {
        let file =
            |(path, text): &(String, String)| PolicyFile { name: PolicySet::file_name(path).to_owned(), text: text.clone() };
        Self { files: sources.iter().map(file).collect() }
    }

    /// Reads what [`Self::to_bytes`] wrote for the set of that hash; none where it is another, or written otherwise.
    #[must_use]
    pub fn parse(bytes: &[u8], hash: &str) -> Option<Self> {
        let kept: Self = serde_json::from_slice(bytes).ok()?;
        let sources = kept.sources();
        let as_written = kept.to_bytes() == bytes && kept == Self::of(&sources);
        (as_written && PolicySet::hash_of(&sources) == hash).then_some(kept)
    }

    /// As it lies on the disk and in bundles: one text for one set.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The sources of the set.
    #[must_use]
    pub fn sources(&self) -> Vec<(String, String)> {
        self.files.iter().map(|file| (file.name.clone(), file.text.clone())).collect()
    }
}

/// Keeps the set of that hash, unless it is kept.
///
/// # Errors
/// Where it can't be written.
pub fn keep(state_dir: &Path, hash: &str, sources: &[(String, String)]) -> Result<(), EvidenceError> {
    let path = path(state_dir, hash);
    if path.exists() {
        return Ok(());
    }
    let directory = directory(state_dir);
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
    made.map_err(EvidenceError::io("create", &directory))?;
    // Another gateway that keeps it at this moment keeps the same.
    durable::create(&path, &KeptPolicy::of(sources).to_bytes(), 0o600).map(drop).map_err(EvidenceError::io("write", &path))
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
    match fs::read(&path) {
        Ok(bytes) => Ok(KeptPolicy::parse(&bytes, hash)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(EvidenceError::io("read", &path)(error)),
    }
}

/// The sets that came into force in a state directory, as its log has them. The log is read once: who asks again hears of what
/// was entered since.
#[derive(Debug, Default)]
pub struct PolicyHistory {
    sets: Vec<CameIntoForce>,
    /// The number of the log's entry that comes next.
    next: u64,
}

impl PolicyHistory {
    /// Those that came into force by now, in their order: a set that replaced itself is there once. What can't be read of the log
    /// is told by whoever checks it.
    ///
    /// # Errors
    /// Where there is no log, or it can't be read.
    pub fn read(&mut self, state_dir: &Path) -> Result<&[CameIntoForce], EvidenceError> {
        for (number, entry) in read_log(state_dir)?.from(self.next) {
            if number < self.next {
                // It is another log.
                self.sets.clear();
            }
            self.next = number + 1;
            if let Ok(Entry::Policy { at, hash }) = entry
                && self.sets.last().is_none_or(|last| last.hash != hash)
            {
                self.sets.push(CameIntoForce { at: Timestamp(at), hash, entry: number });
            }
        }
        Ok(&self.sets)
    }
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
    use crate::evidence::{EvidenceSettings, Store};

    #[test]
    fn a_set_is_kept_once_and_one_that_was_changed_is_not_shown() {
        let state = tempfile::tempdir().unwrap();
        let text = r#"@id("p") permit (principal, action == Action::"connect", resource);"#.to_owned();
        let sources = [("/etc/weir/policy.d/a.cedar".to_owned(), text)];
        let hash = PolicySet::load(sources.to_vec()).unwrap().hash().to_owned();
        assert_eq!(kept(state.path(), &hash).unwrap(), None);
        keep(state.path(), &hash, &sources).unwrap();
        keep(state.path(), &hash, &sources).unwrap();
        let found = kept(state.path(), &hash).unwrap().unwrap();
        assert_eq!((found.files[0].name.as_str(), &found.files[0].text), ("a.cedar", &sources[0].1));
        for other in ["../ledger", "", "zz", "../../../../etc/passwd"] {
            assert_eq!(kept(state.path(), other).unwrap(), None, "{other}");
        }
        let path = path(state.path(), &hash);
        let bytes = fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            fs::write(&path, flipped).unwrap();
            assert_eq!(kept(state.path(), &hash).unwrap(), None, "at {at}");
        }
        fs::write(&path, [&bytes, b" ".as_slice()].concat()).unwrap();
        assert_eq!(kept(state.path(), &hash).unwrap(), None);
    }
    #[test]
    fn the_log_says_which_set_was_in_force() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::open(state.path(), EvidenceSettings::default()).unwrap();
        let came = |at, hash: &str| store.enter(&Entry::Policy { at, hash: hash.to_owned() }).unwrap();
        [(1, "aa"), (2, "bb"), (3, "bb"), (4, "aa")].into_iter().for_each(|(at, hash)| came(at, hash));
        let mut history = PolicyHistory::default();
        let mut found = || {
            let sets = history.read(state.path()).unwrap();
            sets.iter().map(|set| (set.at.0, set.hash.clone())).collect::<Vec<_>>()
        };
        let named = |sets: &[(u64, &str)]| sets.iter().map(|(at, hash)| (*at, (*hash).to_owned())).collect::<Vec<_>>();
        let three = [(1, "aa"), (2, "bb"), (4, "aa")];
        assert_eq!(found(), named(&three));
        assert_eq!(found(), named(&three));
        [(5, "aa"), (6, "cc")].into_iter().for_each(|(at, hash)| came(at, hash));
        assert_eq!(found(), named(&[three.as_slice(), &[(6, "cc")]].concat()));
    }
}
