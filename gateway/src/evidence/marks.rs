//! What a start finds without reading the whole log: the file of each gateway that runs, or died, with the records that it has open;
//! and an empty file for each record that is about to be removed.
//!
//! A gateway's file has a place for each record, which another takes once it is closed. A file for each record would have to be
//! made and removed by every session, and what ext4 removed lately makes each new file dearer (it looks past it for minutes).

use super::EvidenceError;
use crate::durable;
use gateway_core::model::ids::SessionId;
use std::collections::{BTreeSet, HashMap};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::NamedTempFile;

/// The directory of these files.
pub(super) struct Marks(PathBuf);

/// That this process writes here, and which records it has open. Its file is gone with its value, unless one of them was never
/// closed; whoever dies leaves it, and holds it no more.
pub(super) struct Presence {
    file: NamedTempFile,
    places: Mutex<Places>,
}

/// Who has which place.
#[derive(Default)]
struct Places {
    taken: HashMap<SessionId, u64>,
    free: Vec<u64>,
}

/// What gateways left that died.
#[derive(Debug, Default)]
pub(super) struct Died {
    /// Their files.
    pub(super) files: Vec<PathBuf>,
    /// The records that they had open.
    pub(super) open: BTreeSet<SessionId>,
}

/// How the files of gateways begin.
const GATEWAY: &str = "gateway-";
/// Bytes of a place: an id, and line ends behind it.
const PLACE: usize = 32;

impl Marks {
    /// Those of open records below `state_dir`, made where it is missing.
    pub(super) fn open(state_dir: &Path) -> Result<Self, EvidenceError> {
        Self::below(state_dir, "open")
    }

    /// Those of records that are about to be removed.
    pub(super) fn removing(state_dir: &Path) -> Result<Self, EvidenceError> {
        Self::below(state_dir, "removing")
    }

    fn below(state_dir: &Path, name: &str) -> Result<Self, EvidenceError> {
        let directory = state_dir.join(name);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
        made.map_err(EvidenceError::io("create", &directory))?;
        Ok(Self(directory))
    }

    /// A record is about to be removed.
    pub(super) fn add(&self, session: SessionId) -> Result<(), EvidenceError> {
        let path = self.path(session);
        let made = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        made.map(drop).map_err(EvidenceError::io("create", &path))
    }

    /// It is; or an open one is closed in the log that has a file of its own.
    pub(super) fn remove(&self, session: SessionId) {
        if let Err(error) = fs::remove_file(self.path(session))
            && error.kind() != io::ErrorKind::NotFound
        {
            // The next start finds that it is done.
            tracing::warn!(%session, %error, "the mark of a record stays");
        }
    }

    /// All that have a file of their own: those to be removed; of open ones, those of gateways that made one for each.
    pub(super) fn all(&self) -> Result<BTreeSet<SessionId>, EvidenceError> {
        let entries = fs::read_dir(&self.0).map_err(EvidenceError::io("read", &self.0))?;
        let name = |entry: io::Result<fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse().ok();
        Ok(entries.filter_map(name).collect())
    }

    /// Says that this process writes here, and finds what those left that died. The caller holds the log, so that nobody takes
    /// a file that is not held yet for that of a dead one.
    pub(super) fn begin(&self) -> Result<(Presence, Died), EvidenceError> {
        let failed = EvidenceError::io("mark the gateway in", &self.0);
        let mut died = Died { open: self.all()?, ..Died::default() };
        for entry in fs::read_dir(&self.0).map_err(&failed)? {
            let path = entry.map_err(&failed)?.path();
            let is_gateway = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(GATEWAY));
            if is_gateway && File::open(&path).is_ok_and(|file| file.try_lock().is_ok()) {
                died.open.extend(open_in(&fs::read(&path).map_err(&failed)?));
                died.files.push(path);
            }
        }
        let file = tempfile::Builder::new().prefix(GATEWAY).tempfile_in(&self.0).map_err(&failed)?;
        file.as_file().lock().map_err(&failed)?;
        self.sync().map_err(&failed)?;
        Ok((Presence { file, places: Mutex::default() }, died))
    }

    /// Brings to the disk which there are.
    pub(super) fn sync(&self) -> io::Result<()> {
        durable::sync_names(&self.0)
    }

    fn path(&self, session: SessionId) -> PathBuf {
        self.0.join(session.to_string())
    }
}

impl Presence {
    /// A record is about to be begun.
    pub(super) fn add(&self, session: SessionId) -> Result<(), EvidenceError> {
        let mut places = self.places();
        let place = places.free.pop().unwrap_or(places.taken.len() as u64);
        if let Err(error) = self.write(place, &session.to_string()) {
            places.free.push(place);
            return Err(EvidenceError::io("write", self.file.path())(error));
        }
        places.taken.insert(session, place);
        Ok(())
    }

    /// It is closed in the log.
    pub(super) fn remove(&self, session: SessionId) {
        let mut places = self.places();
        let Some(place) = places.taken.remove(&session) else { return };
        places.free.push(place);
        if let Err(error) = self.write(place, "") {
            // Who finds it finds it closed.
            tracing::warn!(%session, %error, "the mark of an open record stays");
        }
    }

    /// Brings to the disk which are open.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.as_file().sync_data()
    }

    fn write(&self, place: u64, text: &str) -> io::Result<()> {
        let mut bytes = [b'\n'; PLACE];
        bytes.iter_mut().zip(text.bytes()).for_each(|(byte, letter)| *byte = letter);
        self.file.as_file().write_all_at(&bytes, place * PLACE as u64)
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        // What could not be closed is for the next start.
        let closed = self.places().taken.is_empty();
        self.file.disable_cleanup(!closed);
    }
}

/// The records that a gateway's file has.
fn open_in(bytes: &[u8]) -> impl Iterator<Item = SessionId> {
    bytes.chunks(PLACE).filter_map(|place| std::str::from_utf8(place).ok()?.trim_end_matches('\n').parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::model::time::Timestamp;

    fn session(number: u64) -> SessionId {
        SessionId::new(Timestamp(number * 1_000_000), 1)
    }

    #[test]
    fn what_a_dead_gateway_had_open_is_found_and_what_it_had_closed_is_not() {
        let state = tempfile::tempdir().unwrap();
        let marks = Marks::open(state.path()).unwrap();
        let (own, died) = marks.begin().unwrap();
        assert!(died.files.is_empty() && died.open.is_empty());
        (0..100).for_each(|number| own.add(session(number)).unwrap());
        (0..100).filter(|number| number % 3 > 0).for_each(|number| own.remove(session(number)));
        (100..110).for_each(|number| own.add(session(number)).unwrap());
        assert_eq!(own.file.as_file().metadata().unwrap().len(), 100 * PLACE as u64, "a place is taken again");
        let (other, died) = marks.begin().unwrap();
        assert!(died.open.is_empty(), "it is alive");
        drop(other);
        drop(own);
        let (_third, died) = marks.begin().unwrap();
        let expected: BTreeSet<_> = (0..110).filter(|number| number % 3 == 0 || *number >= 100).map(session).collect();
        assert_eq!((died.open, died.files.len()), (expected, 1), "the one that had closed all has left nothing");
    }
}
