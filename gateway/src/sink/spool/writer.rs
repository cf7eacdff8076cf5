//! Appends to the spool's last segment, behind whatever other processes have appended.

use super::segment::{self, Found, HEADER, MAGIC};
use super::{Extent, SpoolError};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A segment is closed once it has so much, or a sixteenth of what the spool may have.
const SEGMENT: u64 = 16 << 20;
/// A spool has more than one segment, however small it may be.
const SMALLEST_SEGMENT: u64 = 4 << 10;

/// The spool as one process appends to it.
pub(super) struct Writer {
    directory: PathBuf,
    lock: File,
    lock_path: PathBuf,
    max_bytes: u64,
    current: Option<Segment>,
    /// The last number that was given.
    last: u64,
    /// Bytes of all segments, as far as is known.
    total: u64,
    unsynced: Vec<Unsynced>,
}

/// A file, or the directory, with its path.
pub(super) type Unsynced = (Arc<File>, PathBuf);

struct Segment {
    first: u64,
    file: Arc<File>,
    path: PathBuf,
    /// Bytes of it that are whole records.
    length: u64,
    /// The last number in it, or the one before its first.
    last: u64,
}

impl Writer {
    pub(super) fn open(directory: &Path, max_bytes: u64) -> Result<Self, SpoolError> {
        let lock_path = directory.join("lock");
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&lock_path);
        let lock = lock.map_err(SpoolError::io("open", &lock_path))?;
        let directory = directory.to_owned();
        Ok(Self { directory, lock, lock_path, max_bytes, current: None, last: 0, total: 0, unsynced: Vec::new() })
    }

    /// Holds the spool's lock, knows all that is in it, and runs `work`.
    pub(super) fn locked<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, SpoolError>) -> Result<T, SpoolError> {
        self.lock.lock().map_err(SpoolError::io("lock", &self.lock_path))?;
        let result = self.catch_up().and_then(|()| work(self));
        self.lock.unlock().map_err(SpoolError::io("unlock", &self.lock_path))?;
        result
    }

    /// The last number that was given.
    pub(super) const fn last(&self) -> u64 {
        self.last
    }

    /// Gives no number up to this one any more; the last that counts as given.
    pub(super) fn at_least(&mut self, number: u64) -> u64 {
        self.last = self.last.max(number);
        self.last
    }

    pub(super) const fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    pub(super) const fn set_total(&mut self, bytes: u64) {
        self.total = bytes;
    }

    /// Whether there is more than there may be.
    pub(super) const fn over(&self) -> bool {
        self.total > self.max_bytes
    }

    /// Appends, all or nothing; the last number. Only within [`Self::locked`].
    pub(super) fn append(&mut self, texts: &[Vec<u8>]) -> Result<u64, SpoolError> {
        let (mut number, mut bytes) = (self.last, Vec::new());
        for text in texts {
            number += 1;
            segment::encode(number, text, &mut bytes);
        }
        let most = SEGMENT.min(self.max_bytes / 16).max(SMALLEST_SEGMENT);
        let fits = self.current.as_ref().is_some_and(|current| current.last == self.last && current.length < most);
        if !fits {
            self.current = Some(self.begin_segment()?);
        }
        let Some(current) = &mut self.current else { return Ok(self.last) };
        if let Err(error) = (&*current.file).write_all(&bytes) {
            // What was written of them would be torn for the next one to cut off.
            current.file.set_len(current.length).map_err(SpoolError::io("shorten", &current.path))?;
            return Err(SpoolError::io("append to", &current.path)(error));
        }
        current.length += bytes.len() as u64;
        current.last = number;
        if !self.unsynced.iter().any(|(file, _)| Arc::ptr_eq(file, &current.file)) {
            self.unsynced.push((Arc::clone(&current.file), current.path.clone()));
        }
        self.total += bytes.len() as u64;
        self.last = number;
        Ok(number)
    }

    /// What is not on the disk yet, for syncing without holding anything.
    pub(super) fn take_unsynced(&mut self) -> Vec<Unsynced> {
        std::mem::take(&mut self.unsynced)
    }

    /// It could not be synced.
    pub(super) fn not_synced(&mut self, unsynced: Unsynced) {
        self.unsynced.push(unsynced);
    }

    fn begin_segment(&mut self) -> Result<Segment, SpoolError> {
        let first = self.last + 1;
        let path = segment::path(&self.directory, first);
        let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&path);
        let file = file.map_err(SpoolError::io("create", &path))?;
        let begun = file.set_len(0).and_then(|()| (&file).write_all(&segment::header(first)));
        begun.map_err(SpoolError::io("begin", &path))?;
        let folder = File::open(&self.directory).map_err(SpoolError::io("open", &self.directory))?;
        self.unsynced.push((Arc::new(folder), self.directory.clone()));
        self.total += HEADER;
        Ok(Segment { first, file: Arc::new(file), path, length: HEADER, last: self.last })
    }

    /// Knows what others appended, and cuts off what a crash left torn.
    fn catch_up(&mut self) -> Result<(), SpoolError> {
        while let Some(newest) = segment::all(&self.directory)?.pop() {
            let known = self.current.take().filter(|current| current.first == newest);
            let mut current = match known {
                Some(current) => current,
                None => self.enter(newest)?,
            };
            let length = current.file.metadata().map_err(SpoolError::io("look at", &current.path))?.len();
            if length < current.length {
                current = self.enter(newest)?;
            }
            if (current.length == 0 || length != current.length) && !current.read_on(length)? {
                // Not even its beginning is whole: it never had a record.
                tracing::warn!(path = %current.path.display(), "a segment of the spool was hardly begun, and is removed");
                fs::remove_file(&current.path).map_err(SpoolError::io("remove", &current.path))?;
                continue;
            }
            self.last = self.last.max(current.last);
            self.current = Some(current);
            return Ok(());
        }
        self.current = None;
        Ok(())
    }

    fn enter(&self, first: u64) -> Result<Segment, SpoolError> {
        let path = segment::path(&self.directory, first);
        let file = OpenOptions::new().read(true).append(true).open(&path).map_err(SpoolError::io("open", &path))?;
        Ok(Segment { first, file: Arc::new(file), path, length: 0, last: first.saturating_sub(1) })
    }
}

