//! What an entry of the log may say: one JSON object each, with what it is in `what`.

use super::key::VerifierKey;
use super::tile::MAX_ENTRY;
use crate::model::ids::{RunId, SessionId};
use crate::record::chain::Hash;
use serde::{Deserialize, Serialize};

/// One entry. `at` is when it was written, in nanoseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case", deny_unknown_fields)]
pub enum Entry {
    /// A session's record was begun.
    Opened {
        /// When.
        at: u64,
        /// The session.
        session: SessionId,
        /// Its run.
        run: RunId,
    },
    /// How far the records of open sessions are.
    Grown {
        /// When.
        at: u64,
        /// The sessions.
        heads: Vec<Grown>,
    },
    /// A session's record was closed: nothing of it may change from here on.
    Closed {
        /// When.
        at: u64,
        /// The session.
        session: SessionId,
        /// How many frames the record has.
        frames: u64,
        /// How many blocks.
        blocks: u64,
        /// How many bytes, in all its segments, their headers included.
        bytes: u64,
        /// How many segments.
        segments: u32,
        /// The last block's hash.
        #[serde(with = "hex")]
        chain: Hash,
        /// How it ended: `ended`, `dropped`, `failed`, `crash`, `damaged`, `missing` or `never-written`.
        end: String,
    },
    /// A policy set is in force.
    Policy {
        /// When.
        at: u64,
        /// The set's hash.
        hash: String,
    },
    /// The log's key was replaced. The checkpoint that covers this is signed by both.
    Key {
        /// When.
        at: u64,
        /// The key before.
        #[serde(with = "vkey")]
        old: VerifierKey,
        /// The key from here on.
        #[serde(with = "vkey")]
        new: VerifierKey,
        /// Why.
        why: String,
    },
    /// Somebody looked at a record.
    Viewed {
        /// When.
        at: u64,
        /// Who.
        by: String,
        /// Which record.
        session: SessionId,
        /// How: shown, played, exported, unsealed …
        how: String,
    },
    /// A record was deleted, as retention says: this is what is left of it.
    Removed {
        /// When.
        at: u64,
        /// Its session.
        session: SessionId,
        /// How many frames it had.
        frames: u64,
        /// How many bytes.
        bytes: u64,
        /// Its last block's hash.
        #[serde(with = "hex")]
        chain: Hash,
        /// Who removed it.
        by: String,
        /// Why.
        why: String,
    },
    /// A gateway began to run.
    Started {
        /// When.
        at: u64,
        /// On which host.
        host: String,
        /// Its version.
        version: String,
        /// What is known of the host's clock.
        clock: String,
    },
    /// What an administrator did without the daemon.
    Note {
        /// When.
        at: u64,
        /// Who.
        by: String,
        /// What kind of act.
        kind: String,
        /// What there is to say of it.
        details: serde_json::Value,
    },
}

/// How far an open session's record is: `[session, frames, blocks, chain]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Row", into = "Row")]
pub struct Grown {
    /// The session.
    pub session: SessionId,
    /// How many frames its record has.
    pub frames: u64,
    /// How many blocks.
    pub blocks: u64,
    /// The last block's hash.
    pub chain: Hash,
}

/// Bytes that are no entry, or an entry that can't be one.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// It is longer than an entry may be.
    #[error("a log entry of {0} bytes is longer than an entry may be ({MAX_ENTRY})")]
    TooLong(usize),
    /// It says nothing that is known here.
    #[error("a log entry can't be read: {0}; a later version may have written it")]
    Unknown(#[from] serde_json::Error),
}

impl Entry {
    /// Sessions that fit into one [`Entry::Grown`]: each takes 129 bytes at most.
    pub const MOST_GROWN: usize = 500;

