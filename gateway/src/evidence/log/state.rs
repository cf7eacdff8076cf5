//! The log as one gateway knows it while it holds the lock: nobody else appends.

use super::error::LogError;
use super::files::{Files, step};
use super::journal::Journal;
use super::problem::Problem;
use gateway_core::record::chain::Hash;
use gateway_core::record::log::tile::{self, FULL, Kind, Tile};
use gateway_core::record::log::tree::{self, Subtree, leaf_hash};
use gateway_core::record::log::{Edge, Entry};
use std::fs::File;
use std::sync::Arc;

/// Entries that the journal may have before bundles are written without a checkpoint.
const MOST_IN_JOURNAL: usize = 16 * FULL as usize;
/// Bytes that it may have so.
const MOST_BYTES_IN_JOURNAL: u64 = 16 << 20;

/// The log, locked.
pub struct Locked {
    pub(super) files: Files,
    pub(super) journal: Journal,
    pub(super) edge: Edge,
    /// Full tiles of the journal's entries: they are written with its bundles.
    pub(super) full: Vec<(Tile, Vec<Hash>)>,
    /// The size that the last checkpoint covers, as far as is known here.
    pub(super) covered: u64,
}

impl Locked {
    /// Reads the journal, the checkpoint and the right edge. The lock is held.
    pub(super) fn load(files: &Files) -> Result<Self, LogError> {
        let checkpoint = files.last_checkpoint()?;
        let journal = if let Some(journal) = Journal::open(files, true)? {
            journal
        } else {
            if checkpoint.is_some() || files.directory().join("tile").exists() {
                return Err(files.damaged(Problem::NoJournal { why: format!("{} is not there", files.journal().display()) }));
            }
            Files::write(&files.journal(), &Journal::header(0))?;
            let missing = || files.damaged(Problem::NoJournal { why: "it was removed as it was made".to_owned() });
            Journal::open(files, true)?.ok_or_else(missing)?
        };
        let edge = Edge::read(journal.base(), |tile| files.hashes(tile))?;
        let covered = checkpoint.as_ref().map_or(0, |signed| signed.checkpoint().size);
        let mut log = Self { files: files.clone(), journal, edge, full: Vec::new(), covered };
        log.read_on()?;
        if let Some(signed) = checkpoint {
            log.check(signed.checkpoint().size, signed.checkpoint().root)?;
        }
        Ok(log)
    }

