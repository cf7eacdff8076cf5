//! Reads a log that others may be writing, and changes nothing.

use super::error::LogError;
use super::files::Files;
use super::journal::{Grown, Journal};
use super::problem::Problem;
use gateway_core::record::log::tile::{FULL, Kind, Tile};
use gateway_core::record::log::{Entry, SignedCheckpoint};
use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

/// Reads all entries, from the bundles and the journal. One that can't be read is a problem in its place.
///
/// # Errors
/// Where there is no log, or its journal can't be read.
pub fn read_log(state_dir: &Path) -> Result<Reading, LogError> {
    let files = Files::new(state_dir);
    let snapshot = Snapshot::of(&files)?;
    Ok(Reading { files, snapshot, next: 0, read: Vec::new() })
}

/// How many entries the last checkpoint covers.
///
/// # Errors
/// Where it can't be read.
pub fn covered(state_dir: &Path) -> Result<u64, LogError> {
    Ok(Files::new(state_dir).last_checkpoint()?.map_or(0, |signed| signed.checkpoint().size))
}

/// A log's entries with their numbers.
pub struct Reading {
    files: Files,
    snapshot: Snapshot,
    next: u64,
    /// What was read, the next one last.
    read: Vec<Vec<u8>>,
}

impl Iterator for Reading {
    type Item = (u64, Result<Entry, Problem>);

    fn next(&mut self) -> Option<Self::Item> {
        let index = self.next;
        if self.read.is_empty() {
            if index >= self.snapshot.size() {
                return None;
            }
            match self.snapshot.bytes_from(&self.files, index) {
                Ok(read) => self.read = read,
                Err(problem) => {
                    self.next = self.snapshot.behind(index);
                    return Some((index, Err(problem)));
                }
            }
            self.read.reverse();
        }
        let bytes = self.read.pop()?;
        self.next += 1;
        let entry = Entry::parse(&bytes).map_err(|why| Problem::Unreadable { entry: index, why: why.to_string() });
        Some((index, entry))
    }
}

/// The log at one moment: bundles only grow, and a journal that is replaced stays readable.
pub(super) struct Snapshot {
    /// The checkpoint then.
    pub(super) checkpoint: Result<Option<SignedCheckpoint>, Problem>,
    pub(super) journal: Journal,
    /// The journal's entries.
    pub(super) grown: Grown,
    /// The tiles that are there, and the paths of files there that are none.
    pub(super) tiles: (Vec<Tile>, Vec<String>),
    /// The full bundles before the journal of which anything is there, in their order. A journal may say that there are more
    /// than anybody could read.
    pub(super) bundles: Vec<u64>,
}

impl Snapshot {
    pub(super) fn of(files: &Files) -> Result<Self, LogError> {
        // Without a writer, or on a medium that can't be written, it is at rest.
        let lock = File::open(files.lock()).ok().filter(|lock| lock.lock_shared().is_ok());
        let checkpoint = match files.last_checkpoint() {
            Ok(checkpoint) => Ok(checkpoint),
            Err(LogError::Damaged { problem, .. }) => Err(problem),
            Err(error) => return Err(error),
        };
        let missing = || files.damaged(Problem::NoJournal { why: format!("{} is not there", files.journal().display()) });
        let mut journal = Journal::open(files, false)?.ok_or_else(missing)?;
        let grown = journal.catch_up()?;
        let tiles = files.tiles()?;
        drop(lock);
        let full = tiles.0.iter().filter(|tile| tile.is_full() && matches!(tile.kind, Kind::Entries | Kind::Hashes(0)));
        let bundles: BTreeSet<u64> = full.map(|tile| tile.index).filter(|index| *index < journal.base() / FULL).collect();
        Ok(Self { checkpoint, journal, grown, tiles, bundles: bundles.into_iter().collect() })
    }

    /// The first entry behind that at `index`, in another bundle, of which anything is there.
    fn behind(&self, index: u64) -> u64 {
        let next = self.bundles.get(self.bundles.partition_point(|bundle| *bundle <= index / FULL));
        next.map_or_else(|| self.journal.base(), |bundle| bundle * FULL).max((index / FULL + 1) * FULL)
    }

    /// How many entries there are.
    pub(super) const fn size(&self) -> u64 {
        self.journal.base() + self.journal.count() as u64
    }

    /// The bytes of the entries from `index` to the end of its bundle.
    pub(super) fn bytes_from(&self, files: &Files, index: u64) -> Result<Vec<Vec<u8>>, Problem> {
        let bytes = if index < self.journal.base() {
            files.entries(index / FULL).map(|bundle| bundle.into_iter().skip((index % FULL) as usize).collect())
        } else {
            self.journal.entries((index - self.journal.base()) as usize, (FULL - index % FULL) as usize)
        };
        bytes.map_err(|error| match error {
            LogError::Damaged { problem: Problem::TileMissing { .. }, .. } => {
                Problem::Missing { from: index, to: self.behind(index) }
            }
            LogError::Damaged { problem, .. } => problem,
            other => Problem::Unreadable { entry: index, why: other.to_string() },
        })
    }
}
