//! The spool: events on the disk, numbered, from which each sink reads by a cursor of its own.
//!
//! Several gateways may share it: they append under one lock, and numbers go on from one to the other.

mod cursor;
mod error;
mod room;
mod segment;
mod tail;
mod writer;

pub(super) use cursor::Cursor;
pub use cursor::Progress;
pub use error::SpoolError;
pub use tail::Spooled;
pub(super) use tail::Tail;

use gateway_core::event::Event;
use gateway_core::model::ids::SessionId;
use room::Room;
use std::collections::{BTreeSet, HashMap};
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use writer::Writer;

/// A cursor that nobody has moved for so long, of a sink that is not configured here, holds nothing back.
const FORGOTTEN: Duration = Duration::from_hours(7 * 24);

/// `[spool]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpoolSettings {
    /// Bytes that it may have on the disk.
    pub max_bytes: u64,
}

impl Default for SpoolSettings {
    fn default() -> Self {
        Self { max_bytes: 1 << 30 }
    }
}

/// A sink, as far as the spool has to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// Its name.
    pub name: String,
    /// What is done where the spool is full, and it has not read what is in it.
    pub on_full: OnFull,
}

/// What is done where the spool is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFull {
    /// The sink loses the oldest, and the count of it is recorded.
    #[default]
    Drop,
    /// Whoever appends waits, and so do the sessions.
    Block,
}

/// The events of a state directory that are to leave the host.
pub struct Spool {
    directory: PathBuf,
    writer: Mutex<Writer>,
    newest: watch::Sender<u64>,
    /// The sink for which nothing may be dropped, while there is no room.
    full: Mutex<Option<String>>,
    room: Condvar,
    readers: Vec<Reader>,
}

impl Spool {
    /// Opens the spool of a state directory, made where it is missing. A reader that is new begins with what is appended next.
    ///
    /// # Errors
    /// Where it can't be read or written.
    pub fn open(state_dir: &Path, settings: SpoolSettings, readers: Vec<Reader>) -> Result<Self, SpoolError> {
        let directory = directory(state_dir);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
        made.map_err(SpoolError::io("create", &directory))?;
        let mut writer = Writer::open(&directory, settings.max_bytes)?;
        let beyond = known(&directory)?.into_iter().map(|(_, progress)| progress.number).max().unwrap_or_default();
        // A number that a receiver has seen is never given to another event.
        let newest = writer.locked(|writer| Ok(writer.at_least(beyond)))?;
        for reader in &readers {
            cursor::begin(&directory, &reader.name, newest)?;
        }
        let (full, room) = Default::default();
        Ok(Self { directory, writer: Mutex::new(writer), newest: watch::Sender::new(newest), full, room, readers })
    }

    /// Appends events, in their order: all of them or none. Fast: one write, and no sync, which is [`Self::keep`]'s.
    ///
    /// # Errors
    /// Where it can't be written, or is [full](Self::is_full) and a sink's policy is to block.
    pub fn append(&self, events: &[Event]) -> Result<(), SpoolError> {
        let mut texts = Vec::with_capacity(events.len());
        for event in events {
            let unfit = |why: String| SpoolError::Event { uid: event.uid.clone(), why };
            let text = serde_json::to_vec(event).map_err(|error| unfit(error.to_string()))?;
            if text.len() > segment::LONGEST {
                return Err(unfit("it is too long".to_owned()));
            }
            texts.push(text);
        }
        if texts.is_empty() {
            return Ok(());
        }
        let newest = self.writer().locked(|writer| {
            if writer.over() {
                self.make_room(writer)?;
            }
            writer.append(&texts)
        })?;
        self.newest.send_replace(newest);
        Ok(())
    }

