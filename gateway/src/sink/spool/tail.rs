//! Reads the spool from a number on, as far as it goes, and goes on where more is appended: by this process or by another.

use super::segment::{self, Found};
use super::{SpoolError, segment::HEADER};
use gateway_core::event::Event;
use std::fs::File;
use std::io::{self, BufReader, Seek, SeekFrom};
use std::path::PathBuf;

/// Bytes that are read at once.
const BUFFER: usize = 256 << 10;

/// An event and its number.
#[derive(Clone, Debug, PartialEq)]
pub struct Spooled {
    /// Its number.
    pub number: u64,
    /// Bytes that it has in the spool.
    pub bytes: usize,
    /// The event; where its JSON is none of this version's, why not.
    pub event: Result<Event, String>,
}

/// A place in the spool.
pub(in super::super) struct Tail {
    directory: PathBuf,
    open: Option<Open>,
    /// The next number that is wanted.
    next: u64,
    json: Vec<u8>,
}

struct Open {
    first: u64,
    file: BufReader<File>,
    /// Of the next record.
    offset: u64,
}

impl Tail {
    /// From the event behind `number` on.
    pub(super) const fn behind(directory: PathBuf, number: u64) -> Self {
        Self { directory, open: None, next: number + 1, json: Vec::new() }
    }

    /// The number behind which it stands.
    pub(in super::super) const fn position(&self) -> u64 {
        self.next - 1
    }

    /// Goes back, or forth, to behind `number`.
    pub(in super::super) fn seek(&mut self, number: u64) {
        self.next = number + 1;
        self.open = None;
    }

    /// The next event, where there is one yet. Its number is the next, but where events were dropped.
    pub(in super::super) fn next(&mut self) -> Result<Option<Spooled>, SpoolError> {
        loop {
            if self.open.is_none() && !self.enter()? {
                return Ok(None);
            }
            match self.read()? {
                Found::Record(number) if number < self.next => {}
                Found::Record(number) => {
                    self.next = number + 1;
                    let event = serde_json::from_slice(&self.json).map_err(|error| error.to_string());
                    return Ok(Some(Spooled { number, bytes: self.json.len(), event }));
                }
                Found::Torn if self.skip()? => {}
                found @ (Found::End | Found::Torn) => {
                    if !self.leave(found == Found::Torn)? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Opens the segment that has the next number, or the first behind it; whether there is one.
    fn enter(&mut self) -> Result<bool, SpoolError> {
        let firsts = segment::all(&self.directory)?;
        let before = firsts.iter().rev().find(|first| **first <= self.next);
        match before.or_else(|| firsts.first()) {
            Some(first) => self.open(*first),
            None => Ok(false),
        }
    }

    fn open(&mut self, first: u64) -> Result<bool, SpoolError> {
        let path = segment::path(&self.directory, first);
        let mut file = match File::open(&path) {
            Ok(file) => BufReader::with_capacity(BUFFER, file),
            // It was removed just now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(SpoolError::io("open", &path)(error)),
        };
        file.seek(SeekFrom::Start(HEADER)).map_err(SpoolError::io("read", &path))?;
        self.open = Some(Open { first, file, offset: HEADER });
        Ok(true)
    }

    /// What is at the place; behind a whole record, the place is the next one's.
    fn read(&mut self) -> Result<Found, SpoolError> {
        let Some(open) = &mut self.open else { return Ok(Found::End) };
        let failed = |error| SpoolError::io("read", &segment::path(&self.directory, open.first))(error);
        let found = segment::decode(&mut open.file, &mut self.json).map_err(failed)?;
        match found {
            Found::Record(_) => open.offset += (segment::RECORD_HEADER + self.json.len()) as u64,
            // What is there of it may be more the next time.
            Found::Torn | Found::End => drop(open.file.seek(SeekFrom::Start(open.offset)).map_err(failed)?),
        }
        Ok(found)
    }

    /// Goes on behind a broken record where there are whole ones; whether there are.
    fn skip(&mut self) -> Result<bool, SpoolError> {
        let Some(open) = &mut self.open else { return Ok(false) };
        let failed = |error| SpoolError::io("read", &segment::path(&self.directory, open.first))(error);
        let Some(behind) = segment::resume(open.file.get_ref(), open.offset, self.next - 1).map_err(failed)? else {
            return Ok(false);
        };
        tracing::error!(
            segment = open.first,
            bytes = behind - open.offset,
            "a part of the spool can't be read, and is passed over"
        );
        open.file.seek(SeekFrom::Start(behind)).map_err(failed)?;
        open.offset = behind;
        Ok(true)
    }

    /// At a segment's end: enters the next one, where there is one. What is torn in any but the last one stays so.
    fn leave(&mut self, torn: bool) -> Result<bool, SpoolError> {
        let Some(open) = &self.open else { return Ok(false) };
        let (here, firsts) = (open.first, segment::all(&self.directory)?);
        let Some(next) = firsts.into_iter().find(|first| *first > here) else { return Ok(false) };
        // It may have grown before the next one was made.
        match self.read()? {
            Found::Record(_) => self.seek(self.position()),
            Found::End => return self.open(next),
            Found::Torn => {
                if torn {
                    tracing::error!(segment = here, next, "a part of the spool can't be read, and is passed over");
                }
                return self.open(next);
            }
        }
        Ok(true)
    }
}
