//! How readers get what was recorded a moment ago, and who may write.
//!
//! Who writes holds a lock on `index.lock`, and hears when anybody closes that file after writing: then it looks, and says
//! when it began to look. Where nobody writes, a command does it itself.

use super::catchup::{Progress, Watch, catch_up};
use super::{Index, IndexError, schema};
use crate::evidence::now;
use gateway_core::model::time::Timestamp;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long one who lists waits for what was recorded just now.
pub(super) const MOMENT: Duration = Duration::from_millis(500);
/// How long a command does.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a rebuild may take without a sign of life.
const REBUILD: Duration = Duration::from_secs(60);
const AGAIN: Duration = Duration::from_millis(2);

/// The right to write the index, as long as it is kept.
pub(super) struct Lock(#[expect(dead_code, reason = "the lock goes with the file")] File);

impl Lock {
    /// Takes it; none where somebody has it.
    pub(super) fn take(state_dir: &Path) -> Result<Option<Self>, IndexError> {
        let path = lock_path(state_dir);
        let failed = |error| IndexError::File { path: path.clone(), error };
        // Not for writing where it is there: whoever has it would take that for a question.
        let file = match File::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                OpenOptions::new().create(true).append(true).mode(0o600).open(&path)
            }
            opened => opened,
        };
        let file = file.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

pub(super) fn lock_path(state_dir: &Path) -> PathBuf {
    state_dir.join("index.lock")
}

/// The index with all that has been recorded by now; none where it can't be had, and the records have to be read.
/// `tell` hears how far it is, where it has to be made.
#[must_use]
pub fn open_fresh(state_dir: &Path, tell: &mut dyn FnMut(Progress)) -> Option<Index> {
    match brought_up(state_dir, tell) {
        Ok(()) => Some(Index::new(state_dir)),
        Err(error) => {
            tracing::debug!(%error, "the records are read, not the index");
            None
        }
    }
}

fn brought_up(state_dir: &Path, tell: &mut dyn FnMut(Progress)) -> Result<(), IndexError> {
    let Some(_lock) = Lock::take(state_dir)? else {
        poke(state_dir, PATIENCE);
        return Ok(());
    };
    let attempt = |tell: &mut dyn FnMut(Progress)| {
        let connection = schema::write(state_dir)?;
        catch_up(&connection, state_dir, &mut Watch { stop: &|| false, tell, gentle: false }).map(drop)
    };
    match attempt(tell) {
        Err(error) if error.is_damage() => {
            schema::remove(state_dir)?;
            attempt(tell)
        }
        other => other,
    }
}

/// Asks whoever writes to look now, and waits until that was done. False where it was not within `patience`.
pub(super) fn poke(state_dir: &Path, patience: Duration) -> bool {
    let (since, begun) = (now(), Instant::now());
    let path = lock_path(state_dir);
    if OpenOptions::new().append(true).open(&path).is_err() {
        return false;
    }
    let Ok(Some(connection)) = schema::read(state_dir) else { return false };
    loop {
        let at = schema::meta(&connection, "at").ok().flatten().unwrap_or_default();
        if Timestamp(at.cast_unsigned()) >= since {
            return true;
        }
        if begun.elapsed() > patience {
            return false;
        }
        std::thread::sleep(AGAIN);
    }
}

/// Has the one who writes make the index anew, and waits until it has.
pub(super) fn ask_for_rebuild(state_dir: &Path, tell: &mut dyn FnMut(Progress)) -> Result<u64, IndexError> {
    let busy = || IndexError::Busy { directory: state_dir.to_owned() };
    let mark = rebuild_path(state_dir);
    let made = OpenOptions::new().create(true).append(true).mode(0o600).open(&mark);
    made.map_err(|error| IndexError::File { path: mark.clone(), error })?;
    let _heard = poke(state_dir, Duration::ZERO);
    let mut alive = Instant::now();
    let mut last = None;
    let index = Index::new(state_dir);
    loop {
        // It removes the mark once it has begun, and the index is whole once it is done.
        if !mark.exists() {
            let done = index.ask(|connection| super::catchup::count(connection).map_err(super::failed(connection)))?;
            if let Some(count) = done {
                return Ok(count);
            }
        }
        let length = std::fs::metadata(schema::path(state_dir)).map(|about| about.len()).ok();
        if length != last {
            (last, alive) = (length, Instant::now());
            tell(Progress { done: 0, all: 0 });
        }
        if alive.elapsed() > REBUILD {
            return Err(busy());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A file whose being there asks for a rebuild.
pub(super) fn rebuild_path(state_dir: &Path) -> PathBuf {
    state_dir.join("index.rebuild")
}
