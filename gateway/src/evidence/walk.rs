//! Reads a record frame by frame from its files, while it is written or after.

use super::{EvidenceError, files};
use gateway_core::model::ids::SessionId;
use gateway_core::model::time::Timestamp;
use gateway_core::record::chain::FILE_HEADER;
use gateway_core::record::frame::{HEADER, TRAILER, VERSION};
use gateway_core::record::read::{ReadError, check_header, frame_length};
use gateway_core::record::{FrameKind, Hash};
use std::fs::{File, TryLockError};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Walks through one session's record. Nothing is verified: that is [`super::verify`]'s.
pub struct Walk {
    state_dir: PathBuf,
    session: SessionId,
    segment: u32,
    path: PathBuf,
    reader: BufReader<File>,
    /// Where the next frame begins in the segment.
    at: u64,
    /// Bytes of whole frames and headers in the segments before.
    before: u64,
    body: Vec<u8>,
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
        let reader = BufReader::new(file);
        let state_dir = state_dir.to_owned();
        Ok(Self { state_dir, session, segment: 0, path, reader, at: 0, before: 0, body: Vec::new() })
    }

    /// The next frame; none where no whole one is there, or not yet. Bodies are read of the kinds
    /// that are `wanted`.
    pub fn next(&mut self, wanted: impl Fn(FrameKind) -> bool) -> Result<Option<Seen<'_>>, EvidenceError> {
        loop {
            let length = self.length()?;
            if self.at == 0 && !self.header(length)? {
                return Ok(None);
            }
            if self.at < length {
                return self.frame(length, wanted);
            }
            if !self.advance()? {
                return Ok(None);
            }
        }
    }

    /// How many bytes of the record were read.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.before + self.at
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

    fn frame(&mut self, length: u64, wanted: impl Fn(FrameKind) -> bool) -> Result<Option<Seen<'_>>, EvidenceError> {
        let mut header = [0; HEADER];
        if length - self.at < HEADER as u64 {
            return Ok(None);
        }
        self.read(self.at, &mut header)?;
        let bytes = frame_length(&header).map_err(|error| self.broken(error))?.unwrap_or_default();
        if length - self.at < bytes as u64 {
            return Ok(None);
        }
        let flags = u16::from_le_bytes([header[6], header[7]]);
        if header[5] != VERSION || flags != 0 {
            return Err(self.broken(ReadError::Version { version: header[5], flags }));
        }
        let kind = FrameKind::from_number(header[4]).ok_or_else(|| self.broken(ReadError::Kind(header[4])))?;
        self.body.clear();
        if wanted(kind) {
            let mut body = std::mem::take(&mut self.body);
            body.resize(bytes - HEADER - TRAILER, 0);
            self.read(self.at + HEADER as u64, &mut body)?;
            self.body = body;
        }
        self.at += bytes as u64;
        let number =
            |at: usize| header.get(at..).and_then(|bytes| bytes.first_chunk()).map_or(0, |bytes| u64::from_le_bytes(*bytes));
        Ok(Some(Seen { seq: number(8), time: Timestamp(number(16)), kind, body: &self.body }))
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
