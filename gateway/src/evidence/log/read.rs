//! Reads a log that others may be writing, and changes nothing.

use super::error::LogError;
use super::files::{Files, Tiles};
use super::journal::{Grown, Journal};
use super::problem::Problem;
use gateway_core::record::log::tile::FULL;
use gateway_core::record::log::{Entry, SignedCheckpoint};
use std::cell::OnceCell;
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

impl Reading {
    /// Goes on with entry `next`; from the first on where the log has not so many, and is another.
    #[must_use]
    pub fn from(mut self, next: u64) -> Self {
        self.next = if next > self.snapshot.size() { 0 } else { next };
        self
    }
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
                    self.next = self.snapshot.behind(&self.files, index);
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
    /// Those of its full bundles of which anything is there, once somebody has asked.
    bundles: OnceCell<Vec<u64>>,
}

impl Snapshot {
    pub(super) fn of(files: &Files) -> Result<Self, LogError> {
        Ok(Self::take(files, || Ok(()))?.0)
    }

    /// The same with the tiles that are there.
    pub(super) fn whole(files: &Files) -> Result<(Self, Tiles), LogError> {
        Self::take(files, || files.tiles())
    }

    /// The same with what `look` finds while nobody appends.
    fn take<T>(files: &Files, look: impl FnOnce() -> Result<T, LogError>) -> Result<(Self, T), LogError> {
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
        let found = look()?;
        drop(lock);
        Ok((Self { checkpoint, journal, grown, bundles: OnceCell::new() }, found))
    }

    /// The first entry behind that at `index`, in another bundle, of which anything is there.
    fn behind(&self, files: &Files, index: u64) -> u64 {
        let base = self.journal.base();
        // What can't be listed can't be read.
        let bundles = self.bundles.get_or_init(|| files.tiles().unwrap_or_default().bundles(base));
        let next = bundles.get(bundles.partition_point(|bundle| *bundle <= index / FULL));
        next.map_or(base, |bundle| bundle * FULL).max((index / FULL + 1) * FULL)
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
                Problem::Missing { from: index, to: self.behind(files, index) }
            }
            LogError::Damaged { problem, .. } => problem,
            other => Problem::Unreadable { entry: index, why: other.to_string() },
        })
    }
}