impl Segment {
    /// Reads on from what is known to `length`; what is torn is cut off. Whether its beginning is whole.
    fn read_on(&mut self, length: u64) -> Result<bool, SpoolError> {
        let whole = scan(&self.file, self.length, self.last).map_err(SpoolError::io("read", &self.path))?;
        let Some((whole, last)) = whole else { return Ok(false) };
        if whole < length {
            let cut = length - whole;
            tracing::warn!(path = %self.path.display(), cut, "the spool ended within an event, which is cut off");
            self.file.set_len(whole).map_err(SpoolError::io("shorten", &self.path))?;
        }
        (self.length, self.last) = (whole, last);
        Ok(true)
    }
}

/// How far a segment is whole from `offset` on, and the last number up to there; nothing where its header is not.
fn scan(file: &File, offset: u64, last: u64) -> io::Result<Option<(u64, u64)>> {
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let (mut offset, mut last) = (offset, last);
    reader.seek(SeekFrom::Start(offset))?;
    if offset == 0 {
        let mut header = Vec::new();
        reader.by_ref().take(HEADER).read_to_end(&mut header)?;
        if header.len() as u64 != HEADER || !header.starts_with(MAGIC) {
            return Ok(None);
        }
        offset = HEADER;
    }
    let mut json = Vec::new();
    loop {
        match segment::decode(&mut reader, &mut json)? {
            Found::Record(number) => {
                offset += (segment::RECORD_HEADER + json.len()) as u64;
                last = number;
            }
            Found::End => return Ok(Some((offset, last))),
            Found::Torn => match segment::resume(file, offset, last)? {
                Some(behind) => {
                    offset = behind;
                    reader.seek(SeekFrom::Start(offset))?;
                }
                None => return Ok(Some((offset, last))),
            },
        }
    }
}

/// How the spool stands; nothing is written.
pub(super) fn extent(directory: &Path) -> Result<Extent, SpoolError> {
    let firsts = segment::all(directory)?;
    let mut extent = Extent { first: 1, ..Extent::default() };
    for first in &firsts {
        let path = segment::path(directory, *first);
        // One that was removed just now counts no more.
        extent.bytes += fs::metadata(&path).map_or(0, |about| about.len());
    }
    let (Some(first), Some(newest)) = (firsts.first(), firsts.last()) else { return Ok(extent) };
    let path = segment::path(directory, *newest);
    let file = File::open(&path).map_err(SpoolError::io("open", &path))?;
    let scanned = scan(&file, 0, newest - 1).map_err(SpoolError::io("read", &path))?;
    extent.first = *first;
    extent.last = scanned.map_or(newest - 1, |(_, last)| last);
    Ok(extent)
}
