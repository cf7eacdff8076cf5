//! Reads a record frame by frame from its files, while it is written or after.

use super::{EvidenceError, files};
use gateway_core::model::ids::SessionId;
use gateway_core::model::time::Timestamp;
use gateway_core::record::block::{BlockKind, HEADER, Header, TRAILER};
use gateway_core::record::chain::FILE_HEADER;
use gateway_core::record::read::{self, ReadError, Unpacker, check_header};
use gateway_core::record::{FrameKind, Hash};
use std::fs::{File, TryLockError};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Walks through the plain layer of one session's record. Nothing is verified: that is [`super::verify`]'s.
pub struct Walk {
    state_dir: PathBuf,
    session: SessionId,
    segment: u32,
    path: PathBuf,
    reader: BufReader<File>,
    /// Where the next block begins in the segment.
    at: u64,
    /// Bytes of whole blocks and headers in the segments before.
    before: u64,
    payload: Vec<u8>,
    unpacker: Unpacker,
    /// Where the next frame begins in the block that was unpacked.
    frame: usize,
    /// Its number.
    next: u64,
}

/// A frame that was read.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Its number.
    pub seq: u64,
    /// When it was made.
    pub time: Timestamp,
    /// What it holds.
    pub kind: FrameKind,
    /// Its body; empty where it was not asked for.
    pub body: &'a [u8],
}

impl Walk {
    /// Begins at the record's first frame.
    pub fn open(state_dir: &Path, session: SessionId) -> Result<Self, EvidenceError> {
        let path = files::segment(state_dir, session, 0);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(EvidenceError::NoSession { session, directory: files::sessions(state_dir) });
            }
            Err(error) => return Err(EvidenceError::io("open", &path)(error)),
        };
        Ok(Self {
            state_dir: state_dir.to_owned(),
            session,
            segment: 0,
            path,
            reader: BufReader::new(file),
            at: 0,
            before: 0,
            payload: Vec::new(),
            unpacker: Unpacker::default(),
            frame: 0,
            next: 0,
        })
    }

    /// The next frame; none where no whole block is there, or not yet. Bodies are those of the kinds
    /// that are `wanted`.
    pub fn next(&mut self, wanted: impl Fn(FrameKind) -> bool) -> Result<Option<Seen<'_>>, EvidenceError> {
        while self.frame >= self.unpacker.raw().len() {
            if !self.block()? {
                return Ok(None);
            }
        }
        let rest = self.unpacker.raw().get(self.frame..).unwrap_or_default();
        let (found, behind) = match read::frame(rest) {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(None),
            Err(error) => return Err(self.broken(error)),
        };
        self.frame += rest.len() - behind.len();
        let seq = self.next;
        self.next += 1;
        let body = if wanted(found.kind) { found.body } else { &[] };
        Ok(Some(Seen { seq, time: found.time, kind: found.kind, body }))
    }

    /// How many bytes of the record were read.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.before + self.at
    }

    /// Unpacks the next block that has frames that are wanted; false where no whole one is there.
    fn block(&mut self) -> Result<bool, EvidenceError> {
        loop {
            let length = self.length()?;
            if self.at == 0 && !self.header(length)? {
                return Ok(false);
            }
            if self.at >= length {
                if self.advance()? {
                    continue;
                }
                return Ok(false);
            }
            let mut head = [0; HEADER];
            if length - self.at < HEADER as u64 {
                return Ok(false);
            }
            self.read(self.at, &mut head)?;
            let header = Header::parse(&head).ok_or_else(|| self.broken(ReadError::Header))?;
            if length - self.at < header.length as u64 {
                return Ok(false);
            }
            let at = self.at;
            self.at += header.length as u64;
            let behind = header.first.saturating_add(u64::from(header.frames));
            if header.kind == BlockKind::Plain && header.frames > 0 {
                let mut payload = std::mem::take(&mut self.payload);
                payload.resize(header.length - HEADER - TRAILER, 0);
                let read = self.read(at + HEADER as u64, &mut payload);
                self.payload = payload;
                read?;
                let unpacked = self.unpacker.unpack(&header, &self.payload).map(drop);
                unpacked.map_err(|error| EvidenceError::Broken { path: self.path.clone(), offset: at, error })?;
                (self.frame, self.next) = (0, header.first);
                return Ok(true);
            }
            self.next = behind;
        }
    }

    fn header(&mut self, length: u64) -> Result<bool, EvidenceError> {
        if length < FILE_HEADER as u64 {
            return Ok(false);
        }
        let mut header = [0; FILE_HEADER];
        self.read(0, &mut header)?;
        check_header(&header, self.segment).map_err(|error| self.broken(error))?;
        self.at = FILE_HEADER as u64;
        Ok(true)
    }

    /// Goes on to the next segment, if it is there.
    fn advance(&mut self) -> Result<bool, EvidenceError> {
        let path = files::segment(&self.state_dir, self.session, self.segment + 1);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(EvidenceError::io("open", &path)(error)),
        };
        self.reader = BufReader::new(file);
        self.before += self.at;
        (self.at, self.segment, self.path) = (0, self.segment + 1, path);
        Ok(true)
    }

    fn length(&self) -> Result<u64, EvidenceError> {
        Ok(self.reader.get_ref().metadata().map_err(EvidenceError::io("look at", &self.path))?.len())
    }

    fn read(&mut self, at: u64, into: &mut [u8]) -> Result<(), EvidenceError> {
        let position = self.reader.stream_position().map_err(EvidenceError::io("read", &self.path))?;
        let moved = match i64::try_from(at).ok().zip(i64::try_from(position).ok()) {
            Some((at, position)) => self.reader.seek_relative(at - position),
            None => self.reader.seek(SeekFrom::Start(at)).map(drop),
        };
        moved.and_then(|()| self.reader.read_exact(into)).map_err(EvidenceError::io("read", &self.path))
    }

    fn broken(&self, error: ReadError) -> EvidenceError {
        EvidenceError::Broken { path: self.path.clone(), offset: self.at, error }
    }
}

/// Whether a gateway is writing this record now: it holds a lock on the first file.
pub fn is_live(state_dir: &Path, session: SessionId) -> bool {
    let file = File::open(files::segment(state_dir, session, 0));
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// The hash that ends a record's file; none where the file has no frame.
pub fn last_hash(path: &Path) -> Result<Option<Hash>, EvidenceError> {
    let failed = EvidenceError::io("read", path);
    let mut file = File::open(path).map_err(&failed)?;
    let length = file.metadata().map_err(&failed)?.len();
    let mut hash = [0; TRAILER];
    if length < (FILE_HEADER + HEADER + TRAILER) as u64 {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(length - TRAILER as u64)).map_err(&failed)?;
    file.read_exact(&mut hash).map_err(&failed)?;
    Ok(Some(Hash(hash)))
}
