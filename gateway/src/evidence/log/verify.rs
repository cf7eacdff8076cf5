//! Checks a whole log: entries against tiles, tiles against each other, checkpoints against both.

use super::error::LogError;
use super::files::{self, Files, UNFINISHED};
use super::problem::Problem;
use super::read::Snapshot;
use super::signer::public_beside;
use super::trust::Trust;
use gateway_core::record::chain::Hash;
use gateway_core::record::log::tile::{self, FULL, Kind, Tile};
use gateway_core::record::log::tree::{self, leaf_hash};
use gateway_core::record::log::{Edge, Entry, SignedCheckpoint, VerifierKey};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Seconds by which an entry may be older than the one before it: gateways write side by side, each by the time that it began to.
const SLACK: u64 = 10;
/// Problems that are told; there may be more.
const MOST_PROBLEMS: usize = 1000;
/// What lies in the log's directory beside tiles.
const KNOWN: [&str; 6] = ["checkpoint", "journal", "lock", "rotations", "tile", "witnesses"];

/// What a check of the log found.
#[derive(Clone, Debug, Default)]
pub struct LogVerification {
    /// How many entries the log has.
    pub size: u64,
    /// How many of them its checkpoint covers.
    pub covered: u64,
    /// What is wrong; the first thousand.
    pub problems: Vec<Problem>,
}

/// Checks the log: each entry against its tiles, each tile against the entries, the checkpoint's root and its signature by one of
/// `keys`, or by a key that one of them handed over to; and that the checkpoints `outside`, which left the host, are prefixes of it.
/// `each` hears each entry that can be read, in their order.
#[must_use]
pub fn verify_log(state_dir: &Path, keys: &[VerifierKey], outside: &[Vec<u8>], each: &mut dyn FnMut(&Entry)) -> LogVerification {
    let mut check = Check {
        each,
        files: Files::new(state_dir),
        found: LogVerification::default(),
        edge: Edge::default(),
        whole: true,
        partial: BTreeMap::new(),
        wanted: BTreeSet::new(),
        roots: BTreeMap::new(),
        handed: Vec::new(),
        latest: 0,
    };
    match check.all(keys, outside) {
        Ok(()) => {}
        Err(LogError::Damaged { problem, .. }) => check.tell(problem),
        Err(error) => check.tell(Problem::NoJournal { why: error.to_string() }),
    }
    check.found
}

struct Check<'e> {
    each: &'e mut dyn FnMut(&Entry),
    files: Files,
    found: LogVerification,
    edge: Edge,
    /// Whether all leaves are known: only then is a root one.
    whole: bool,
    /// Partial tiles that are there and were not compared yet.
    partial: BTreeMap<(Kind, u64), Vec<Tile>>,
    /// The sizes whose roots are needed.
    wanted: BTreeSet<u64>,
    roots: BTreeMap<u64, Hash>,
    /// Entries that replace a key.
    handed: Vec<(u64, VerifierKey, VerifierKey)>,
    /// The latest time that an entry had.
    latest: u64,
}