    /// The bytes of it: its leaf.
    ///
    /// # Errors
    /// Where they are more than [`MAX_ENTRY`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, EntryError> {
        let bytes = serde_json::to_vec(self)?;
        if bytes.len() > MAX_ENTRY { Err(EntryError::TooLong(bytes.len())) } else { Ok(bytes) }
    }

    /// Reads a leaf.
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, EntryError> {
        if bytes.len() > MAX_ENTRY {
            return Err(EntryError::TooLong(bytes.len()));
        }
        Ok(serde_json::from_slice(bytes)?)
    }

    /// How far these sessions are, in as few entries as can hold them.
    pub fn grown(at: u64, heads: &[Grown]) -> impl Iterator<Item = Self> + '_ {
        heads.chunks(Self::MOST_GROWN).map(move |heads| Self::Grown { at, heads: heads.to_vec() })
    }

    /// When it was written, in nanoseconds since 1970.
    #[must_use]
    pub const fn at(&self) -> u64 {
        match self {
            Self::Opened { at, .. }
            | Self::Grown { at, .. }
            | Self::Closed { at, .. }
            | Self::Policy { at, .. }
            | Self::Key { at, .. }
            | Self::Viewed { at, .. }
            | Self::Removed { at, .. }
            | Self::Started { at, .. }
            | Self::Note { at, .. } => *at,
        }
    }

    /// That a record was begun, said by the next gateway: this one's host lost power before the log had it. Its time is the
    /// record's own, before that of entries that are before it.
    #[must_use]
    pub const fn belated(session: SessionId) -> Self {
        Self::Opened { at: session.made_at().0, session, run: RunId::from_number(0) }
    }

    /// Whether it is one.
    #[must_use]
    pub fn is_belated(&self) -> bool {
        self.session().is_some_and(|session| *self == Self::belated(session))
    }

    /// What it says it is.
    #[must_use]
    pub const fn what(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::Grown { .. } => "grown",
            Self::Closed { .. } => "closed",
            Self::Policy { .. } => "policy",
            Self::Key { .. } => "key",
            Self::Viewed { .. } => "viewed",
            Self::Removed { .. } => "removed",
            Self::Started { .. } => "started",
            Self::Note { .. } => "note",
        }
    }

    /// The session that it is about, if it is about one.
    #[must_use]
    pub const fn session(&self) -> Option<SessionId> {
        match self {
            Self::Opened { session, .. }
            | Self::Closed { session, .. }
            | Self::Viewed { session, .. }
            | Self::Removed { session, .. } => Some(*session),
            Self::Grown { .. } | Self::Policy { .. } | Self::Key { .. } | Self::Started { .. } | Self::Note { .. } => None,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Row(SessionId, u64, u64, #[serde(with = "hex")] Hash);

impl From<Row> for Grown {
    fn from(Row(session, frames, blocks, chain): Row) -> Self {
        Self { session, frames, blocks, chain }
    }
}

impl From<Grown> for Row {
    fn from(grown: Grown) -> Self {
        Self(grown.session, grown.frames, grown.blocks, grown.chain)
    }
}

/// A hash as 64 hexadecimal digits.
mod hex {
    use crate::record::chain::Hash;
    use serde::de::{Deserialize as _, Deserializer, Error as _};
    use serde::ser::Serializer;
    use std::borrow::Cow;

    pub(super) fn serialize<S: Serializer>(hash: &Hash, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(hash)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Hash, D::Error> {
        let text = <Cow<'de, str>>::deserialize(from)?;
        Hash::from_hex(&text).ok_or_else(|| D::Error::custom("a hash is 64 lower-case hexadecimal digits"))
    }
}

/// A public key as text.
mod vkey {
    use crate::record::log::key::VerifierKey;
    use serde::de::{Deserialize as _, Deserializer, Error as _};
    use serde::ser::Serializer;
    use std::borrow::Cow;

    pub(super) fn serialize<S: Serializer>(key: &VerifierKey, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(key)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<VerifierKey, D::Error> {
        let text = <Cow<'de, str>>::deserialize(from)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

    fn all() -> Vec<(Entry, serde_json::Value)> {
        let (session, run) = (SessionId::from_number(7), RunId::from_number(9));
        let (chain, zeros) = (Hash::default(), "0".repeat(64));
        let key: VerifierKey = KEY.parse().unwrap();
        let (s, text) = ("s-0000000000007", String::from);
        vec![
            (Entry::Opened { at: 1, session, run }, json!({"what": "opened", "at": 1, "session": s, "run": "r-0000000000009"})),
            (
                Entry::Grown { at: 1, heads: vec![Grown { session, frames: 2, blocks: 3, chain }] },
                json!({"what": "grown", "at": 1, "heads": [[s, 2, 3, zeros]]}),
            ),
            (
                Entry::Closed { at: 1, session, frames: 2, blocks: 3, bytes: 4, segments: 1, chain, end: text("ended") },
                json!({"what": "closed", "at": 1, "session": s, "frames": 2, "blocks": 3, "bytes": 4, "segments": 1, "chain": zeros, "end": "ended"}),
            ),
            (Entry::Policy { at: 1, hash: text("ab") }, json!({"what": "policy", "at": 1, "hash": "ab"})),
            (
                Entry::Key { at: 1, old: key.clone(), new: key, why: text("yearly") },
                json!({"what": "key", "at": 1, "old": KEY, "new": KEY, "why": "yearly"}),
            ),
            (
                Entry::Viewed { at: 1, by: text("ana"), session, how: text("played") },
                json!({"what": "viewed", "at": 1, "by": "ana", "session": s, "how": "played"}),
            ),
            (
                Entry::Removed { at: 1, session, frames: 2, bytes: 3, chain, by: text("weir"), why: text("90 days") },
                json!({"what": "removed", "at": 1, "session": s, "frames": 2, "bytes": 3, "chain": zeros, "by": "weir", "why": "90 days"}),
            ),
            (
                Entry::Started { at: u64::MAX, host: text("h"), version: text("1"), clock: text("synchronized") },
                json!({"what": "started", "at": u64::MAX, "host": "h", "version": "1", "clock": "synchronized"}),
            ),
            (
                Entry::Note { at: 1, by: text("root"), kind: text("config"), details: json!({"a": [1, null]}) },
                json!({"what": "note", "at": 1, "by": "root", "kind": "config", "details": {"a": [1, null]}}),
            ),
        ]
    }

    #[test]
    fn each_entry_reads_back_as_it_was_written() {
        for (entry, json) in all() {
            let bytes = entry.to_bytes().unwrap();
            assert_eq!(serde_json::from_slice::<serde_json::Value>(&bytes).unwrap(), json);
            assert_eq!(Entry::parse(&bytes).unwrap(), entry);
            assert_eq!((json["what"].as_str(), json["at"].as_u64()), (Some(entry.what()), Some(entry.at())));
        }
        for wrong in [
            "",
            "{}",
            "[]",
            "{\"what\":\"opened\"}",
            "{\"what\":\"novel\",\"at\":1}",
            "{\"what\":\"policy\",\"at\":1,\"hash\":\"\",\"more\":1}",
            "{\"what\":\"policy\",\"at\":-1,\"hash\":\"\"}",
            "{\"what\":\"grown\",\"at\":1,\"heads\":[[\"s-0000000000007\",1,1,\"AB\"]]}",
        ] {
            assert!(Entry::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
        assert!(matches!(Entry::parse(&[b' '; MAX_ENTRY + 1]), Err(EntryError::TooLong(_))));
        let long = Entry::Policy { at: 1, hash: "a".repeat(MAX_ENTRY) };
        assert!(matches!(long.to_bytes(), Err(EntryError::TooLong(_))));
    }

    #[test]
    fn as_many_heads_as_are_put_into_one_entry_fit() {
        let widest =
            Grown { session: SessionId::from_number(u64::MAX), frames: u64::MAX, blocks: u64::MAX, chain: Hash([255; 32]) };
        let heads = vec![widest; 2 * Entry::MOST_GROWN + 1];
        let entries: Vec<Entry> = Entry::grown(u64::MAX, &heads).collect();
        assert_eq!(entries.len(), 3);
        assert!(entries.iter().all(|entry| entry.to_bytes().is_ok()));
        assert_eq!(Entry::grown(1, &[]).count(), 0);
    }
}