    /// How many entries the log has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.edge.size()
    }

    /// Appends, all or none, and says which number the first has. It is written, and not synced.
    ///
    /// # Errors
    /// Where an entry is too long, or it can't be written: then none of them is there.
    pub fn append(&mut self, entries: &[Entry]) -> Result<u64, LogError> {
        if self.journal.count() >= MOST_IN_JOURNAL || self.journal.bytes() >= MOST_BYTES_IN_JOURNAL {
            self.roll()?;
        }
        let bytes = entries.iter().map(|entry| {
            let bytes = entry.to_bytes()?;
            let leaf = leaf_hash(&bytes);
            Ok((bytes, leaf))
        });
        let bytes = bytes.collect::<Result<Vec<_>, LogError>>()?;
        let first = self.size();
        self.journal.append(&bytes)?;
        for (_, leaf) in bytes {
            self.grow(leaf);
        }
        Ok(first)
    }

    /// The hash of a complete subtree.
    ///
    /// # Errors
    /// Where a tile can't be read, or is not of this log.
    pub fn hash(&self, subtree: Subtree) -> Result<Hash, LogError> {
        if let Some(hash) = self.edge.hash(subtree) {
            return Ok(hash);
        }
        let (level, index, range) = Tile::below(subtree);
        let tile = Tile::full(Kind::Hashes(level), index);
        let kept = self.full.iter().find(|(full, _)| *full == tile);
        let below = match kept {
            Some((_, hashes)) => hashes.get(range).map(tree::complete),
            None => self.files.hashes(tile)?.get(range).map(tree::complete),
        };
        below.ok_or_else(|| self.files.damaged(Problem::TileChanged { tile: tile.to_string() }))
    }

    /// The root hash of the first `size` entries.
    ///
    /// # Errors
    /// Where there are fewer, or a tile can't be read.
    pub fn root(&self, size: u64) -> Result<Hash, LogError> {
        if size > self.size() {
            return Err(self.files.damaged(Problem::Missing { from: self.size(), to: size }));
        }
        tree::root(size, |subtree| self.hash(subtree))
    }

    /// The bytes of the entries from `index` to the end of its bundle.
    pub(super) fn bytes_from(&self, index: u64) -> Result<Vec<Vec<u8>>, LogError> {
        if index < self.journal.base() {
            let bundle = self.files.entries(index / FULL)?;
            return Ok(bundle.into_iter().skip((index % FULL) as usize).collect());
        }
        let from = usize::try_from(index - self.journal.base()).unwrap_or(usize::MAX);
        self.journal.entries(from, (FULL - index % FULL) as usize)
    }

    /// For syncing without the lock.
    pub(super) fn journal_file(&self) -> Arc<File> {
        self.journal.file()
    }

    /// Knows all that is in the log now.
    pub(super) fn catch_up(&mut self) -> Result<(), LogError> {
        if self.journal.is_current()? {
            return self.read_on();
        }
        let covered = self.covered;
        *self = Self::load(&self.files)?;
        if self.size() < covered {
            return Err(self.files.damaged(Problem::Missing { from: self.size(), to: covered }));
        }
        Ok(())
    }

    /// Whether the first `size` entries have this root.
    pub(super) fn check(&mut self, size: u64, root: Hash) -> Result<(), LogError> {
        if self.root(size)? != root {
            return Err(self.files.damaged(Problem::Rewritten { size }));
        }
        self.covered = self.covered.max(size);
        Ok(())
    }

    /// Writes the journal's full bundles and their tiles, then begins it anew with what is left. All of them are on the disk
    /// before that; whenever it stops between, it is done again.
    pub(super) fn roll(&mut self) -> Result<(), LogError> {
        let base = self.size() / FULL * FULL;
        let first = self.journal.base();
        if base == first {
            return Ok(());
        }
        for index in first / FULL..base / FULL {
            let entries = self.journal.entries((index * FULL - first) as usize, FULL as usize)?;
            let leaves: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
            let tile = Tile::full(Kind::Hashes(0), index);
            self.as_known(
                index * FULL,
                &leaves,
                self.full.iter().find(|(full, _)| *full == tile).map(|(_, known)| known.as_slice()),
            )?;
            Files::write(&self.files.tile(Tile::full(Kind::Entries, index)), &bundle(&entries)?)?;
        }
        for (tile, hashes) in &self.full {
            Files::write(&self.files.tile(*tile), &tile::hash_bytes(hashes))?;
        }
        // Above the entries the edge is the same at `base`: reading it at a start takes a tile a level.
        for (tile, hashes) in self.edge.tiles().filter(|(tile, _)| tile.kind != Kind::Hashes(0)) {
            Files::write(&self.files.tile(tile), &tile::hash_bytes(hashes))?;
        }
        Files::write(&self.files.journal(), &self.journal.from(base)?)?;
        let gone = || self.files.damaged(Problem::NoJournal { why: "it was removed as it began anew".to_owned() });
        let mut journal = Journal::open(&self.files, true)?.ok_or_else(gone)?;
        let grown = journal.catch_up()?;
        if base + grown.leaves.len() as u64 != self.size() {
            return Err(self.files.damaged(Problem::Missing { from: base + grown.leaves.len() as u64, to: self.size() }));
        }
        self.journal = journal;
        self.full.clear();
        step();
        Ok(())
    }

    /// Writes the tiles of the right edge, and the entries behind the last full bundle, for a checkpoint of all that is there.
    pub(super) fn write_edge(&self) -> Result<(), LogError> {
        let size = self.size();
        if let Some(tile) = Tile::rightmost(Kind::Entries, size) {
            let entries = self.journal.entries((tile.index * FULL - self.journal.base()) as usize, FULL as usize)?;
            let leaves: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
            let known = self.edge.tiles().find(|(edge, _)| edge.kind == Kind::Hashes(0)).map(|(_, hashes)| hashes);
            self.as_known(tile.index * FULL, &leaves, known)?;
            Files::write(&self.files.tile(tile), &bundle(&entries)?)?;
        }
        for (tile, hashes) in self.edge.tiles() {
            Files::write(&self.files.tile(tile), &tile::hash_bytes(hashes))?;
        }
        Ok(())
    }

    /// What the journal has on the disk must be what was appended.
    fn as_known(&self, first: u64, leaves: &[Hash], known: Option<&[Hash]>) -> Result<(), LogError> {
        let known = known.unwrap_or_default();
        let differs = leaves.iter().zip(known).position(|(leaf, known)| leaf != known);
        let differs = differs.or_else(|| (leaves.len() != known.len()).then_some(leaves.len().min(known.len())));
        differs.map_or(Ok(()), |at| Err(self.files.damaged(Problem::Changed { entry: first + at as u64 })))
    }

    /// Reads what the journal has more; a torn end that nothing covers is cut off.
    fn read_on(&mut self) -> Result<(), LogError> {
        let grown = self.journal.catch_up()?;
        for leaf in grown.leaves {
            self.grow(leaf);
        }
        if self.size() < self.covered {
            return Err(self.files.damaged(Problem::Missing { from: self.size(), to: self.covered }));
        }
        if grown.torn > 0 {
            let path = self.files.journal();
            tracing::warn!(path = %path.display(), bytes = grown.torn, "the log's journal ended within an entry, which is cut off");
            self.journal.cut()?;
        }
        Ok(())
    }

    fn grow(&mut self, leaf: Hash) {
        let full = &mut self.full;
        self.edge.push(leaf, |tile, hashes| full.push((tile, hashes)));
    }
}

/// The bundle of these entries.
fn bundle(entries: &[Vec<u8>]) -> Result<Vec<u8>, LogError> {
    let mut bytes = Vec::new();
    for entry in entries {
        if !tile::push_entry(&mut bytes, entry) {
            return Err(gateway_core::record::log::EntryError::TooLong(entry.len()).into());
        }
    }
    Ok(bytes)
}