impl Check<'_> {
    fn all(&mut self, keys: &[VerifierKey], outside: &[Vec<u8>]) -> Result<(), LogError> {
        // Before the log, whose key may be replaced meanwhile.
        let public = public_beside(self.files.state_dir());
        let (snapshot, there) = Snapshot::whole(&self.files)?;
        self.strangers(&there.others)?;
        let (size, base) = (snapshot.size(), snapshot.journal.base());
        self.found.size = size;
        let mut trust = Trust::read(&self.files, keys)?;
        let checkpoint = self.believed(&snapshot, &trust, &there.tiles);
        let most = checkpoint.as_ref().map_or(size, |signed| size.max(signed.checkpoint().size));
        for tile in &there.tiles {
            if tile.needs().is_none_or(|needs| needs > most) {
                self.tell(Problem::Extra { path: tile.to_string() });
            } else if !tile.is_full() {
                self.partial.entry((tile.kind, tile.index)).or_default().push(*tile);
            }
        }
        let outside: Vec<_> = outside.iter().map(|note| SignedCheckpoint::parse(note)).collect();
        let covering = checkpoint.iter().chain(outside.iter().filter_map(|signed| signed.as_ref().ok()));
        self.wanted = covering.map(|signed| signed.checkpoint().size).chain(trust.sizes()).collect();
        self.at_size();
        let mut behind = 0;
        for index in there.bundles(base) {
            self.absent(behind, index);
            self.bundle(&snapshot, index);
            behind = index + 1;
        }
        self.absent(behind, base / FULL);
        self.journal(&snapshot, checkpoint.as_ref());
        self.edge_tiles();
        for problem in trust.hand_over(&self.handed, &self.roots) {
            self.tell(problem);
        }
        let signed_once = checkpoint.is_some();
        if let Some(signed) = checkpoint {
            self.checkpoint(&signed, &trust, &there.tiles)?;
        }
        for signed in outside {
            self.outside(signed, &trust);
        }
        // Readers who have no other key take it at its word.
        match public {
            Ok(Some(key)) if trust.believes(&key) => {}
            Ok(Some(key)) => self.tell(Problem::PublicKey { why: format!("it is {key}") }),
            Ok(None) if !signed_once => {}
            Ok(None) => self.tell(Problem::PublicKey { why: "it is not there".to_owned() }),
            Err(error) => self.tell(Problem::PublicKey { why: error.to_string() }),
        }
        Ok(())
    }

    /// The log's checkpoint, if there is one to go by.
    fn believed(&mut self, snapshot: &Snapshot, trust: &Trust, tiles: &[Tile]) -> Option<SignedCheckpoint> {
        match &snapshot.checkpoint {
            Err(problem) => self.tell(problem.clone()),
            Ok(None) if tiles.is_empty() => {}
            Ok(None) => self.tell(Problem::NoCheckpoint { why: "it is not there".to_owned() }),
            Ok(Some(signed)) => match trust.verify(signed) {
                // Which other keys are to be believed is known at the end.
                Err(_) if trust.sizes().next().is_some() => return Some(signed.clone()),
                Err(why) => self.tell(Problem::Forged { size: signed.checkpoint().size, why }),
                Ok(()) => return Some(signed.clone()),
            },
        }
        None
    }

    /// What lies there and is not the log's.
    fn strangers(&mut self, below_tiles: &[String]) -> Result<(), LogError> {
        for path in files::list(self.files.directory())?.unwrap_or_default() {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if !name.starts_with(UNFINISHED) && !KNOWN.contains(&name) {
                self.tell(Problem::Extra { path: name.to_owned() });
            }
        }
        below_tiles.iter().for_each(|path| self.tell(Problem::Extra { path: path.clone() }));
        Ok(())
    }

    /// Bundles of which neither entries nor hashes are there.
    fn absent(&mut self, from: u64, to: u64) {
        if from < to {
            self.whole = false;
            self.tell(Problem::Missing { from: from * FULL, to: to * FULL });
        }
    }

    /// A full bundle and its tile: where they differ, the level above says which of them was changed.
    fn bundle(&mut self, snapshot: &Snapshot, index: u64) {
        let first = index * FULL;
        let entries = match snapshot.bytes_from(&self.files, first) {
            Ok(entries) => Some(entries),
            Err(problem) => {
                self.tell(problem);
                None
            }
        };
        let tile = Tile::full(Kind::Hashes(0), index);
        let stored = self.stored(tile, true);
        let leaves: Option<Vec<Hash>> = entries.as_ref().map(|entries| entries.iter().map(|entry| leaf_hash(entry)).collect());
        let chosen = match (leaves, stored) {
            (Some(leaves), Some(stored)) if leaves != stored => {
                let above = self.above(snapshot.journal.base(), index);
                if above == Some(tree::complete(&leaves)) {
                    self.tell(Problem::TileChanged { tile: tile.to_string() });
                    Some(leaves)
                } else {
                    self.changed(first, &leaves, &stored);
                    if above == Some(tree::complete(&stored)) { Some(stored) } else { Some(leaves) }
                }
            }
            (leaves, stored) => leaves.or(stored),
        };
        let Some(leaves) = chosen else {
            self.whole = false;
            return;
        };
        for (place, leaf) in leaves.iter().enumerate() {
            let bytes = entries.as_ref().and_then(|entries| entries.get(place));
            self.leaf(*leaf, bytes.map(Vec::as_slice));
        }
        self.compare_partial(Kind::Hashes(0), index, &leaves);
        self.compare_partial(Kind::Entries, index, &leaves);
    }

    /// The entries behind the last full bundle. Of what the checkpoint covers, its tile of leaf hashes says what was changed.
    fn journal(&mut self, snapshot: &Snapshot, checkpoint: Option<&SignedCheckpoint>) {
        let base = snapshot.journal.base();
        let mut leaves = snapshot.grown.leaves.clone();
        let entries = snapshot.journal.entries(0, usize::MAX).unwrap_or_default();
        let covered = checkpoint.map_or(0, |signed| signed.checkpoint().size);
        if snapshot.grown.torn > 0 {
            let entry = snapshot.size();
            self.tell(if entry < covered { Problem::Changed { entry } } else { Problem::Torn { entry } });
        } else if snapshot.size() < covered {
            self.tell(Problem::Missing { from: snapshot.size(), to: covered });
        }
        let last = Tile::rightmost(Kind::Hashes(0), covered).filter(|tile| tile.index * FULL == base);
        if let (Some(stored), Some(signed)) = (last.and_then(|tile| self.stored(tile, true)), checkpoint) {
            let ours = leaves.get(..stored.len());
            if ours != Some(stored.as_slice()) {
                let root = |leaves: &[Hash]| {
                    let mut edge = self.edge.clone();
                    leaves.iter().for_each(|leaf| edge.push(*leaf, |_, _| {}));
                    edge.root() == signed.checkpoint().root
                };
                let (is_stored, is_ours) = (root(&stored), ours.is_some_and(root));
                if is_ours {
                    self.tell(Problem::TileChanged { tile: last.map(|tile| tile.to_string()).unwrap_or_default() });
                } else {
                    self.changed(base, &leaves, &stored);
                }
                if is_stored {
                    let behind = leaves.get(stored.len()..).unwrap_or_default().to_vec();
                    leaves = [stored, behind].concat();
                }
            }
        }
        for (place, leaf) in leaves.iter().enumerate() {
            self.leaf(*leaf, entries.get(place).map(Vec::as_slice));
        }
        for (index, leaves) in leaves.chunks(FULL as usize).enumerate() {
            self.compare_partial(Kind::Hashes(0), base / FULL + index as u64, leaves);
            self.compare_partial(Kind::Entries, base / FULL + index as u64, leaves);
        }
    }

    /// One entry more; full tiles above it are compared with those that are there.
    fn leaf(&mut self, leaf: Hash, bytes: Option<&[u8]>) {
        let index = self.edge.size();
        match bytes.map(Entry::parse) {
            Some(Ok(entry)) => self.entry(index, entry),
            Some(Err(why)) => self.tell(Problem::Unreadable { entry: index, why: why.to_string() }),
            None => {}
        }
        let mut full = Vec::new();
        self.edge.push(leaf, |tile, hashes| full.push((tile, hashes)));
        for (tile, hashes) in full {
            let level_above = tile.kind != Kind::Hashes(0);
            if level_above && self.whole && self.stored(tile, true).is_some_and(|stored| stored != hashes) {
                self.tell(Problem::TileChanged { tile: tile.to_string() });
            }
            if level_above {
                self.compare_partial(tile.kind, tile.index, &hashes);
            }
        }
        self.at_size();
    }

    fn entry(&mut self, index: u64, entry: Entry) {
        (self.each)(&entry);
        if entry.is_belated() {
            return;
        }
        let seconds = self.latest.saturating_sub(entry.at()) / 1_000_000_000;
        if seconds > SLACK {
            self.tell(Problem::Backwards { entry: index, seconds });
        }
        // Once for each time that it was set back.
        self.latest = if seconds > SLACK { entry.at() } else { self.latest.max(entry.at()) };
        if let Entry::Key { old, new, .. } = entry {
            self.handed.push((index, old, new));
        }
    }

    fn edge_tiles(&mut self) {
        let tiles: Vec<(Tile, Vec<Hash>)> = self.edge.tiles().map(|(tile, hashes)| (tile, hashes.to_vec())).collect();
        for (tile, hashes) in tiles {
            self.compare_partial(tile.kind, tile.index, &hashes);
        }
    }

    fn checkpoint(&mut self, signed: &SignedCheckpoint, trust: &Trust, tiles: &[Tile]) -> Result<(), LogError> {
        let checkpoint = signed.checkpoint();
        self.found.covered = checkpoint.size;
        if let Err(why) = trust.verify_last(signed) {
            self.tell(Problem::Forged { size: checkpoint.size, why });
        }
        // A tile that is gone or another is not what a root is made of: entries are.
        let beside = |problem: &Problem| {
            matches!(problem, Problem::TileMissing { .. } | Problem::TileChanged { .. } | Problem::Extra { .. })
        };
        let told = !self.found.problems.iter().all(beside);
        match self.roots.get(&checkpoint.size) {
            Some(root) if *root == checkpoint.root => {}
            // What was changed is told already.
            Some(_) | None if told => {}
            Some(_) | None => self.tell(Problem::Rewritten { size: checkpoint.size }),
        }
        let needed = Tile::edge(checkpoint.size).chain(Tile::rightmost(Kind::Entries, checkpoint.size));
        // One may have been written after the list was made, and before the checkpoint was read.
        let there = |tile: Tile| tiles.contains(&tile) || tiles.contains(&tile.filled()) || self.files.tile(tile).exists();
        let missing: Vec<Tile> = needed.filter(|tile| !there(*tile)).collect();
        // A gateway that writes meanwhile may not need them any more.
        if !missing.is_empty() && self.files.last_checkpoint()?.as_ref() == Some(signed) {
            missing.iter().for_each(|tile| self.tell(Problem::TileMissing { tile: tile.to_string() }));
        }
        Ok(())
    }

    fn outside(&mut self, signed: Result<SignedCheckpoint, gateway_core::record::log::CheckpointError>, trust: &Trust) {
        match signed {
            Err(why) => self.tell(Problem::Forged { size: 0, why: why.to_string() }),
            Ok(signed) => {
                let checkpoint = signed.checkpoint();
                if let Err(why) = trust.verify(&signed) {
                    self.tell(Problem::Forged { size: checkpoint.size, why });
                } else if self.roots.get(&checkpoint.size) != Some(&checkpoint.root) {
                    self.tell(Problem::RolledBack { size: checkpoint.size });
                } else if checkpoint.size > self.found.covered {
                    self.tell(Problem::Older { size: self.found.covered, outside: checkpoint.size });
                }
            }
        }
    }

    fn at_size(&mut self) {
        let size = self.edge.size();
        if self.whole && self.wanted.contains(&size) {
            self.roots.insert(size, self.edge.root());
        }
    }

    /// What the level above says of a bundle's tile.
    fn above(&self, base: u64, index: u64) -> Option<Hash> {
        let tile = Tile::full(Kind::Hashes(1), index / FULL);
        let last = Tile::rightmost(Kind::Hashes(1), base).filter(|last| last.index == tile.index);
        self.files.hashes(last.unwrap_or(tile)).ok()?.get((index % FULL) as usize).copied()
    }

    /// The hashes of a tile that is there.
    fn stored(&mut self, tile: Tile, needed: bool) -> Option<Vec<Hash>> {
        let bytes = self.files.read(tile).ok().flatten();
        let Some(bytes) = bytes else {
            if needed {
                self.tell(Problem::TileMissing { tile: tile.to_string() });
            }
            return None;
        };
        let hashes = tile::hashes(&bytes, usize::from(tile.width)).ok();
        if hashes.is_none() {
            self.tell(Problem::TileChanged { tile: tile.to_string() });
        }
        hashes
    }

    /// The partial tiles in this place, each of which is the beginning of these hashes.
    fn compare_partial(&mut self, kind: Kind, index: u64, hashes: &[Hash]) {
        for tile in self.partial.remove(&(kind, index)).unwrap_or_default() {
            let width = usize::from(tile.width);
            // It may have been deleted meanwhile.
            let Ok(Some(bytes)) = files::read(&self.files.tile(tile), FULL * (2 + tile::MAX_ENTRY as u64)) else { continue };
            let stored = match kind {
                Kind::Hashes(_) => tile::hashes(&bytes, width),
                Kind::Entries => tile::entries(&bytes, width).map(|entries| entries.into_iter().map(leaf_hash).collect()),
            };
            let same = stored.is_ok_and(|stored| hashes.get(..width) == Some(stored.as_slice()));
            if !same && self.whole {
                self.tell(Problem::TileChanged { tile: tile.to_string() });
            }
        }
    }

    fn changed(&mut self, first: u64, leaves: &[Hash], stored: &[Hash]) {
        for (place, _) in leaves.iter().zip(stored).enumerate().filter(|(_, (leaf, stored))| leaf != stored) {
            self.tell(Problem::Changed { entry: first + place as u64 });
        }
    }

    fn tell(&mut self, problem: Problem) {
        if self.found.problems.len() < MOST_PROBLEMS && !self.found.problems.contains(&problem) {
            self.found.problems.push(problem);
        }
    }
}