    /// Whether whoever would append has to wait: the spool is full, and a sink that blocks needs what is in it.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.full().is_some()
    }

    /// Waits until it is not full, or `patience` is over; whether there is room.
    #[must_use]
    pub fn wait_for_room(&self, patience: Duration) -> bool {
        let waited = self.room.wait_timeout_while(self.full(), patience, |full| full.is_some());
        waited.unwrap_or_else(PoisonError::into_inner).0.is_none()
    }

    /// Tells of each append in this process: the last number.
    #[must_use]
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// What has to be done now and then, once a second is often: brings what was appended to the disk, removes what nobody needs,
    /// and sees whether there is room.
    ///
    /// # Errors
    /// Where that can't be done: it is tried again the next time.
    pub fn keep(&self) -> Result<(), SpoolError> {
        let unsynced = self.writer().take_unsynced();
        let mut failed = None;
        for (file, path) in unsynced {
            if let Err(error) = file.sync_all() {
                failed = Some(SpoolError::io("sync", &path)(error));
                self.writer().not_synced((file, path));
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        // Full is what the last look has found.
        match self.writer().locked(|writer| self.make_room(writer)) {
            Ok(()) | Err(SpoolError::Full { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The last number that any process has given.
    pub(super) fn last(&self) -> Result<u64, SpoolError> {
        self.writer().locked(|writer| Ok(writer.last()))
    }

    /// From the event behind `number` on.
    pub(super) fn tail(&self, number: u64) -> Tail {
        Tail::behind(self.directory.clone(), number)
    }

    /// A sink's cursor; nothing where another process has it.
    pub(super) fn cursor(&self, sink: &str) -> Result<Option<Cursor>, SpoolError> {
        Cursor::hold(&self.directory, sink, self.last()?)
    }

    /// Whether a process reads it by this name.
    pub(super) fn is_read(&self, name: &str) -> bool {
        cursor::is_held(&self.directory, name)
    }

    /// Where what belongs to the spool is kept.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    fn make_room(&self, writer: &mut Writer) -> Result<(), SpoolError> {
        let mut readers: Vec<_> = known(&self.directory)?.into_iter().collect();
        readers.retain(|(name, _)| self.readers.iter().any(|reader| reader.name == *name) || !forgotten(&self.directory, name));
        let blocks = |name: &str| self.readers.iter().any(|reader| reader.name == name && reader.on_full == OnFull::Block);
        let room = Room::made(
            &self.directory,
            writer.max_bytes(),
            readers.iter().map(|(name, progress)| (name.as_str(), progress.number, blocks(name))),
        )?;
        writer.set_total(room.bytes);
        self.full().clone_from(&room.blocked);
        self.room.notify_all();
        room.blocked.map_or(Ok(()), |sink| Err(SpoolError::Full { mib: writer.max_bytes() >> 20, sink }))
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn full(&self) -> MutexGuard<'_, Option<String>> {
        self.full.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the spool of a state directory stands, for whoever does not write to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// The number of the first event that is there; of the next where there is none.
    pub first: u64,
    /// The last event's number.
    pub last: u64,
    /// Bytes on the disk.
    pub bytes: u64,
}

/// Looks at the spool of a state directory.
///
/// # Errors
/// Where it can't be read.
pub fn extent(state_dir: &Path) -> Result<Extent, SpoolError> {
    writer::extent(&directory(state_dir))
}

/// How far the sink of this name is; nothing where it never was.
///
/// # Errors
/// Where that can't be read.
pub fn progress(state_dir: &Path, sink: &str) -> Result<Option<Progress>, SpoolError> {
    cursor::look(&directory(state_dir), sink)
}

/// Whether a gateway delivers to the sink of this name.
#[must_use]
pub fn is_held(state_dir: &Path, sink: &str) -> bool {
    cursor::is_held(&directory(state_dir), sink)
}

/// Of each session that has events in the spool the last frame that they tell of.
///
/// # Errors
/// Where it can't be read.
pub fn told(state_dir: &Path) -> Result<HashMap<SessionId, u64>, SpoolError> {
    let mut tail = Tail::behind(directory(state_dir), 0);
    let mut told = HashMap::new();
    while let Some(spooled) = tail.next()? {
        let Ok(event) = spooled.event else { continue };
        let frame = event.uid.strip_prefix(&format!("{}-", event.session)).and_then(|rest| {
            let digits = rest.split(|letter: char| !letter.is_ascii_digit()).next()?;
            digits.parse::<u64>().ok()
        });
        if let Some(frame) = frame {
            let last = told.entry(event.session).or_insert(frame);
            *last = frame.max(*last);
        }
    }
    Ok(told)
}

/// The event behind `number`, where there is one.
///
/// # Errors
/// Where it can't be read.
pub fn behind(state_dir: &Path, number: u64) -> Result<Option<Spooled>, SpoolError> {
    Tail::behind(directory(state_dir), number).next()
}

fn directory(state_dir: &Path) -> PathBuf {
    state_dir.join("spool")
}

/// All sinks that have a cursor, and how far each is.
fn known(directory: &Path) -> Result<Vec<(String, Progress)>, SpoolError> {
    let entries = fs::read_dir(directory).map_err(SpoolError::io("read", directory))?;
    let mut names = BTreeSet::new();
    for entry in entries {
        let name = entry.map_err(SpoolError::io("read", directory))?.file_name();
        names.extend(name.to_str().and_then(|name| name.strip_suffix(".cursor")).map(str::to_owned));
    }
    let looked =
        names.into_iter().map(|name| cursor::look(directory, &name).map(|progress| progress.map(|progress| (name, progress))));
    looked.filter_map(Result::transpose).collect()
}

fn forgotten(directory: &Path, sink: &str) -> bool {
    let modified = fs::metadata(cursor::path(directory, sink)).and_then(|about| about.modified());
    let age = modified.ok().and_then(|modified| SystemTime::now().duration_since(modified).ok());
    age.is_some_and(|age| age > FORGOTTEN)
}

#[cfg(test)]
mod tests;
