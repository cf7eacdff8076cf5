//! The journal: the entries behind the last full bundle, as they come.
//!
//! `weirlog1`, the number of its first entry (u64, big-endian), then for each entry its length (u16, big-endian), the first
//! eight bytes of its leaf hash, and itself.

use super::error::LogError;
use super::files::{Files, step};
use super::problem::Problem;
use gateway_core::record::chain::Hash;
use gateway_core::record::log::tile::{FULL, MAX_ENTRY};
use gateway_core::record::log::tree::leaf_hash;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::PathBuf;
use std::sync::Arc;

const MAGIC: &[u8; 8] = b"weirlog1";
const HEADER: usize = 16;
/// Bytes before an entry.
const BEFORE: usize = 10;
/// The most bytes of it that are read at once: it begins anew long before.
const MOST: u64 = 64 << 20;

/// The journal as one gateway has read it so far.
pub(super) struct Journal {
    file: Arc<File>,
    path: PathBuf,
    /// Which file it is: it is replaced when it begins anew.
    inode: u64,
    /// The number of its first entry.
    base: u64,
    /// The bytes of whole entries, and the header.
    end: u64,
    /// Where each entry lies, and how long it is.
    places: Vec<(u64, u16)>,
}

/// What was read of a journal's end.
pub(super) struct Grown {
    /// The leaves of the entries that were not known.
    pub(super) leaves: Vec<Hash>,
    /// Bytes behind the last whole entry.
    pub(super) torn: u64,
}

impl Journal {
    /// An empty journal's bytes.
    pub(super) fn header(base: u64) -> Vec<u8> {
        [MAGIC.as_slice(), &base.to_be_bytes()].concat()
    }

    /// Opens the journal; nothing of it is read but its header. None where there is none.
    pub(super) fn open(files: &Files, write: bool) -> Result<Option<Self>, LogError> {
        let path = files.journal();
        let file = match OpenOptions::new().read(true).append(write).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(LogError::io("open", &path)(error)),
        };
        let inode = file.metadata().map_err(LogError::io("look at", &path))?.ino();
        let mut header = [0; HEADER];
        let read = file.read_exact_at(&mut header, 0);
        let base = header.strip_prefix(MAGIC).filter(|_| read.is_ok());
        let base = base.and_then(|base| Some(u64::from_be_bytes(base.try_into().ok()?)));
        let no_header = || files.damaged(Problem::NoJournal { why: "its header is not a journal's".to_owned() });
        let base = base.filter(|base| base % FULL == 0 && i64::try_from(*base).is_ok()).ok_or_else(no_header)?;
        Ok(Some(Self { file: Arc::new(file), path, inode, base, end: HEADER as u64, places: Vec::new() }))
    }

    /// For syncing without the lock.
    pub(super) fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// The number of its first entry.
    pub(super) const fn base(&self) -> u64 {
        self.base
    }

    /// How many entries it has.
    pub(super) const fn count(&self) -> usize {
        self.places.len()
    }

    /// How many bytes of whole entries it has, with its header.
    pub(super) const fn bytes(&self) -> u64 {
        self.end
    }

    /// Whether it is still the file in its place, and no shorter than it was.
    pub(super) fn is_current(&self) -> Result<bool, LogError> {
        let about = std::fs::metadata(&self.path).map_err(LogError::io("look at", &self.path))?;
        Ok(about.ino() == self.inode && about.len() >= self.end)
    }

    /// Reads what was appended since.
    pub(super) fn catch_up(&mut self) -> Result<Grown, LogError> {
        let length = self.file.metadata().map_err(LogError::io("look at", &self.path))?.len();
        let mut grown = Grown { leaves: Vec::new(), torn: 0 };
        if length == self.end {
            return Ok(grown);
        }
        let new = length.saturating_sub(self.end);
        if new > MOST {
            let long = io::Error::other(format!("{new} bytes of entries are in it, and {MOST} may be"));
            return Err(LogError::io("read", &self.path)(long));
        }
        let mut bytes = vec![0; new as usize];
        self.file.read_exact_at(&mut bytes, self.end).map_err(LogError::io("read", &self.path))?;
        let mut rest = bytes.as_slice();
        while let Some((entry, leaf, behind)) = split(rest) {
            self.places.push((self.end + BEFORE as u64, entry.len() as u16));
            self.end += (BEFORE + entry.len()) as u64;
            grown.leaves.push(leaf);
            rest = behind;
        }
        grown.torn = rest.len() as u64;
        Ok(grown)
    }

    /// Cuts off what is behind the last whole entry.
    pub(super) fn cut(&self) -> Result<(), LogError> {
        self.file.set_len(self.end).map_err(LogError::io("shorten", &self.path))?;
        step();
        Ok(())
    }

    /// Appends entries with their leaves, all or none. What fails is cut off.
    pub(super) fn append(&mut self, entries: &[(Vec<u8>, Hash)]) -> Result<(), LogError> {
        let mut bytes = Vec::new();
        let mut places = Vec::new();
        for (entry, leaf) in entries {
            push(&mut bytes, entry, *leaf);
            places.push((self.end + (bytes.len() - entry.len()) as u64, entry.len() as u16));
        }
        if let Err(error) = (&*self.file).write_all(&bytes) {
            self.cut()?;
            return Err(LogError::io("append to", &self.path)(error));
        }
        step();
        self.end += bytes.len() as u64;
        self.places.append(&mut places);
        Ok(())
    }

    /// Brings what was appended to the disk.
    pub(super) fn sync(&self) -> Result<(), LogError> {
        self.file.sync_data().map_err(LogError::io("sync", &self.path))?;
        step();
        Ok(())
    }

    /// The bytes of the entries from place `from` on, `count` of them at most.
    pub(super) fn entries(&self, from: usize, count: usize) -> Result<Vec<Vec<u8>>, LogError> {
        let places = self.places.iter().skip(from).take(count);
        let read = places.map(|&(at, length)| {
            let mut entry = vec![0; usize::from(length)];
            self.file.read_exact_at(&mut entry, at)?;
            Ok(entry)
        });
        read.collect::<io::Result<_>>().map_err(LogError::io("read", &self.path))
    }

    /// The bytes of a journal that begins with entry `base`, of those that this one has.
    pub(super) fn from(&self, base: u64) -> Result<Vec<u8>, LogError> {
        let mut bytes = Self::header(base);
        for entry in self.entries((base - self.base) as usize, usize::MAX)? {
            push(&mut bytes, &entry, leaf_hash(&entry));
        }
        Ok(bytes)
    }
}

fn push(bytes: &mut Vec<u8>, entry: &[u8], leaf: Hash) {
    let check = leaf.0.first_chunk::<8>().copied().unwrap_or_default();
    bytes.extend_from_slice(&(entry.len() as u16).to_be_bytes());
    bytes.extend_from_slice(&check);
    bytes.extend_from_slice(entry);
}

/// The first entry, its leaf, and what follows it; none where that is not whole.
fn split(bytes: &[u8]) -> Option<(&[u8], Hash, &[u8])> {
    const { assert!(MAX_ENTRY <= u16::MAX as usize) };
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    let (check, rest) = rest.split_first_chunk::<8>()?;
    let (entry, behind) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    let leaf = leaf_hash(entry);
    (!entry.is_empty() && leaf.0.starts_with(check)).then_some((entry, leaf, behind))
}
