//! Writes events to a spool as docs/sinks.md has its format: another process than the gateway, and another program.

use gateway_core::event::{Context, Event, Statement, What};
use gateway_core::model::ids::SessionId;
use gateway_core::model::time::Timestamp;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Segments are closed once they have so much.
const SEGMENT: u64 = 1 << 20;

/// What appends.
#[derive(Debug)]
pub struct Appender {
    directory: PathBuf,
    last: u64,
    /// The segment that is appended to, and how much of it is known.
    segment: Option<(PathBuf, u64)>,
}

impl Appender {
    /// Goes on behind the last number of the spool below `state`.
    pub fn open(state: &Path) -> Self {
        Self { directory: state.join("spool"), last: 0, segment: None }
    }

    /// The number of the last event that it has appended.
    pub const fn last(&self) -> u64 {
        self.last
    }

    /// Appends.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn append(&mut self, events: &[Event]) -> io::Result<()> {
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(self.directory.join("lock"))?;
        let _lock = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, error)| error)?;
        self.catch_up()?;
        let mut bytes = Vec::new();
        let first = self.last + 1;
        for event in events {
            self.last += 1;
            let json = serde_json::to_vec(event)?;
            let mut summed = self.last.to_le_bytes().to_vec();
            summed.extend_from_slice(&json);
            bytes.extend_from_slice(&u32::try_from(json.len()).map_err(io::Error::other)?.to_le_bytes());
            bytes.extend_from_slice(&crc32fast::hash(&summed).to_le_bytes());
            bytes.extend_from_slice(&summed);
        }
        if self.segment.as_ref().is_none_or(|(_, length)| *length >= SEGMENT) {
            let path = self.directory.join(format!("{first:020}.seg"));
            let mut header = b"weirspl1".to_vec();
            header.extend_from_slice(&first.to_le_bytes());
            fs::write(&path, header)?;
            self.segment = Some((path, 16));
        }
        if let Some((path, length)) = &mut self.segment {
            OpenOptions::new().append(true).open(path)?.write_all(&bytes)?;
            *length += bytes.len() as u64;
        }
        Ok(())
    }

    /// Knows what others appended. Only under the lock.
    fn catch_up(&mut self) -> io::Result<()> {
        let mut segments = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            segments.extend(path.extension().is_some_and(|extension| extension == "seg").then_some(path));
        }
        let Some(newest) = segments.into_iter().max() else { return Ok(()) };
        let length = fs::metadata(&newest)?.len();
        if self.segment.as_ref().is_some_and(|(path, known)| *path == newest && *known == length) {
            return Ok(());
        }
        let (bytes, mut at) = (fs::read(&newest)?, 16);
        while let Some(header) = bytes.get(at..at + 16) {
            let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
            self.last = header[8..16].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
            at += 16 + length;
        }
        self.segment = Some((newest, length));
        Ok(())
    }
}

/// A statement of this session, the `number`th event of all: its uid is `load-<number>`.
pub fn event(number: u64, session: u64) -> Event {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let text = format!("SELECT * FROM customers WHERE id = {number} AND region = 'north' ORDER BY name LIMIT 100");
    let statement = Statement { operation: number, text: Some(text), rows: 1, ..Statement::default() };
    Event {
        uid: format!("load-{number}"),
        at: Timestamp(u64::try_from(at.as_nanos()).unwrap_or(u64::MAX)),
        host: "ci-7".to_owned(),
        session: SessionId::from_number(session),
        context: Context { target: Some("prod-pg".to_owned()), ..Context::default() },
        what: What::Statement(Box::new(statement)),
    }
}
