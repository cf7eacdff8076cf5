//! How far a sink is, in a file that is there whole whenever the machine stops: two slots, written in turn.
//!
//! `<sink>.cursor` has two slots of 4096 bytes: CRC-32 in hex, a space, JSON, a line feed, spaces. The whole one of the higher
//! generation counts. Whoever delivers holds the file's lock.

use super::SpoolError;
use gateway_core::model::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of a slot.
const SLOT: usize = 4096;
/// How often at most it is brought to the disk.
const SYNC: Duration = Duration::from_secs(1);

/// How far a sink is, and how it went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// All up to this number is over: delivered, refused, dropped or not wanted.
    pub number: u64,
    /// What is behind `number` and up to here may have been sent.
    pub sent: u64,
    /// The boot in which that was written.
    boot: String,
    /// Written so often.
    generation: u64,
    /// Events that the receiver has taken.
    pub delivered: u64,
    /// Events that the sink's filter leaves out.
    pub unwanted: u64,
    /// Events that it will never get, for the spool was full.
    pub dropped: u64,
    /// Events that the receiver refused, set aside.
    pub refused: u64,
    /// When something was last delivered.
    pub delivered_at: Option<Timestamp>,
    /// What last went wrong, without any secret.
    pub error: Option<String>,
    /// When.
    pub error_at: Option<Timestamp>,
    /// Failures since the last success.
    pub attempts: u32,
    /// When it is tried again.
    pub next_at: Option<Timestamp>,
}

/// The file of a sink's cursor.
pub(super) fn path(directory: &Path, sink: &str) -> PathBuf {
    directory.join(format!("{sink}.cursor"))
}

/// How far a sink is; nothing where none of this name ever was.
pub(super) fn look(directory: &Path, sink: &str) -> Result<Option<Progress>, SpoolError> {
    let path = path(directory, sink);
    match File::open(&path) {
        Ok(file) => read(&file).map(Some).map_err(SpoolError::io("read", &path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(SpoolError::io("open", &path)(error)),
    }
}

/// Whether a process has the cursor.
pub(super) fn is_held(directory: &Path, sink: &str) -> bool {
    let tried = File::open(path(directory, sink)).map(|file| file.try_lock());
    matches!(tried, Ok(Err(TryLockError::WouldBlock)))
}

/// Has a sink that is new begin behind `number`.
pub(super) fn begin(directory: &Path, sink: &str, number: u64) -> Result<(), SpoolError> {
    let path = path(directory, sink);
    let progress = Progress { number, sent: number, boot: boot(), generation: 1, ..Progress::default() };
    let made = slot(&progress).and_then(|slot| crate::durable::create(&path, &slot, 0o600));
    made.map(drop).map_err(SpoolError::io("create", &path))
}

/// A sink's cursor, which nobody else moves.
pub(in super::super) struct Cursor {
    file: Arc<File>,
    path: PathBuf,
    /// As it is in the file after the next [`Self::write`].
    pub(in super::super) progress: Progress,
    synced: Instant,
}

impl Cursor {
    /// Takes it; nothing where another process has it. `end` is the spool's last number.
    pub(super) fn hold(directory: &Path, sink: &str, end: u64) -> Result<Option<Self>, SpoolError> {
        let path = path(directory, sink);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.map_err(SpoolError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(SpoolError::io("lock", &path)(error)),
        }
        let mut progress = read(&file).map_err(SpoolError::io("read", &path))?;
        if progress.boot != boot() {
            // What was written last may be lost: any of it may have been sent.
            progress.sent = end.max(progress.sent);
            progress.boot = boot();
        }
        Ok(Some(Self { file: Arc::new(file), path, progress, synced: Instant::now() }))
    }

    /// Writes how far it is: from here on a killed process does not take it back.
    pub(in super::super) fn write(&mut self) -> Result<(), SpoolError> {
        self.progress.generation += 1;
        let place = (self.progress.generation % 2) * SLOT as u64;
        let written = slot(&self.progress).and_then(|slot| self.file.write_all_at(&slot, place));
        written.map_err(SpoolError::io("write", &self.path))
    }

    /// What is to be synced, where that was last done some time ago: a power cut takes back no more than that.
    pub(in super::super) fn unsynced(&mut self, now: bool) -> Option<Arc<File>> {
        (now || self.synced.elapsed() >= SYNC).then(|| {
            self.synced = Instant::now();
            Arc::clone(&self.file)
        })
    }
}

fn slot(progress: &Progress) -> io::Result<Vec<u8>> {
    let json = serde_json::to_string(progress)?;
    let mut slot = format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes())).into_bytes();
    if slot.len() > SLOT {
        return Err(io::Error::other("the cursor has more text than it has room for"));
    }
    slot.resize(SLOT, b' ');
    Ok(slot)
}

fn read(mut file: &File) -> io::Result<Progress> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let whole = bytes.chunks(SLOT).filter_map(understand);
    // Where neither is whole, all is told again.
    Ok(whole.max_by_key(|progress| progress.generation).unwrap_or_default())
}

fn understand(slot: &[u8]) -> Option<Progress> {
    let (crc, json) = std::str::from_utf8(slot).ok()?.trim_end().split_once(' ')?;
    let whole = u32::from_str_radix(crc, 16).ok()? == crc32fast::hash(json.as_bytes());
    if whole { serde_json::from_str(json).ok() } else { None }
}

/// Names this boot of the host.
fn boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned()).unwrap_or_default()
}
